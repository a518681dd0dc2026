/* Every request of tests/goldens/tasks/ gets the reply that the pipelines of transformers give: the
 * same labels, spans and strings, numbers within the file's tolerance; and every reply has the
 * shape that the task's output rows promise. */
#include "unit.h"

#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/own.h"
#include "kernels/kernels.h"
#include "tasks/run.h"

#include <math.h>
#include <stdlib.h>

struct asked { /* a model that stays open for the cases that follow */
    team *threads;
    char *name;
    pipeline pipeline;
    runner *runner;
};

static void ask_nobody(struct asked *a)
{
    runner_free(a->runner);
    pipeline_close(&a->pipeline);
    free(a->name);
    a->runner = NULL;
    a->name = NULL;
}

static void ask_model(struct asked *a, const char *name)
{
    error e = {0};
    if (a->name && strcmp(a->name, name) == 0)
        return;
    ask_nobody(a);
    a->name = xstrdup(name);
    own_mem char *folder = xprintf("%s/goldens/%s", TEST_ROOT, name);
    if (!pipeline_open(&a->pipeline, folder, NULL, NULL, a->threads, &e))
        fail_msg("%s: %s\n", name, e.message);
    a->runner = runner_new(&a->pipeline);
}

/* What differs between two replies, "" when nothing does. */
static bool same(const json_t *got, const json_t *wanted, double tolerance, const char *path,
                 char why[300])
{
    char inner[200];
    const char *key;
    json_t *value;
    if (json_is_number(got) && json_is_number(wanted)) {
        if (fabs(json_number_value(got) - json_number_value(wanted)) <= tolerance)
            return true;
    } else if (json_is_array(got) && json_array_size(got) == json_array_size(wanted)) {
        for (size_t i = 0; i < json_array_size(got); i++) {
            snprintf(inner, sizeof inner, "%s[%zu]", path, i);
            if (!same(json_array_get(got, i), json_array_get(wanted, i), tolerance, inner, why))
                return false;
        }
        return true;
    } else if (json_is_object(got) && json_object_size(got) == json_object_size(wanted)) {
        json_object_foreach ((json_t *)got, key, value) {
            snprintf(inner, sizeof inner, "%s.%s", path, key);
            if (!same(value, json_object_get(wanted, key), tolerance, inner, why))
                return false;
        }
        return true;
    } else if (json_equal(got, wanted)) {
        return true;
    }
    own_mem char *a = json_dumps(got, JSON_ENCODE_ANY), *b = json_dumps(wanted, JSON_ENCODE_ANY);
    snprintf(why, 300, "'%s' is %.100s, expected %.100s", path, a ? a : "nothing",
             b ? b : "nothing");
    return false;
}

/* One request; NULL with the message in e when it is refused. */
static json_t *ask(struct asked *a, const task *t, const json_t *body, error *e)
{
    own_mem char *text = json_dumps(body, 0);
    own_buf buf reply = buf_new(1 << 26);
    call_usage usage;
    if (!pipeline_check(&a->pipeline, t, e) ||
        !runner_answer(a->runner, t, str_of(text), &reply, &usage, e))
        return NULL;
    json_t *root = json_parse(buf_view(&reply), "the reply", JSON_MAX_DEPTH, e);
    if (!root || !fields_check(t->output, root, e)) {
        json_decref(root);
        fail_msg("%s\n%.400s\n%s\n", text, buf_text(&reply), e->message);
    }
    return root;
}

/* Number of cases that failed: all are tried, so that one run shows all. */
static int replay_case(struct asked *a, const task *t, const json_t *row, double tolerance)
{
    error e = {0};
    char why[300] = "";
    const json_t *body = json_object_get(row, "body");
    const char *refused = json_string_value(json_object_get(row, "error"));
    ask_model(a, json_string_value(json_object_get(row, "model")));
    own_json json_t *reply = ask(a, t, body, &e);
    if (refused && (reply || !strstr(e.message, refused)))
        snprintf(why, sizeof why, "found '%.120s', expected '%s'", e.message, refused);
    else if (!refused && !reply)
        snprintf(why, sizeof why, "%.250s", e.message);
    else if (!refused)
        same(reply, json_object_get(row, "reply"), tolerance, "", why);
    if (!*why)
        return 0;
    own_mem char *text = json_dumps(body, 0);
    print_error("%s %s %.300s\n    %s\n", t->name, a->name, text, why);
    return 1;
}

static void replay(struct asked *a, const char *task_name)
{
    error e = {0};
    own_mem char *path = xprintf("%s/goldens/tasks/%s.json", TEST_ROOT, task_name);
    own_json json_t *file = json_parse_file(path, 64 << 20, &e);
    if (!file)
        fail_msg("%s\n", e.message);
    const json_t *cases = json_object_get(file, "cases");
    double tolerance = json_number_value(json_object_get(file, "tolerance"));
    const task *t = task_find(str_of(task_name));
    int n_failed = 0;
    assert_non_null(t);
    assert_true(json_array_size(cases) > 5 && tolerance > 0 && tolerance <= 1e-4);
    for (size_t i = 0; i < json_array_size(cases); i++)
        n_failed += replay_case(a, t, json_array_get(cases, i), tolerance);
    assert_int_equal(n_failed, 0);
}

#define REPLAYS(name, task_name)                                                                   \
    static void name(void **state)                                                                 \
    {                                                                                              \
        replay(*state, task_name);                                                                 \
    }

REPLAYS(fill_mask, "fill-mask")
REPLAYS(text_classification, "text-classification")
REPLAYS(token_classification, "token-classification")
REPLAYS(question_answering, "question-answering")
REPLAYS(table_question_answering, "table-question-answering")
REPLAYS(zero_shot_classification, "zero-shot-classification")
REPLAYS(text_ranking, "text-ranking")

/* Answers in words that stand on a page. */
static void placed_answers(void **state)
{
    error e = {0};
    own_json json_t *file =
        json_parse_file(TEST_ROOT "/goldens/tasks/question-answering-boxes.json", 1 << 20, &e);
    const json_t *cases = json_object_get(file, "cases");
    double tolerance = json_number_value(json_object_get(file, "tolerance"));
    assert_true(json_array_size(cases) > 5 && tolerance <= 1e-4);
    for (size_t i = 0; i < json_array_size(cases); i++)
        assert_int_equal(replay_case(*state, task_find(STR("question-answering")),
                                     json_array_get(cases, i), tolerance),
                         0);
}

/* Requests that are refused, with words of the message. */
static void refusals(void **state)
{
    error e = {0};
    own_json json_t *file = json_parse_file(TEST_ROOT "/goldens/tasks/refusals.json", 1 << 20, &e);
    if (!file)
        fail_msg("%s\n", e.message);
    const json_t *cases = json_object_get(file, "cases");
    int n_failed = 0;
    assert_true(json_array_size(cases) > 20);
    for (size_t i = 0; i < json_array_size(cases); i++) {
        const json_t *row = json_array_get(cases, i);
        const char *name = json_string_value(json_object_get(row, "task"));
        const task *t = task_find(str_of(name));
        assert_non_null(t);
        assert_non_null(json_object_get(row, "error"));
        n_failed += replay_case(*state, t, row, 0);
    }
    assert_int_equal(n_failed, 0);
}

/* A folder without a card does what its head is for. */
static void own_tasks(void **state)
{
    static const struct {
        const char *model, *task;
    } rows[] = {{"tasks/bert-masked-lm", "fill-mask"},
                {"tasks/bert-nli", "text-classification"},
                {"tasks/bert-entities", "token-classification"},
                {"tasks/bert-answers", "question-answering"},
                {"tiny/bert-plain", "feature-extraction"},
                {"tiny/bert-cls", "sentence-similarity"}};
    struct asked *a = *state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ask_model(a, rows[i].model);
        assert_string_equal(a->pipeline.task->name, rows[i].task);
    }
}

/* Tokens that are cut off are counted, those of windows are not lost. */
static void truncation_is_counted(void **state)
{
    struct asked *a = *state;
    error e = {0};
    own_buf buf body = buf_new(1 << 16), reply = buf_new(1 << 20);
    call_usage cut = {0}, read = {0};
    buf_puts(&body, "{\"inputs\": \"");
    for (int i = 0; i < 200; i++)
        buf_puts(&body, "the ");
    buf_puts(&body, "\"");
    ask_model(a, "tasks/bert-entities");
    const task *t = a->pipeline.task;
    size_t n = body.n;
    buf_puts(&body, "}");
    assert_true(runner_answer(a->runner, t, buf_view(&body), &reply, &cut, &e));
    assert_int_equal(cut.n_truncated, 1);
    assert_int_equal(cut.tokens_given, 202);
    assert_int_equal(cut.tokens, 64);
    body.n = n;
    buf_puts(&body, ", \"stride\": 2}");
    assert_true(runner_answer(a->runner, t, buf_view(&body), &reply, &read, &e));
    assert_int_equal(read.n_truncated, 0);
    assert_int_equal(read.tokens, read.tokens_given);
    assert_true(read.tokens > 200);
}

static int set_up(void **state)
{
    struct asked *a = calloc(1, sizeof *a);
    error e = {0};
    if (!kernels_init(&e) || !(a->threads = team_new(1, &e))) {
        print_error("%s\n", e.message);
        return -1;
    }
    *state = a;
    return 0;
}

static int tear_down(void **state)
{
    struct asked *a = *state;
    ask_nobody(a);
    team_free(a->threads);
    free(a);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fill_mask),
        cmocka_unit_test(text_classification),
        cmocka_unit_test(token_classification),
        cmocka_unit_test(question_answering),
        cmocka_unit_test(table_question_answering),
        cmocka_unit_test(zero_shot_classification),
        cmocka_unit_test(text_ranking),
        cmocka_unit_test(placed_answers),
        cmocka_unit_test(refusals),
        cmocka_unit_test(own_tasks),
        cmocka_unit_test(truncation_is_counted),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
