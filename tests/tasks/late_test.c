/* Late interaction (ColBERT) from texts on: every folder of tests/goldens/late/ against the vectors
 * and scores of the reference, by every task that such a model can do. */
#include "unit.h"

#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/own.h"
#include "kernels/kernels.h"
#include "tasks/run.h"

#include <dirent.h>
#include <math.h>
#include <stdlib.h>

#define GOLDENS TEST_ROOT "/goldens/late"

/* As in golden_test.c, and the JSON of a reply has nine digits. */
static const double TIMES_REFERENCE = 4, FEW = 1e-6;

struct fixture {
    team *threads;
    pipeline pipeline;
    runner *runner;
    json_t *expected;
    buf floats;
    int width;
    double bound;
};

static void open_folder(struct fixture *f, const char *name, const model_options *o)
{
    error e = {0};
    own_mem char *folder = path_join(GOLDENS, name);
    own_mem char *json = path_join(folder, "expected.json");
    own_mem char *floats = path_join(folder, "expected.f32");
    f->floats = buf_new(1 << 20);
    f->expected = json_parse_file(json, 1 << 20, &e);
    if (!f->expected || !file_read(floats, 1 << 20, &f->floats, &e) ||
        !pipeline_open_as(&f->pipeline, folder, NULL, NULL, o, f->threads, &e))
        fail_msg("%s: %s", name, e.message);
    f->runner = runner_new(&f->pipeline);
    f->width = (int)json_integer_value(json_array_get(json_object_get(f->expected, "shape"), 1));
    f->bound = FEW + TIMES_REFERENCE *
                         json_number_value(json_object_get(f->expected, "max_error_of_reference"));
}

static void close_folder(struct fixture *f)
{
    runner_free(f->runner);
    pipeline_close(&f->pipeline);
    json_decref(f->expected);
    buf_release(&f->floats);
}

static json_t *ask(struct fixture *f, const char *task_name, json_t *body, error *e)
{
    call_usage usage;
    own_buf buf reply = buf_new(1 << 24);
    own_mem char *text = json_dumps(body, 0);
    const task *t = task_find(str_of(task_name));
    json_decref(body);
    if (!pipeline_check(&f->pipeline, t, e) ||
        !runner_answer(f->runner, t, str_of(text), &reply, &usage, e))
        return NULL;
    json_t *root = json_parse(buf_view(&reply), "the reply", JSON_MAX_DEPTH, e);
    if (!root || !fields_check(t->output, root, e))
        fail_msg("%s: %s", text, e->message);
    return root;
}

static json_t *answer(struct fixture *f, const char *task_name, json_t *body)
{
    error e = {0};
    json_t *root = ask(f, task_name, body, &e);
    if (!root)
        fail_msg("%s: %s", f->pipeline.id, e.message);
    return root;
}

/* Texts of the queries, or of the documents. */
static json_t *texts_of(const struct fixture *f, bool queries)
{
    json_t *out = json_array();
    const json_t *call;
    size_t i;
    json_array_foreach (json_object_get(f->expected, "calls"), i, call)
        if (json_is_true(json_object_get(call, "query")) == queries)
            json_array_append(out, json_object_get(call, "text"));
    return out;
}

/* Largest difference of a text's vectors. */
static double apart(const struct fixture *f, const json_t *call, const json_t *rows)
{
    size_t n = (size_t)json_integer_value(json_object_get(call, "rows"));
    const float *wanted = (const float *)(const void *)f->floats.p +
                          json_integer_value(json_object_get(call, "row")) * f->width;
    double worst = 0;
    if (json_array_size(rows) != n)
        fail_msg("%s: '%s' has %zu vectors, expected %zu", f->pipeline.id,
                 json_string_value(json_object_get(call, "text")), json_array_size(rows), n);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(json_array_size(json_array_get(rows, i)), f->width);
        for (int j = 0; j < f->width; j++) {
            double got = json_number_value(json_array_get(json_array_get(rows, i), (size_t)j));
            worst = fmax(worst, fabs(got - wanted[i * (size_t)f->width + (size_t)j]));
        }
    }
    return worst;
}

/* Alone and with all others: equal bits, near the reference's. Returns the largest error. */
static double check_vectors(struct fixture *f)
{
    const json_t *calls = json_object_get(f->expected, "calls"), *call;
    double worst = 0;
    size_t i, at[2] = {0};
    json_t *together[2];
    for (int q = 0; q < 2; q++)
        together[q] = answer(f, "feature-extraction",
                             json_pack("{s:o, s:s}", "inputs", texts_of(f, q), "prompt_name",
                                       q ? "query" : "document"));
    json_array_foreach (calls, i, call) {
        bool query = json_is_true(json_object_get(call, "query"));
        json_t *body = json_pack("{s:O}", "inputs", json_object_get(call, "text"));
        if (query)
            json_object_set_new(body, "prompt_name", json_string("query"));
        own_json json_t *rows = answer(f, "feature-extraction", body);
        assert_true(json_equal(rows, json_array_get(together[query], at[query]++)));
        worst = fmax(worst, apart(f, call, rows));
    }
    print_message("%-20s largest error %.2g (bound %.2g)\n", f->pipeline.id, worst, f->bound);
    assert_true(worst <= f->bound);
    json_decref(together[0]);
    json_decref(together[1]);
    return worst;
}

static void check_score(const struct fixture *f, double got, const json_t *wanted)
{
    double score = json_number_value(wanted);
    if (fabs(got - score) > 40 * f->bound * fmax(1, fabs(score) / 10))
        fail_msg("%s: a score is %.8g, expected %.8g", f->pipeline.id, got, score);
}

/* MaxSim of each query with each document, in two tasks; and of pairs. */
static void check_scores(struct fixture *f)
{
    own_json json_t *queries = texts_of(f, true), *documents = texts_of(f, false);
    const json_t *wanted = json_object_get(f->expected, "scores"), *query;
    size_t i, k, n = json_array_size(documents);
    json_array_foreach (queries, i, query) {
        const json_t *row = json_array_get(wanted, i), *item;
        own_json json_t *near = answer(f, "sentence-similarity",
                                       json_pack("{s:{s:O, s:O}}", "inputs", "source_sentence",
                                                 query, "sentences", documents));
        own_json json_t *ranked =
            answer(f, "text-ranking",
                   json_pack("{s:{s:O, s:O}}", "inputs", "query", query, "texts", documents));
        own_json json_t *pair =
            answer(f, "text-ranking",
                   json_pack("{s:[[O,O]]}", "inputs", query, json_array_get(documents, 1)));
        assert_true(json_array_size(near) == n && json_array_size(ranked) == n);
        json_array_foreach (ranked, k, item) {
            const json_t *score = json_object_get(item, "score");
            size_t index = (size_t)json_integer_value(json_object_get(item, "index"));
            check_score(f, json_number_value(score), json_array_get(row, index));
            assert_true(json_equal(score, json_array_get(near, index)));
            assert_true(k == 0 || json_number_value(score) <=
                                      json_number_value(
                                          json_object_get(json_array_get(ranked, k - 1), "score")));
        }
        assert_true(
            json_equal(json_object_get(json_array_get(pair, 0), "score"), json_array_get(near, 1)));
    }
}

static void as_the_reference(void **state)
{
    struct fixture *f = *state;
    int n = 0;
    DIR *dir = opendir(GOLDENS);
    assert_non_null(dir);
    for (struct dirent *item; (item = readdir(dir));) {
        if (item->d_name[0] == '.')
            continue;
        open_folder(f, item->d_name, &(model_options){0});
        const model_info *info = f->pipeline.info;
        assert_non_null(info->late);
        assert_string_equal(f->pipeline.task->name, "sentence-similarity");
        assert_string_equal(info->similarity_name,
                            json_string_value(json_object_get(f->expected, "function")));
        check_vectors(f);
        check_scores(f);
        close_folder(f);
        n++;
    }
    closedir(dir);
    assert_true(n >= 19);
}

/* Vectors near those of f32, and others: the model is wide enough for it. */
static void in_low_precision(void **state)
{
    struct fixture *f = *state;
    for (enum precision p = PRECISION_F32 + 1; p < N_PRECISIONS; p++) {
        open_folder(f, "stanford-wide", &(model_options){.precision = p});
        f->bound = 0.05;
        assert_true(check_vectors(f) > 1e-5);
        close_folder(f);
    }
}

static void refuses(struct fixture *f, const char *task_name, json_t *body, const char *words)
{
    error e = {0};
    assert_null(ask(f, task_name, body, &e));
    if (e.kind != ERR_INVALID || !strstr(e.message, words))
        fail_msg("%d: %s", e.kind, e.message);
}

static void refuses_by_name(void **state)
{
    struct fixture *f = *state;
    open_folder(f, "bert-fixed", &(model_options){0});
    refuses(f, "fill-mask", json_pack("{s:s}", "inputs", "a [MASK]"),
            "it can do 'feature-extraction', 'sentence-similarity', 'text-ranking'");
    refuses(f, "sentence-similarity",
            json_pack("{s:{s:s, s:[s]}, s:s}", "inputs", "source_sentence", "a", "sentences", "b",
                      "prompt_name", "query"),
            "'prompt_name' is given");
    refuses(f, "feature-extraction", json_pack("{s:s, s:s}", "inputs", "a", "prompt_name", "other"),
            "expected one of 'document', 'query'");
    refuses(f, "feature-extraction", json_pack("{s:s, s:i}", "inputs", "a", "dimensions", 13),
            "the vectors of this model have 12");
    json_t *queries = texts_of(f, true);
    refuses(f, "feature-extraction",
            json_pack("{s:O, s:b, s:s}", "inputs", json_array_get(queries, 3), "truncate", 0,
                      "prompt_name", "query"),
            "must have at most 20 tokens");
    refuses(f, "feature-extraction",
            json_pack("{s:O, s:b}", "inputs", json_array_get(queries, 3), "truncate", 0),
            "must have at most 40 tokens");
    json_decref(queries);
    close_folder(f);
}

/* dimensions and normalize shape every vector. */
static void shapes_vectors(void **state)
{
    struct fixture *f = *state;
    open_folder(f, "bert-min-attended", &(model_options){0}); /* has no norm of its own */
    own_json json_t *plain = answer(f, "feature-extraction", json_pack("{s:s}", "inputs", "a dog"));
    own_json json_t *unit =
        answer(f, "feature-extraction",
               json_pack("{s:s, s:b, s:i}", "inputs", "a dog", "normalize", 1, "dimensions", 3));
    size_t n = json_array_size(plain);
    assert_true(n > 3 && json_array_size(unit) == n);
    for (size_t i = 0; i < n; i++) {
        double sum = 0, first = 0;
        for (size_t j = 0; j < 3; j++) {
            sum += pow(json_number_value(json_array_get(json_array_get(unit, i), j)), 2);
            first += pow(json_number_value(json_array_get(json_array_get(plain, i), j)), 2);
        }
        assert_true(fabs(sum - 1) < 1e-5 && fabs(first - 1) > 1e-3);
        assert_int_equal(json_array_size(json_array_get(unit, i)), 3);
    }
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
        cmocka_unit_test(as_the_reference),
        cmocka_unit_test(in_low_precision),
        cmocka_unit_test(refuses_by_name),
        cmocka_unit_test(shapes_vectors),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
