/* The runner on a tiny model: the bits of a text do not depend on what else is computed, and a
 * small call is not kept waiting by a large one. */
#include "unit.h"

#include "base/json.h"
#include "base/own.h"
#include "kernels/kernels.h"
#include "tasks/run.h"

#include <stdlib.h>

struct fixture {
    team *threads;
    pipeline pipeline;
    runner *runner;
};

static char *answer(struct fixture *f, const char *task_name, const char *body, call_usage *usage)
{
    error e = {0};
    buf reply = buf_new(1 << 24);
    call_usage ignored;
    const task *t = task_find(str_of(task_name));
    if (!runner_answer(f->runner, t, str_of(body), &reply, usage ? usage : &ignored, &e))
        fail_msg("%s: %s", body, e.message);
    buf_text(&reply);
    return reply.p;
}

static void same_bits_alone_and_in_a_batch(void **state)
{
    struct fixture *f = *state;
    own_mem char *one =
        answer(f, "feature-extraction", "{\"inputs\": \"the quick brown fox\"}", NULL);
    buf body = buf_new(1 << 20);
    buf_puts(&body, "{\"inputs\": [");
    for (int i = 0; i < 700; i++)
        buf_printf(&body, "\"%.*s %d\",", i % 50,
                   "some words of a growing length that differ in number", i);
    buf_puts(&body, "\"the quick brown fox\"]}");
    own_mem char *many = answer(f, "feature-extraction", buf_text(&body), NULL);
    buf_release(&body);
    size_t n = strlen(one), m = strlen(many);
    assert_true(m > n + 1);
    assert_memory_equal(one, many + m - 1 - n, n); /* the last element, before "]" */
}

static void similarity_is_the_cosine(void **state)
{
    struct fixture *f = *state;
    call_usage usage;
    own_mem char *text = answer(f, "sentence-similarity",
                                "{\"inputs\": {\"source_sentence\": \"hello world\", \"sentences\":"
                                " [\"hello world\", \"a fox\"]}}",
                                &usage);
    error e = {0};
    own_json json_t *scores = json_parse(str_of(text), "reply", 4, &e);
    assert_int_equal(json_array_size(scores), 2);
    assert_true(json_number_value(json_array_get(scores, 0)) > 0.999999);
    assert_true(json_number_value(json_array_get(scores, 1)) < 0.999);
    assert_true(usage.tokens == usage.tokens_given && usage.n_truncated == 0 && usage.tokens > 6);
}

/* Calls of one sequence finish in the first batch although a call of thousands stands before them.
 */
static void small_calls_are_not_kept_waiting(void **state)
{
    struct fixture *f = *state;
    enum { LARGE = 6000, LENGTH = 10 };
    int ids[LENGTH] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
    sequence *many = calloc(LARGE, sizeof *many), few = {.ids = ids, .n = LENGTH};
    for (int i = 0; i < LARGE; i++)
        many[i] = few;
    task_call large = {.task = tasks[0],
                       .pipeline = &f->pipeline,
                       .memory = arena_new(1 << 28),
                       .sequences = many,
                       .n_sequences = LARGE};
    task_call small = {.task = tasks[0],
                       .pipeline = &f->pipeline,
                       .memory = arena_new(1 << 20),
                       .sequences = &few,
                       .n_sequences = 1};
    task_call *calls[] = {&large, &small};
    error e = {0};
    assert_true(runner_step(f->runner, calls, 2, &e));
    assert_int_equal(small.n_done, 1);
    assert_true(large.n_done > 1 && large.n_done < LARGE);
    int width = f->pipeline.info->width;
    assert_memory_equal(few.out, many[0].out, (size_t)width * sizeof(float));
    atomic_store(&large.cancelled, true);
    int before = large.n_done;
    assert_true(runner_step(f->runner, calls, 2, &e));
    assert_int_equal(large.n_done, before);
    arena_free(large.memory);
    arena_free(small.memory);
    free(many);
}

static void refuses_what_the_model_cannot(void **state)
{
    struct fixture *f = *state;
    error e = {0};
    assert_null(pipeline_task(&f->pipeline, STR("text-to-video"), &e));
    assert_int_equal(e.kind, ERR_NOT_FOUND);
    assert_non_null(strstr(e.message, "'sentence-similarity'"));
    call_usage usage;
    buf reply = buf_new(1 << 20);
    e = (error){0};
    assert_false(runner_answer(f->runner, task_find(STR("feature-extraction")),
                               STR("{\"inputs\": [1, 99999999]}"), &reply, &usage, &e));
    assert_int_equal(e.kind, ERR_INVALID);
    buf_release(&reply);
}

/* In a batch it would fail the calls of others. */
static void a_foreign_token_id_is_found_before_the_batch(void **state)
{
    struct fixture *f = *state;
    error e = {0};
    const task *t = task_find(STR("feature-extraction"));
    task_call call = {.task = t, .pipeline = &f->pipeline, .memory = arena_new(1 << 20)};
    call.request = arena_alloc(call.memory, t->request_size);
    str body = STR("{\"inputs\": [[1, 2], [1, 99999999]]}");
    assert_true(task_parse(t, body, call.request, call.memory, &e));
    assert_false(t->prepare(&call, &e));
    assert_int_equal(e.kind, ERR_INVALID);
    assert_non_null(strstr(e.message, "'inputs[1]' has the token id 99999999"));
    arena_free(call.memory);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    error e = {0};
    const char *folder = TEST_ROOT "/goldens/tiny/bert-mean-normalize";
    if (!kernels_init(&e) || !(f->threads = team_new(2, &e)) ||
        !pipeline_open(&f->pipeline, folder, NULL, NULL, f->threads, &e)) {
        print_error("%s\n", e.message);
        return -1;
    }
    f->runner = runner_new(&f->pipeline);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    runner_free(f->runner);
    pipeline_close(&f->pipeline);
    team_free(f->threads);
    free(f);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_bits_alone_and_in_a_batch),
        cmocka_unit_test(similarity_is_the_cosine),
        cmocka_unit_test(small_calls_are_not_kept_waiting),
        cmocka_unit_test(refuses_what_the_model_cannot),
        cmocka_unit_test(a_foreign_token_id_is_found_before_the_batch),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
