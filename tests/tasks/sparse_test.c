/* Sparse encoders as tasks: how their vectors are compared and written, and that they cost no more
 * room than they have values. The vectors themselves are tested in tests/models/golden_test.c. */
#include "unit.h"

#include "base/json.h"
#include "base/memory.h"
#include "base/own.h"
#include "kernels/kernels.h"
#include "tasks/run.h"

#include <math.h>
#include <stdlib.h>

static const char *const folders[] = {
    "bert-max",          "bert-sum",       "bert-max-twice",     "bert-sum-twice-active",
    "bert-prompts",      "bert-old-files", "distilbert-sum",     "roberta-max",
    "modernbert-max",    "encoded-active", "encoded-normalized", "routed",
    "routed-normalized",
};

struct fixture {
    team *threads;
    pipeline pipeline;
    runner *runner;
};

static void open_folder(struct fixture *f, const char *name)
{
    error e = {0};
    own_mem char *folder = xprintf("%s/goldens/%s", TEST_ROOT, name);
    if (!pipeline_open(&f->pipeline, folder, NULL, NULL, f->threads, &e))
        fail_msg("%s: %s", name, e.message);
    f->runner = runner_new(&f->pipeline);
}

static void close_folder(struct fixture *f)
{
    runner_free(f->runner);
    pipeline_close(&f->pipeline);
}

static json_t *ask(struct fixture *f, const char *task_name, const json_t *body)
{
    error e = {0};
    call_usage usage;
    own_buf buf reply = buf_new(1 << 24);
    own_mem char *text = json_dumps(body, 0);
    const task *t = task_find(str_of(task_name));
    if (!pipeline_check(&f->pipeline, t, &e) ||
        !runner_answer(f->runner, t, str_of(text), &reply, &usage, &e))
        fail_msg("%s: %s", text, e.message);
    json_t *root = json_parse(buf_view(&reply), "the reply", JSON_MAX_DEPTH, &e);
    assert_true(root && fields_check(t->output, root, &e));
    return root;
}

/* By the function that the folder names, the dot product if it names none. */
static void compared_as_the_reference_does(void **state)
{
    struct fixture *f = *state;
    for (size_t k = 0; k < sizeof folders / sizeof *folders; k++) {
        error e = {0};
        own_mem char *name = xprintf("sparse/%s", folders[k]);
        own_mem char *path = xprintf("%s/goldens/%s/expected.json", TEST_ROOT, name);
        own_json json_t *expected = json_parse_file(path, 1 << 20, &e);
        json_t *pairs = json_object_get(expected, "pairs"), *rest = json_deep_copy(pairs);
        const json_t *wanted = json_object_get(expected, "similarity");
        json_array_remove(rest, 0);
        own_json json_t *body = json_pack("{s:{s:O, s:o}}", "inputs", "source_sentence",
                                          json_array_get(pairs, 0), "sentences", rest);
        open_folder(f, name);
        own_json json_t *got = ask(f, "sentence-similarity", body);
        assert_int_equal(json_array_size(got), json_array_size(wanted));
        assert_true(json_array_size(got) == 3);
        assert_string_equal(f->pipeline.info->similarity_name,
                            json_string_value(json_object_get(expected, "function")));
        assert_string_equal(f->pipeline.task->name, "sentence-similarity");
        for (size_t i = 0; i < 3; i++) {
            double a = json_number_value(json_array_get(got, i));
            double b = json_number_value(json_array_get(wanted, i));
            if (fabs(a - b) > 1e-5 * fmax(1, fabs(b)))
                fail_msg("%s: %zu is %.8g, expected %.8g", name, i, a, b);
        }
        close_folder(f);
    }
}

/* Queries that the encoder does not see have the fixed weights of their tokens, in every batch. */
static void queries_with_fixed_weights(void **state)
{
    struct fixture *f = *state;
    static const char *const routed[] = {"routed", "routed-normalized"};
    for (size_t k = 0; k < 2; k++) {
        error e = {0};
        own_mem char *name = xprintf("sparse/%s", routed[k]);
        own_mem char *path = xprintf("%s/goldens/%s/expected.json", TEST_ROOT, name);
        own_json json_t *expected = json_parse_file(path, 1 << 20, &e);
        const json_t *wanted = json_object_get(expected, "query");
        json_t *text = json_array_get(json_object_get(expected, "pairs"), 0);
        own_json json_t *one = json_pack("{s:O, s:s}", "inputs", text, "prompt_name", "query");
        own_json json_t *more =
            json_pack("{s:[s,O,s], s:s}", "inputs", "", text, "a dog", "prompt_name", "query");
        open_folder(f, name);
        own_json json_t *got = ask(f, "feature-extraction", one);
        own_json json_t *batch = ask(f, "feature-extraction", more);
        int n_set = 0;
        assert_int_equal(json_array_size(got), json_array_size(wanted));
        assert_true(json_equal(got, json_array_get(batch, 1)));
        for (size_t i = 0; i < json_array_size(wanted); i++) {
            double value = json_number_value(json_array_get(got, i));
            assert_true(fabs(value - json_number_value(json_array_get(wanted, i))) < 1e-6);
            assert_true(k == 1 ||
                        json_number_value(json_array_get(json_array_get(batch, 0), i)) == 0);
            n_set += value != 0;
        }
        assert_true(n_set > 2 && n_set < 20);
        close_folder(f);
    }
}

/* A masked language model without modules gives the vectors of the folder that has the same weights
 * and says so; its own task is another. */
static void any_masked_model_gives_them(void **state)
{
    struct fixture *f = *state;
    static const int ids[] = {2, 40, 50, 60, 3}, start[] = {0, 5};
    token_batch b = {.ids = ids, .start = start, .n_seq = 1};
    error e = {0};
    arena *a = arena_new(64 << 20);
    open_folder(f, "tasks/bert-masked-lm");
    int width = model_sparse_width(f->pipeline.model), n_rows = 5;
    assert_int_equal(width, f->pipeline.info->vocab);
    float *sparse = arena_alloc(a, (size_t)width * sizeof *sparse);
    float *rows = arena_alloc(a, (size_t)(n_rows * width) * sizeof *rows);
    assert_true(model_sparse(f->pipeline.model, &b, sparse, a, &e));
    assert_true(model_logits(f->pipeline.model, &b, NULL, 0, rows, a, &e));
    for (int j = 0; j < width; j++) {
        float most = 0;
        for (int i = 0; i < n_rows; i++)
            most = fmaxf(most, rows[i * width + j]);
        assert_true(fabsf(sparse[j] - log1pf(most)) < 1e-6f);
    }
    close_folder(f);
    open_folder(f, "tasks/bert-nli");
    assert_int_equal(model_sparse_width(f->pipeline.model), 0);
    assert_false(model_sparse(f->pipeline.model, &b, sparse, a, &e));
    assert_non_null(strstr(e.message, "no sparse vectors"));
    close_folder(f);
    arena_free(a);
}

/* One vector a text, flat for one; and words can still be filled in. */
static void vectors_are_written_out(void **state)
{
    struct fixture *f = *state;
    own_json json_t *one = json_pack("{s:s}", "inputs", "a happy person");
    own_json json_t *two =
        json_pack("{s:[s,s], s:i}", "inputs", "a happy person", "b", "dimensions", 50);
    own_json json_t *masked = json_pack("{s:s}", "inputs", "a happy [MASK]");
    open_folder(f, "sparse/bert-max");
    own_json json_t *flat = ask(f, "feature-extraction", one);
    own_json json_t *cut = ask(f, "feature-extraction", two);
    assert_int_equal(json_array_size(flat), f->pipeline.info->vocab);
    assert_int_equal(json_array_size(cut), 2);
    assert_int_equal(json_array_size(json_array_get(cut, 0)), 50);
    for (size_t i = 0; i < 50; i++)
        assert_true(json_equal(json_array_get(flat, i), json_array_get(json_array_get(cut, 0), i)));
    own_json json_t *filled = ask(f, "fill-mask", masked);
    assert_int_equal(json_array_size(filled), 5);
    close_folder(f);
}

static int setup(void **state)
{
    static struct fixture f;
    *state = &f;
    f.threads = team_new(2, NULL);
    return f.threads && kernels_init(NULL) ? 0 : -1;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    team_free(f->threads);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compared_as_the_reference_does),
        cmocka_unit_test(any_masked_model_gives_them),
        cmocka_unit_test(queries_with_fixed_weights),
        cmocka_unit_test(vectors_are_written_out),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
