/* Every model of tests/goldens/heads/ against the logits of the reference: the kind of head, its
 * labels, all sequences in one batch, each alone (the same bits), with other numbers of threads. */
#include "unit.h"

#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/own.h"
#include "kernels/kernels.h"
#include "models/model.h"

#include <dirent.h>
#include <math.h>

#define HEADS TEST_ROOT "/goldens/heads"

enum { WORK_BYTES = 64 << 20, MAX_CALLS = 32, MAX_TOKENS = 2000 };

/* See golden_test.c. */
static const double TIMES_REFERENCE = 4;

struct golden {
    json_t *document;
    buf floats;
    int ids[MAX_TOKENS], types[MAX_TOKENS], rows[MAX_TOKENS];
    int start[MAX_CALLS + 1], first_row[MAX_CALLS + 1];
    int n, n_rows, width;
    bool of_tokens;
};

static int number(const json_t *object, const char *key)
{
    return (int)json_integer_value(json_object_get(object, key));
}

static void add_call(struct golden *g, const json_t *call)
{
    const json_t *ids = json_object_get(call, "ids"), *types = json_object_get(call, "types");
    const json_t *positions = json_object_get(call, "positions"), *value;
    size_t i;
    int at = g->start[g->n];
    assert_true(g->n < MAX_CALLS && at + (int)json_array_size(ids) <= MAX_TOKENS);
    assert_int_equal(number(call, "row"), g->n_rows);
    json_array_foreach (ids, i, value) {
        g->ids[at + (int)i] = (int)json_integer_value(value);
        g->types[at + (int)i] = (int)json_integer_value(json_array_get(types, i));
    }
    json_array_foreach (positions, i, value)
        g->rows[g->n_rows + (int)i] = at + (int)json_integer_value(value);
    g->of_tokens = positions != NULL;
    g->n_rows += number(call, "rows");
    g->start[++g->n] = at + (int)json_array_size(ids);
    g->first_row[g->n] = g->n_rows;
}

static struct golden *load(const char *folder)
{
    error e = {0};
    struct golden *g = xcalloc(1, sizeof *g);
    own_mem char *json_path = path_join(folder, "expected.json");
    own_mem char *floats_path = path_join(folder, "expected.f32");
    g->floats = buf_new(1 << 20);
    g->document = json_parse_file(json_path, 1 << 20, &e);
    if (!g->document || !file_read(floats_path, 1 << 20, &g->floats, &e))
        fail_msg("%s", e.message);
    g->width = (int)json_integer_value(json_array_get(json_object_get(g->document, "shape"), 1));
    const json_t *call;
    size_t i;
    json_array_foreach (json_object_get(g->document, "calls"), i, call)
        add_call(g, call);
    assert_true(g->n > 0);
    assert_int_equal(g->floats.n, (size_t)g->n_rows * (size_t)g->width * sizeof(float));
    return g;
}

static void release(struct golden *g)
{
    json_decref(g->document);
    buf_release(&g->floats);
    free(g);
}

/* The logits of sequences first .. end - 1; of the golden's rows, or of all. */
static float *run(model *m, const struct golden *g, int first, int end, bool all)
{
    error e = {0};
    int start[MAX_CALLS + 1], rows[MAX_TOKENS], longest = 0, at = g->start[first];
    int n_rows = g->first_row[end] - g->first_row[first];
    for (int i = first; i <= end; i++)
        start[i - first] = g->start[i] - at;
    for (int i = first; i < end; i++)
        longest = g->start[i + 1] - g->start[i] > longest ? g->start[i + 1] - g->start[i] : longest;
    for (int i = 0; i < n_rows; i++)
        rows[i] = g->rows[g->first_row[first] + i] - at;
    token_batch b = {.ids = g->ids + at, .type_ids = g->types + at, .start = start};
    b.n_seq = end - first;
    int n_tokens = start[b.n_seq], n_out = all && g->of_tokens ? n_tokens : n_rows;
    float *out = xcalloc((size_t)n_out * (size_t)g->width, sizeof *out);
    arena *a = arena_new(WORK_BYTES);
    if (!model_logits(m, &b, all || !g->of_tokens ? NULL : rows, all ? 0 : n_rows, out, a, &e))
        fail_msg("%s", e.message);
    assert_true(arena_used(a) <= model_logits_work_bytes(m, n_tokens, longest));
    arena_free(a);
    return out;
}

static double difference(const struct golden *g, const float *got)
{
    const float *expected = (const float *)(const void *)g->floats.p;
    double worst = 0;
    for (size_t i = 0; i < (size_t)g->n_rows * (size_t)g->width; i++) {
        double d = fabs((double)got[i] - expected[i]);
        worst = d > worst || isnan(d) ? d : worst;
    }
    return worst;
}

/* The wanted rows of a sequence alone, computed with all its rows, have the bits of the batch. */
static void compare_alone(model *m, const struct golden *g, const float *in_batch)
{
    size_t row_bytes = (size_t)g->width * sizeof(float);
    for (int i = 0; i < g->n; i++) {
        float *one = run(m, g, i, i + 1, true);
        for (int k = g->first_row[i]; k < g->first_row[i + 1]; k++) {
            int at = g->of_tokens ? g->rows[k] - g->start[i] : 0;
            assert_memory_equal(one + at * g->width, in_batch + k * g->width, row_bytes);
        }
        free(one);
    }
}

static void compare_threads(const char *folder, const struct golden *g, const float *expected)
{
    error e = {0};
    team *t = team_new(3, &e);
    model *m = model_open(folder, t, &e);
    assert_non_null(m);
    float *got = run(m, g, 0, g->n, false);
    assert_memory_equal(got, expected, g->floats.n);
    free(got);
    model_close(m);
    team_free(t);
}

static void check_info(const struct golden *g, const model_info *info)
{
    static const char *const heads[] = {"none",         "masked-lm", "labels",
                                        "token-labels", "spans",     "choices"};
    static const char *const problems[] = {"single", "multi", "regression"};
    const json_t *labels = json_object_get(g->document, "labels"), *label;
    const json_t *problem = json_object_get(g->document, "problem");
    size_t i;
    assert_string_equal(heads[info->head], json_string_value(json_object_get(g->document, "head")));
    assert_int_equal(info->n_labels, json_array_size(labels));
    json_array_foreach (labels, i, label)
        assert_string_equal(info->labels[i], json_string_value(label));
    if (problem)
        assert_string_equal(problems[info->problem], json_string_value(problem));
}

static void check_folder(const char *folder, const char *name)
{
    error e = {0};
    struct golden *g = load(folder);
    team *t = team_new(1, &e);
    model *m = model_open(folder, t, &e);
    if (!m)
        fail_msg("%s: %s", name, e.message);
    double bound =
        TIMES_REFERENCE * json_number_value(json_object_get(g->document, "max_error_of_reference"));
    assert_int_equal(model_logits_width(m), g->width);
    check_info(g, model_describe(m));
    float *got = run(m, g, 0, g->n, false);
    double worst = difference(g, got);
    print_message("%-36s largest error %.2g (bound %.2g)\n", name, worst, bound);
    assert_true(worst <= bound);
    compare_alone(m, g, got);
    compare_threads(folder, g, got);
    free(got);
    model_close(m);
    team_free(t);
    release(g);
}

static void goldens(void **state)
{
    (void)state;
    int n_folders = 0;
    DIR *dir = opendir(HEADS);
    assert_non_null(dir);
    for (struct dirent *item; (item = readdir(dir));) {
        own_mem char *folder = path_join(HEADS, item->d_name);
        own_mem char *expected = path_join(folder, "expected.json");
        if (!file_exists(expected))
            continue;
        check_folder(folder, item->d_name);
        n_folders++;
    }
    closedir(dir);
    assert_true(n_folders >= 50);
}

static int setup(void **state)
{
    (void)state;
    return kernels_init(NULL) ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(goldens),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
