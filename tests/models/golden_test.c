/* Every model of tests/goldens/ against what the reference made of it, from token ids on: alone, in
 * one batch with all its other inputs (the same bits), and with other numbers of threads. */
#include "unit.h"

#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/own.h"
#include "kernels/kernels.h"
#include "models/model.h"
#include "tensor/hub_cache.h"

#include <dirent.h>
#include <math.h>

#include <stdlib.h>

#define GOLDENS TEST_ROOT "/goldens/"

enum { WORK_BYTES = 256 << 20, MAX_CALLS = 256, MAX_TOKENS = 200000 };

/* The reference in f32 is itself some way from the exact values: "max_error_of_reference" (the
 * largest over a folder). Another order of sums is about as far, in another direction. */
static const double TIMES_REFERENCE = 4, MINILM_BOUND = 2e-6;

struct call {
    int dimensions; /* 0: all */
    bool normalize;
    int row, rows;
};

struct golden {
    json_t *document;
    buf floats;
    int *ids, *types, *start, *skip;
    box *boxes;        /* in the corner where a call has none */
    bool has_boxes;    /* some call has */
    int *paths;        /* -1 where a call has none */
    int path_depth;    /* 0: no call has */
    int *table_types;  /* 0 where a call has none */
    int n_table_types; /* 0: no call has */
    struct call calls[MAX_CALLS];
    int n, width, max_tokens;
    bool pooled;
};

/* Tokens of a prompt, as the goldens' tokenizers cut it, and the [CLS] in front. An empty prompt is
 * none. */
static int prompt_tokens(const json_t *call, const model_info *info)
{
    static const struct {
        const char *name;
        int n;
    } prompts[] = {{"query", 3}, {"passage", 4}, {"none", 0}, {"free words about it ", 12}};
    const char *name = json_string_value(json_object_get(call, "prompt_name"));
    if (!name)
        name = json_string_value(json_object_get(call, "prompt"));
    if (!name && info->by_default)
        name = info->by_default->name;
    for (size_t i = 0; name && i < sizeof prompts / sizeof *prompts; i++)
        if (strcmp(prompts[i].name, name) == 0)
            return prompts[i].n;
    return 0;
}

/* One more sequence. Ids that are not truncated yet lose what is too much in front of the last.
 * types: NULL: all 0. */
static void add_ids(struct golden *g, const json_t *ids, const json_t *types)
{
    int n = (int)json_array_size(ids), kept = n < g->max_tokens ? n : g->max_tokens;
    int at = g->start[g->n++];
    assert_true(kept > 0 && at + kept <= MAX_TOKENS);
    for (int i = 0; i < kept; i++) {
        size_t from = (size_t)(i < kept - 1 ? i : n - 1);
        g->ids[at + i] = (int)json_integer_value(json_array_get(ids, from));
        g->types[at + i] = (int)json_integer_value(json_array_get(types, from));
    }
    g->start[g->n] = at + kept;
}

static void add_boxes(struct golden *g, const json_t *boxes, box *out)
{
    const json_t *edges;
    size_t i;
    json_array_foreach (boxes, i, edges) {
        int *const to[] = {&out[i].left, &out[i].top, &out[i].right, &out[i].bottom};
        for (size_t k = 0; k < 4; k++)
            *to[k] = (int)json_integer_value(json_array_get(edges, k));
        g->has_boxes = true;
    }
}

/* half: 0 tags, 1 subscripts. */
static void add_paths(struct golden *g, const json_t *steps, int half, int at)
{
    const json_t *path, *value;
    size_t i, k;
    json_array_foreach (steps, i, path) {
        g->path_depth = (int)json_array_size(path);
        assert_true((at + (int)i + 1) * 2 * g->path_depth <= MAX_TOKENS);
        json_array_foreach (path, k, value)
            g->paths[((at + (int)i) * 2 + half) * g->path_depth + (int)k] =
                (int)json_integer_value(value);
    }
}

static void add_table_types(struct golden *g, const json_t *rows, int at)
{
    const json_t *row, *value;
    size_t i, k;
    json_array_foreach (rows, i, row) {
        g->n_table_types = (int)json_array_size(row);
        assert_true((at + (int)i + 1) * g->n_table_types <= MAX_TOKENS);
        json_array_foreach (row, k, value)
            g->table_types[(at + (int)i) * g->n_table_types + (int)k] =
                (int)json_integer_value(value);
    }
}

static void load(struct golden *g, const char *folder, const char *list, const char *json_name,
                 const char *floats_name)
{
    error e = {0};
    own_mem char *json_path = path_join(folder, json_name);
    own_mem char *floats_path = path_join(folder, floats_name);
    *g = (struct golden){.floats = buf_new(64 << 20)};
    g->document = json_parse_file(json_path, 16 << 20, &e);
    if (!g->document || !file_read(floats_path, 64 << 20, &g->floats, &e))
        fail_msg("%s", e.message);
    const json_t *calls = json_object_get(g->document, list), *call;
    size_t i;
    g->ids = xcalloc(MAX_TOKENS, sizeof(int));
    g->types = xcalloc(MAX_TOKENS, sizeof(int));
    g->boxes = xcalloc(MAX_TOKENS, sizeof *g->boxes);
    g->paths = xcalloc(MAX_TOKENS, sizeof(int));
    memset(g->paths, -1, MAX_TOKENS * sizeof(int));
    g->table_types = xcalloc(MAX_TOKENS, sizeof(int));
    g->start = xcalloc(MAX_CALLS + 1, sizeof(int));
    g->skip = xcalloc(MAX_CALLS, sizeof(int));
    g->width = (int)json_integer_value(json_array_get(json_object_get(g->document, "shape"), 1));
    g->max_tokens = (int)json_integer_value(json_object_get(g->document, "max_tokens"));
    const char *kind = json_string_value(json_object_get(g->document, "kind"));
    g->pooled = !kind || strcmp(kind, "embedding") == 0;
    json_array_foreach (calls, i, call) {
        const json_t *ids = json_object_get(call, "ids"), *row = json_object_get(call, "row");
        assert_true(g->n < MAX_CALLS);
        g->calls[g->n] = (struct call){
            .row = row ? (int)json_integer_value(row) : g->n,
            .rows = row ? (int)json_integer_value(json_object_get(call, "rows")) : 1,
            .dimensions = (int)json_integer_value(json_object_get(call, "dimensions")),
            .normalize = json_is_true(json_object_get(call, "normalize"))};
        add_paths(g, json_object_get(call, "tags"), 0, g->start[g->n]);
        add_paths(g, json_object_get(call, "subscripts"), 1, g->start[g->n]);
        add_table_types(g, json_object_get(call, "table_types"), g->start[g->n]);
        add_boxes(g, json_object_get(call, "boxes"), g->boxes + g->start[g->n]);
        add_ids(g, ids, json_object_get(call, "types"));
    }
    assert_true(g->n > 0);
}

static void free_inputs(struct golden *g)
{
    free(g->ids);
    free(g->types);
    free(g->paths);
    free(g->table_types);
    free(g->boxes);
    free(g->start);
    free(g->skip);
}

static void release(struct golden *g)
{
    json_decref(g->document);
    buf_release(&g->floats);
    free_inputs(g);
}

static void run(model *m, const struct golden *g, int first, int end, float *out, arena *a)
{
    error e = {0};
    int *start = xcalloc((size_t)(end - first) + 1, sizeof *start);
    for (int i = first; i <= end; i++)
        start[i - first] = g->start[i] - g->start[first];
    token_batch b = {.ids = g->ids + g->start[first],
                     .type_ids = g->types + g->start[first],
                     .boxes = g->has_boxes ? g->boxes + g->start[first] : NULL,
                     .paths = g->path_depth ? g->paths + g->start[first] * 2 * g->path_depth : NULL,
                     .table_types = g->n_table_types
                                        ? g->table_types + g->start[first] * g->n_table_types
                                        : NULL,
                     .start = start,
                     .n_seq = end - first,
                     .skip = g->skip + first};
    int longest = 0;
    for (int i = 0; i < b.n_seq; i++)
        longest = start[i + 1] - start[i] > longest ? start[i + 1] - start[i] : longest;
    arena_reset(a);
    bool done = g->pooled ? model_embed(m, &b, out, a, &e) : model_hidden(m, &b, out, a, &e);
    if (!done)
        fail_msg("%s", e.message);
    assert_true(arena_used(a) <= model_work_bytes(m, start[b.n_seq], b.n_seq, longest));
    free(start);
}

/* Largest difference of one call's values from the expected ones, after what it asked for. */
static double difference(const struct golden *g, const struct call *c, const float *got, int n_rows)
{
    const float *expected = (const float *)(const void *)g->floats.p;
    int n = c->dimensions ? c->dimensions : g->width;
    size_t at = (size_t)c->row * (size_t)g->width;
    double length = 1, worst = 0;
    if (c->normalize) {
        length = 0;
        for (int j = 0; j < n; j++)
            length += (double)got[j] * got[j];
        length = sqrt(length);
    }
    assert_int_equal(c->rows, n_rows);
    assert_true((at + (size_t)n_rows * (size_t)g->width) * sizeof(float) <= g->floats.n);
    for (int i = 0; i < n_rows; i++)
        for (int j = 0; j < n; j++) {
            double d =
                fabs(got[i * g->width + j] / length - expected[at + (size_t)(i * g->width + j)]);
            worst = d > worst || isnan(d) ? d : worst;
        }
    return worst;
}

static size_t values(const struct golden *g, int first, int end)
{
    int rows = g->pooled ? end - first : g->start[end] - g->start[first];
    return (size_t)rows * (size_t)g->width;
}

/* Returns the largest error. */
static double compare(model *m, const struct golden *g)
{
    arena *a = arena_new(WORK_BYTES);
    float *all = xcalloc(values(g, 0, g->n), sizeof *all);
    float *one = xcalloc(values(g, 0, g->n), sizeof *one);
    double worst = 0;
    run(m, g, 0, g->n, all, a);
    for (int i = 0; i < g->n; i++) {
        const float *in_batch = all + values(g, 0, i);
        run(m, g, i, i + 1, one, a);
        assert_memory_equal(one, in_batch, values(g, i, i + 1) * sizeof *one);
        double d =
            difference(g, &g->calls[i], in_batch, g->pooled ? 1 : g->start[i + 1] - g->start[i]);
        worst = d > worst || isnan(d) ? d : worst;
    }
    free(all);
    free(one);
    arena_free(a);
    return worst;
}

/* `times` copies of n values one after the other. */
static void *copies(const void *values, int n, size_t size, int times)
{
    size_t bytes = (size_t)n * size;
    char *all = xcalloc((size_t)times, bytes + 1);
    for (int i = 0; i < times; i++)
        memcpy(all + (size_t)i * bytes, values, bytes);
    return all;
}

/* So many copies of all sequences that threads get steps of their own. */
static struct golden repeat(const struct golden *g, int *times)
{
    enum { TOKENS = 600, LONGEST = 8 };
    struct golden many = *g;
    int n = g->start[g->n], longest = 0;
    for (int i = 0; i < g->n; i++)
        longest = g->start[i + 1] - g->start[i] > longest ? g->start[i + 1] - g->start[i] : longest;
    *times = 1 + (LONGEST * longest > TOKENS ? LONGEST * longest : TOKENS) / n;
    many.ids = copies(g->ids, n, sizeof *g->ids, *times);
    many.types = copies(g->types, n, sizeof *g->types, *times);
    many.boxes = copies(g->boxes, n, sizeof *g->boxes, *times);
    many.paths = copies(g->paths, n * 2 * g->path_depth, sizeof *g->paths, *times);
    many.table_types = copies(g->table_types, n * g->n_table_types, sizeof(int), *times);
    many.skip = copies(g->skip, g->n, sizeof *g->skip, *times);
    many.n = g->n * *times;
    many.start = xcalloc((size_t)many.n + 1, sizeof *many.start);
    for (int i = 0; i <= many.n; i++)
        many.start[i] = i / g->n * n + g->start[i % g->n];
    return many;
}

/* The same bits with any number of threads, and in any number of steps. */
static void compare_threads(const char *folder, const struct golden *g)
{
    error e = {0};
    int times;
    struct golden many = repeat(g, &times);
    float *out[2];
    for (int i = 0; i < 2; i++) {
        team *t = team_new(i ? 3 : 1, &e);
        model *m = model_open(folder, t, &e);
        arena *a = arena_new(WORK_BYTES);
        const struct golden *batch = i ? &many : g;
        out[i] = xcalloc(values(batch, 0, batch->n), sizeof **out);
        assert_non_null(m);
        run(m, batch, 0, batch->n, out[i], a);
        arena_free(a);
        model_close(m);
        team_free(t);
    }
    for (int i = 0; i < times; i++)
        assert_memory_equal(out[0], out[1] + (size_t)i * values(g, 0, g->n),
                            values(g, 0, g->n) * sizeof **out);
    free_inputs(&many);
    free(out[0]);
    free(out[1]);
}

/* Hidden states of a model that has just been opened. */
static float *opened_values(const char *folder, const struct golden *g, const model_options *o)
{
    error e = {0};
    team *t = team_new(2, &e);
    model *m = model_open_as(folder, o, t, &e);
    if (!m)
        fail_msg("%s", e.message);
    arena *a = arena_new(WORK_BYTES);
    float *out = xcalloc(values(g, 0, g->n) + 1, sizeof *out);
    run(m, g, 0, g->n, out, a);
    arena_free(a);
    model_close(m);
    team_free(t);
    return out;
}

/* The same bits from prepared weights as from the published ones, in every precision: those just
 * made, and those of the second start. */
static void compare_prepared(const char *folder, const struct golden *g)
{
    size_t bytes = values(g, 0, g->n) * sizeof(float);
    char cache[] = "/tmp/golden_test_XXXXXX";
    assert_non_null(mkdtemp(cache));
    setenv("INFERD_CACHE", cache, 1);
    for (enum precision p = PRECISION_F32; p < N_PRECISIONS; p++) {
        float *plain = opened_values(folder, g, &(model_options){.precision = p});
        for (int i = 0; i < 2; i++) {
            float *got = opened_values(
                folder, g, &(model_options){.precision = p, .keeps = true, .at_once = true});
            assert_memory_equal(got, plain, bytes);
            free(got);
        }
        free(plain);
    }
    unsetenv("INFERD_CACHE");
    assert_true(file_remove_tree(cache, NULL));
}

static void check_folder(const char *folder, const char *name, struct golden *g, double bound)
{
    error e = {0};
    team *t = team_new(2, &e);
    model *m = model_open(folder, t, &e);
    if (!m)
        fail_msg("%s: %s", name, e.message);
    const model_info *info = model_describe(m);
    assert_int_equal(g->width, g->pooled ? info->width : info->hidden);
    assert_int_equal(g->max_tokens, info->max_tokens);
    assert_true(!g->n_table_types || g->n_table_types == info->table_types);
    const json_t *calls = json_object_get(g->document, "calls");
    for (int i = 0; i < g->n && calls; i++)
        g->skip[i] = prompt_tokens(json_array_get(calls, (size_t)i), info);
    double worst = compare(m, g);
    print_message("%-36s largest error %.2g (bound %.2g)\n", name, worst, bound);
    assert_true(worst <= bound);
    model_close(m);
    team_free(t);
    compare_threads(folder, g);
    compare_prepared(folder, g);
}

/* Every model folder below tests/goldens/<group>. */
static void check_group(const char *group, int at_least)
{
    int n_folders = 0;
    own_mem char *root = path_join(GOLDENS, group);
    DIR *dir = opendir(root);
    assert_non_null(dir);
    for (struct dirent *item; (item = readdir(dir));) {
        struct golden g;
        own_mem char *folder = path_join(root, item->d_name);
        own_mem char *expected = path_join(folder, "expected.json");
        if (!file_exists(expected))
            continue;
        load(&g, folder, "calls", "expected.json", "expected.f32");
        check_folder(folder, item->d_name, &g,
                     TIMES_REFERENCE *
                         json_number_value(json_object_get(g.document, "max_error_of_reference")));
        release(&g);
        n_folders++;
    }
    closedir(dir);
    assert_true(n_folders >= at_least);
}

static void tiny(void **state)
{
    (void)state;
    check_group("tiny", 20);
}

/* Sparse encoders: their vectors, written out. */
static void sparse(void **state)
{
    (void)state;
    check_group("sparse", 13);
}

/* Each architecture, and each of its options that changes results. */
static void architectures(void **state)
{
    (void)state;
    check_group("architectures", 8);
}

/* The same models with their weights in files of torch.save. */
static void checkpoints(void **state)
{
    (void)state;
    check_group("checkpoints", 3);
}

static void minilm(void **state)
{
    (void)state;
    hub_cache cache;
    hub_model found;
    struct golden g;
    error e = {0};
    hub_cache_init(&cache, getenv("INFERD_DATA"));
    if (!hub_cache_find(&cache, STR("sentence-transformers/all-MiniLM-L6-v2"), NULL, &found, &e)) {
        hub_cache_release(&cache);
        print_message("%s\n", e.message);
        skip();
    }
    load(&g, GOLDENS "minilm", "texts", "tokens.json", "embeddings.f32");
    check_folder(found.folder, "all-MiniLM-L6-v2", &g, MINILM_BOUND);
    release(&g);
    hub_model_release(&found);
    hub_cache_release(&cache);
}

static int setup(void **state)
{
    (void)state;
    return kernels_init(NULL) ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tiny),        cmocka_unit_test(sparse), cmocka_unit_test(architectures),
        cmocka_unit_test(checkpoints), cmocka_unit_test(minilm),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
