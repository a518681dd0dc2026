/* Selection of cells: the logits of tests/goldens/tables/, alone and in batches, with the scores of
 * aggregations behind them. */
#include "unit.h"

#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/own.h"
#include "kernels/kernels.h"
#include "models/model.h"

#include "changed.h"

#include <math.h>

enum { MEMORY = 1 << 28, KINDS = 7 };

struct golden {
    model *model;
    team *threads;
    json_t *file;
    const json_t *cases;
    arena *memory;
};

static void golden_open(struct golden *g, const char *name)
{
    error e = {0};
    own_mem char *folder = xprintf("%s/goldens/tables/%s", TEST_ROOT, name);
    own_mem char *path = path_join(folder, "cases.json");
    g->threads = team_new(2, &e);
    g->model = model_open(folder, g->threads, &e);
    g->file = json_parse_file(path, 1 << 24, &e);
    g->memory = arena_new(MEMORY);
    if (!g->model || !g->file)
        fail_msg("%s: %s", name, e.message);
    g->cases = json_object_get(g->file, "cases");
}

static void golden_close(struct golden *g)
{
    model_close(g->model);
    team_free(g->threads);
    json_decref(g->file);
    arena_free(g->memory);
}

static int put_ints(const json_t *list, int *out)
{
    int n = (int)json_array_size(list);
    for (int i = 0; i < n; i++)
        out[i] = (int)json_integer_value(json_array_get(list, (size_t)i));
    return n;
}

/* The cases first .. first + n - 1 as one batch. */
static token_batch batch_of(struct golden *g, int first, int n)
{
    enum { MOST = 1 << 14 };
    int *ids = arena_alloc(g->memory, MOST * sizeof *ids);
    int *kinds = arena_alloc(g->memory, MOST * KINDS * sizeof *kinds);
    int *start = arena_alloc(g->memory, ((size_t)n + 1) * sizeof *start);
    for (int i = 0; i < n; i++) {
        const json_t *row = json_array_get(g->cases, (size_t)(first + i));
        const json_t *rows = json_object_get(row, "kinds");
        start[i + 1] = start[i] + put_ints(json_object_get(row, "ids"), ids + start[i]);
        for (size_t k = 0; k < json_array_size(rows); k++)
            put_ints(json_array_get(rows, k), kinds + ((size_t)start[i] + k) * KINDS);
    }
    return (token_batch){.ids = ids, .table_types = kinds, .start = start, .n_seq = n};
}

static float *run(struct golden *g, const token_batch *b)
{
    error e = {0};
    size_t n = (size_t)b->start[b->n_seq] +
               (size_t)b->n_seq * (size_t)model_logits_sequence_width(g->model);
    float *out = arena_raw(g->memory, n + 1, sizeof *out);
    if (!model_logits(g->model, b, NULL, 0, out, g->memory, &e))
        fail_msg("%s", e.message);
    return out;
}

/* Logits of 10,000 and more are rounded as floats are. Returns the largest error of all others. */
static double check(const float *got, const json_t *wanted, double tolerance)
{
    double worst = 0;
    for (size_t i = 0; i < json_array_size(wanted); i++) {
        double value = json_number_value(json_array_get(wanted, i));
        double off = fabs((double)got[i] - value);
        if (off > (fabs(value) > 1000 ? 4e-3 : tolerance))
            fail_msg("value %zu is %g, expected %g", i, (double)got[i], value);
        if (fabs(value) <= 1000)
            worst = fmax(worst, off);
    }
    return worst;
}

static void replay(const char *name, int n_aggregations)
{
    struct golden g;
    golden_open(&g, name);
    int n = (int)json_array_size(g.cases);
    double tolerance = json_number_value(json_object_get(g.file, "tolerance")), worst = 0;
    const model_info *info = model_describe(g.model);
    assert_int_equal(info->head, HEAD_CELLS);
    assert_int_equal(info->n_labels, n_aggregations);
    assert_int_equal(model_logits_width(g.model), 1);
    assert_int_equal(model_logits_sequence_width(g.model), n_aggregations);
    assert_true(n > 5);
    token_batch all = batch_of(&g, 0, n);
    float *together = run(&g, &all);
    for (int i = 0; i < n; i++) {
        const json_t *row = json_array_get(g.cases, (size_t)i);
        token_batch one = batch_of(&g, i, 1);
        float *alone = run(&g, &one), *besides = alone + one.start[1];
        worst = fmax(worst, check(alone, json_object_get(row, "logits"), tolerance));
        assert_int_equal(json_array_size(json_object_get(row, "aggregation")), n_aggregations);
        worst = fmax(worst, check(besides, json_object_get(row, "aggregation"), tolerance));
        assert_memory_equal(alone, together + all.start[i] + i * n_aggregations,
                            ((size_t)one.start[1] + (size_t)n_aggregations) * sizeof *alone);
    }
    print_message("%-36s largest error %.2g (bound %.2g)\n", name, worst, tolerance);
    golden_close(&g);
}

static void aggregations(void **state)
{
    (void)state;
    replay("wtq", 4);
    replay("wikisql", 3);
}

static void no_aggregations(void **state)
{
    (void)state;
    replay("sqa", 0);
    replay("nothing", 0); /* has scores without names */
}

static void several_columns(void **state)
{
    (void)state;
    replay("tokens", 0);
    replay("averages", 0);
}

static void names(void **state)
{
    struct golden g;
    (void)state;
    golden_open(&g, "wikisql");
    const model_info *info = model_describe(g.model);
    assert_string_equal(info->labels[1], "Summe \u00fc");
    assert_int_equal(info->no_label, -1);
    assert_int_equal(info->table_types, KINDS);
    assert_int_equal(info->table_sizes[2], 70);
    golden_close(&g);
    golden_open(&g, "wtq");
    assert_int_equal(model_describe(g.model)->no_label, 0);
    golden_close(&g);
}

static void refused(const char *golden, const char *patch, const char *words)
{
    error e = {0};
    own_mem char *from = xprintf("%s/goldens/tables/%s", TEST_ROOT, golden);
    own_mem char *folder = changed(from, "config.json", patch);
    team *threads = team_new(1, &e);
    assert_null(model_open(folder, threads, &e));
    if (!strstr(e.message, words))
        fail_msg("found '%s', expected '%s'", e.message, words);
    team_free(threads);
    error ignored = {0};
    assert_true(file_remove_tree(folder, &ignored));
}

static void options_are_checked(void **state)
{
    (void)state;
    refused("wtq", "{\"temperature\": 0}", "'temperature' is 0");
    refused("wtq", "{\"max_num_rows\": 0}", "'max_num_rows' is 0");
    refused("wtq", "{\"aggregation_labels\": [\"NONE\"]}", "'aggregation_labels' is an array");
    refused("wtq", "{\"aggregation_labels\": {\"0\": \"NONE\"}}", "has no name for 1");
    refused("wtq", "{\"num_aggregation_labels\": 3}", "scores for 4");
    refused("sqa", "{\"num_aggregation_labels\": 1, \"aggregation_labels\": {\"0\": \"a\"}}",
            "aggregation_classifier.weight");
    refused("wtq", "{\"type_vocab_sizes\": [3, 4]}", "'type_vocab_sizes' has 2 sizes");
}

static int set_up(void **state)
{
    error e = {0};
    (void)state;
    return kernels_init(&e) ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(aggregations),        cmocka_unit_test(no_aggregations),
        cmocka_unit_test(several_columns),     cmocka_unit_test(names),
        cmocka_unit_test(options_are_checked),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
