/* The batcher on a tiny model: every job comes back once or was cancelled, and what is wrong with
 * one of a batch fails no other. */
#include "unit.h"

#include "kernels/kernels.h"
#include "worker/batcher.h"

#include <semaphore.h>
#include <stdlib.h>

enum { MOST = 8 };

struct fixture {
    team *threads;
    pipeline pipeline;
    loop *loop;
    batcher *batcher;
    int n_expected, n_back, n_failed;
    error last;
};

static sem_t gate;
static const int wrong_ids[] = {1, 99999999};

/* Holds the engine until the test has queued the rest: they make one batch then. */
static bool prepare_gate(task_call *c, error *e)
{
    (void)c;
    (void)e;
    while (sem_wait(&gate) != 0)
        ;
    return true;
}

/* A sequence that only the model finds wrong. */
static bool prepare_wrong(task_call *c, error *e)
{
    (void)e;
    c->sequences = arena_alloc(c->memory, sizeof *c->sequences);
    c->sequences[0] = (sequence){.ids = wrong_ids, .n = 2, .n_given = 2};
    c->n_sequences = 1;
    c->computes = CALL_EMBEDDING;
    return true;
}

static bool finish_empty(task_call *c, buf *reply, error *e)
{
    (void)c;
    (void)e;
    buf_puts(reply, "[]");
    return true;
}

static loop *own_loop;
static bool prepared_here, finished_here; /* on the loop's thread */
static int n_sequences;

/* As many short sequences as the test wants. */
static bool prepare_some(task_call *c, error *e)
{
    (void)e;
    static const int ids[] = {1, 2, 3, 4};
    prepared_here = loop_is_here(own_loop);
    c->sequences = arena_alloc(c->memory, (size_t)n_sequences * sizeof *c->sequences);
    for (int i = 0; i < n_sequences; i++)
        c->sequences[i] = (sequence){.ids = ids, .n = 4, .n_given = 4};
    c->n_sequences = n_sequences;
    c->computes = CALL_EMBEDDING;
    return true;
}

static bool finish_some(task_call *c, buf *reply, error *e)
{
    finished_here = loop_is_here(own_loop);
    return finish_empty(c, reply, e);
}

static const task task_some = {
    .name = "some", .request_size = 8, .prepare = prepare_some, .finish = finish_some};
static const task task_gate = {
    .name = "gate", .request_size = 8, .prepare = prepare_gate, .finish = finish_empty};
static const task task_wrong = {
    .name = "wrong", .request_size = 8, .prepare = prepare_wrong, .finish = finish_empty};

static void on_done(job_result *result, void *arg)
{
    struct fixture *f = arg;
    if (result->error.kind != ERR_NONE) {
        f->n_failed++;
        f->last = result->error;
    } else {
        assert_true(result->reply.n > 1 && result->reply.p[0] == '[');
    }
    if (++f->n_back == f->n_expected)
        loop_stop(f->loop);
}

static job *submit(struct fixture *f, const task *t, const char *body, error *e)
{
    return batcher_submit(f->batcher, t, true, CLIENT_ANY, str_of(body), on_done, f, e);
}

static job *submit_text(struct fixture *f, error *e)
{
    return submit(f, task_find(STR("feature-extraction")), "{\"inputs\": \"a quick fox\"}", e);
}

static void run(struct fixture *f, int n_expected)
{
    f->n_expected = n_expected;
    loop_run(f->loop);
    assert_int_equal(f->n_back, n_expected);
}

static void all_come_back(void **state)
{
    struct fixture *f = *state;
    error e = {0};
    for (int i = 0; i < MOST; i++)
        assert_non_null(submit_text(f, &e));
    run(f, MOST);
    assert_int_equal(f->n_failed, 0);
    batcher_counts counts = batcher_count(f->batcher);
    assert_int_equal(counts.done, MOST);
    assert_int_equal(counts.waiting, 0);
}

static void a_wrong_one_fails_alone(void **state)
{
    struct fixture *f = *state;
    error e = {0};
    assert_non_null(submit(f, &task_gate, "{}", &e));
    assert_non_null(submit_text(f, &e));
    assert_non_null(submit(f, &task_wrong, "{}", &e));
    assert_non_null(submit_text(f, &e));
    sem_post(&gate);
    run(f, 4);
    assert_int_equal(f->n_failed, 1);
    assert_int_equal(f->last.kind, ERR_INVALID);
    assert_non_null(strstr(f->last.message, "99999999"));
}

static void cancelled_ones_stay_silent(void **state)
{
    struct fixture *f = *state;
    error e = {0};
    assert_non_null(submit(f, &task_gate, "{}", &e));
    job *left[MOST - 2];
    for (int i = 0; i < MOST - 2; i++)
        assert_non_null(left[i] = submit_text(f, &e));
    assert_non_null(submit_text(f, &e));
    assert_null(submit_text(f, &e));
    assert_int_equal(e.kind, ERR_BUSY);
    for (int i = 0; i < MOST - 2; i++)
        job_cancel(left[i]);
    sem_post(&gate);
    run(f, 2);
    assert_int_equal(f->n_failed, 0);
    batcher_counts counts = batcher_count(f->batcher);
    assert_int_equal(counts.done, 2);
    assert_int_equal(counts.cancelled, MOST - 2);
}

static void run_some(struct fixture *f, int n, const char *body)
{
    error e = {0};
    n_sequences = n;
    f->n_back = 0;
    assert_non_null(submit(f, &task_some, body, &e));
    run(f, 1);
    assert_int_equal(f->n_failed, 0);
}

/* Until the loop's thread computes: the first ones were slow, and the engine's falls asleep after
 * it has sent its last one back. */
static void run_until_here(struct fixture *f)
{
    enum { TRIES = 2000 };
    finished_here = false;
    for (int i = 0; i < TRIES && !finished_here; i++)
        run_some(f, 1, "{}");
    assert_true(prepared_here && finished_here);
}

/* Which thread computes: the loop's what is short, by the speed that was seen. */
static void short_ones_are_computed_by_the_loop(void **state)
{
    enum { MANY = 20000, LARGE = 9000 };
    struct fixture *f = *state;
    char large[LARGE + 1] = "{}";
    memset(large + 2, ' ', LARGE - 2);
    own_loop = f->loop;
    run_some(f, 1, "{}");
    assert_false(prepared_here); /* nothing is known yet */
    run_some(f, MANY, "{}");
    assert_false(finished_here);
    run_until_here(f);
    run_some(f, MANY, "{}");
    assert_true(prepared_here && !finished_here);
    run_some(f, 1, large);
    assert_false(prepared_here);
}

static void can_be_freed_with_work_of_the_loop(void **state)
{
    struct fixture *f = *state;
    error e = {0};
    own_loop = f->loop;
    run_until_here(f);
    f->n_back = 0;
    for (int i = 0; i < MOST; i++)
        assert_non_null(submit_text(f, &e));
    batcher_free(f->batcher);
    f->batcher = NULL;
    assert_int_equal(f->n_back, 0);
}

static void can_be_freed_at_work(void **state)
{
    struct fixture *f = *state;
    error e = {0};
    assert_non_null(submit(f, &task_gate, "{}", &e));
    for (int i = 0; i < MOST - 1; i++)
        assert_non_null(submit_text(f, &e));
    sem_post(&gate);
    batcher_free(f->batcher);
    f->batcher = NULL;
    assert_int_equal(f->n_back, 0);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    error e = {0};
    const char *folder = TEST_ROOT "/goldens/tiny/bert-mean-normalize";
    sem_init(&gate, 0, 0);
    if (!kernels_init(&e) || !(f->threads = team_new(2, &e)) || !(f->loop = loop_new(&e)) ||
        !pipeline_open(&f->pipeline, folder, NULL, NULL, f->threads, &e) ||
        !(f->batcher = batcher_new(&f->pipeline, f->loop, MOST, &e))) {
        print_error("%s\n", e.message);
        return -1;
    }
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    batcher_free(f->batcher);
    loop_free(f->loop);
    pipeline_close(&f->pipeline);
    team_free(f->threads);
    sem_destroy(&gate);
    free(f);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(all_come_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_wrong_one_fails_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(cancelled_ones_stay_silent, set_up, tear_down),
        cmocka_unit_test_setup_teardown(short_ones_are_computed_by_the_loop, set_up, tear_down),
        cmocka_unit_test_setup_teardown(can_be_freed_with_work_of_the_loop, set_up, tear_down),
        cmocka_unit_test_setup_teardown(can_be_freed_at_work, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
