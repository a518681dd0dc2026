/* The pool with a stand-in for the worker: this program, called again with "worker" as its first
 * argument. What it does is in the name of the model's folder. */
#include "gateway/pool.h"

#include "base/clock.h"
#include "base/log.h"
#include "gateway/process.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { MODEL_BYTES = 1 << 20, EACH = MODEL_BYTES + POOL_OVERHEAD_BYTES };

/* --- the stand-in --- */

static void on_term(int number)
{
    (void)number;
    _exit(0);
}

static const char *argument_of(char **argv, const char *name)
{
    for (; *argv; argv++)
        if (strcmp(*argv, name) == 0)
            return argv[1];
    return "";
}

static int stand_in(char **argv)
{
    const char *folder = argument_of(argv, "--model");
    int fd = atoi(argument_of(argv, "--ready-fd"));
    if (strcmp(folder, "/deaf") == 0)
        signal(SIGTERM, SIG_IGN);
    else
        signal(SIGTERM, on_term);
    if (strcmp(folder, "/dies") == 0)
        return 7;
    if (strcmp(folder, "/broken") == 0) {
        dprintf(fd, "{\"ready\":false,\"status\":500,\"error\":\"no tensor 'x'\"}\n");
        return 1;
    }
    if (strcmp(folder, "/slow") == 0)
        usleep(150000);
    int mapped = strcmp(folder, "/small") == 0 ? 4 : MODEL_BYTES - 3;
    int private = strcmp(folder, "/large") == 0 ? MODEL_BYTES : 3;
    if (strcmp(folder, "/lies") == 0) {
        dprintf(fd, "{\"ready\":true,\"mapped_bytes\":%lld,\"private_bytes\":-5}\n",
                INT64_MAX + 0LL);
        pause();
    }
    if (strcmp(folder, "/never") != 0)
        dprintf(fd, "{\"ready\":true,\"task\":\"t\",\"mapped_bytes\":%d,\"private_bytes\":%d}\n",
                mapped, private);
    close(fd);
    for (;;)
        pause();
}

/* --- around the pool --- */

static loop *l;
static metrics *counts;
static pool *p;
static char run_dir[] = "/tmp/pool_test_XXXXXX";
static int64_t idle_ms;
static const char *current_folder; /* NULL: every folder is */

static int64_t idle_of(const char *id, void *arg)
{
    (void)id;
    (void)arg;
    return idle_ms;
}

static const char *dtype;

static const char *dtype_of(const char *id, void *arg)
{
    (void)id;
    (void)arg;
    return dtype;
}

static bool is_current(const char *id, const char *folder, void *arg)
{
    (void)id;
    (void)arg;
    return !current_folder || strcmp(folder, current_folder) == 0;
}

static void make_pool(int64_t budget, int64_t patience_ms, int queue_limit)
{
    static const char *const command[] = {"/proc/self/exe", "worker", NULL};
    error e = {0};
    idle_ms = 1000000;
    current_folder = NULL;
    dtype = "f32";
    l = loop_new(&e);
    counts = metrics_new();
    p = pool_new(&(pool_options){.loop = l,
                                 .metrics = counts,
                                 .command = command,
                                 .run_dir = run_dir,
                                 .budget_bytes = budget,
                                 .load_timeout_ms = patience_ms,
                                 .queue_limit = queue_limit,
                                 .idle_ms = idle_of,
                                 .dtype = dtype_of,
                                 .is_current = is_current});
}

static void free_pool(void)
{
    pool_free(p);
    metrics_free(counts);
    loop_free(l);
    p = NULL;
}

struct client {
    lease lease; /* first: callbacks get the lease */
    int n_ready, n_failed;
    pool_failure failure;
};

static void on_ready(lease *got)
{
    ((struct client *)got)->n_ready++;
}

static void on_failed(lease *got, const pool_failure *failure)
{
    struct client *c = (struct client *)got;
    c->n_failed++;
    c->failure = *failure;
}

static void ask(struct client *c, const char *id, const char *folder)
{
    *c = (struct client){.lease = {.ready = on_ready, .failed = on_failed}};
    pool_lease(p, &c->lease, id, folder, MODEL_BYTES);
}

struct waiting {
    bool (*done)(void *arg);
    void *arg;
    timer *again;
    int64_t until_ms;
    bool seen;
};

static void look(void *arg)
{
    struct waiting *w = arg;
    w->seen = w->done(w->arg);
    if (w->seen || clock_ms() > w->until_ms)
        loop_stop(l);
    else
        timer_start(w->again, 2);
}

/* Runs the loop until done(arg), at most ten seconds. */
static void wait_for(bool (*done)(void *arg), void *arg)
{
    struct waiting w = {.done = done, .arg = arg, .until_ms = clock_ms() + 10000};
    w.again = timer_new(l, look, &w);
    timer_start(w.again, 0);
    loop_run(l);
    timer_free(w.again);
    assert_true(w.seen);
}

static bool answered(void *arg)
{
    const struct client *c = arg;
    return c->n_ready + c->n_failed > 0;
}

static bool none_loaded(void *arg)
{
    (void)arg;
    return pool_n_loaded(p) == 0;
}

static int n_starts(const char *id)
{
    return (int)series_value(
        metrics_get(counts, METRIC_COUNTER, "inferd_worker_starts_total", "", "model", id));
}

static int n_ends(const char *id, const char *reason)
{
    return (int)series_value(metrics_get(counts, METRIC_COUNTER, "inferd_worker_ends_total", "",
                                         "model,reason", id, reason));
}

static pool_status status_of(const char *id)
{
    pool_status s;
    pool_get_status(p, id, &s);
    return s;
}

static bool one_loaded(void *arg)
{
    (void)arg;
    return pool_n_loaded(p) == 1;
}

static bool a_is_draining(void *arg)
{
    (void)arg;
    return status_of("a").state == POOL_DRAINING;
}

static bool a_is_gone(void *arg)
{
    (void)arg;
    return status_of("a").process == 0;
}

/* --- tests --- */

static void one_load_for_many(void **state)
{
    (void)state;
    make_pool(INT64_MAX, 60000, 100);
    struct client c[20];
    for (int i = 0; i < 20; i++)
        ask(&c[i], "a", "/slow");
    assert_int_equal(status_of("a").state, POOL_LOADING);
    assert_int_equal(status_of("a").n_waiting, 20);
    lease_release(&c[7].lease); /* left the queue: the load goes on for the others */
    wait_for(answered, &c[19]);
    for (int i = 0; i < 20; i++)
        assert_int_equal(c[i].n_ready, i != 7);
    assert_int_equal(n_starts("a"), 1);
    assert_int_equal(pool_used(p), EACH);
    assert_int_equal(strncmp(lease_address(&c[0].lease), "unix:/tmp/pool_test_", 20), 0);
    pool_status s = status_of("a");
    assert_int_equal(s.n_active, 19);
    assert_int_equal(s.idle_ms, -1);
    for (int i = 0; i < 20; i++)
        lease_release(&c[i].lease);
    assert_true(status_of("a").unload_in_ms > 0);
    struct client next;
    ask(&next, "a", "/slow"); /* loaded: at once */
    assert_int_equal(next.n_ready, 1);
    lease_release(&next.lease);
    free_pool();
}

/* What a worker says that it took counts, beside its own memory. */
static void counts_what_is_taken(void **state)
{
    (void)state;
    make_pool(INT64_MAX, 60000, 100);
    struct client small, large, lies;
    ask(&small, "small", "/small");
    wait_for(answered, &small);
    assert_int_equal(pool_used(p), 7 + POOL_OVERHEAD_BYTES);
    ask(&large, "large", "/large");
    wait_for(answered, &large);
    assert_int_equal(pool_used(p), 7 + 2 * MODEL_BYTES - 3 + 2 * POOL_OVERHEAD_BYTES);
    int64_t before = pool_used(p);
    ask(&lies, "lies", "/lies");
    wait_for(answered, &lies);
    assert_true(pool_used(p) > before && pool_used(p) - before <= (INT64_C(1) << 50) + (64 << 20));
    lease_release(&small.lease);
    lease_release(&large.lease);
    lease_release(&lies.lease);
    free_pool();
}

static void idle_models_are_unloaded(void **state)
{
    (void)state;
    make_pool(INT64_MAX, 60000, 100);
    struct client busy, idle;
    ask(&busy, "busy", "/x");
    ask(&idle, "idle", "/x");
    wait_for(answered, &busy);
    wait_for(answered, &idle);
    lease_release(&idle.lease);
    idle_ms = 10;
    wait_for(one_loaded, NULL);
    assert_int_equal(status_of("idle").state, POOL_COLD);
    assert_int_equal(status_of("busy").state, POOL_READY);
    assert_int_equal(n_ends("idle", "idle"), 1);
    lease_release(&busy.lease);
    wait_for(none_loaded, NULL);
    assert_int_equal(pool_used(p), 0);
    free_pool();
}

static void budget_evicts_the_oldest_idle(void **state)
{
    (void)state;
    make_pool(2 * EACH, 60000, 100);
    struct client a, b, c;
    ask(&a, "a", "/x");
    wait_for(answered, &a);
    lease_release(&a.lease);
    usleep(3000);
    ask(&b, "b", "/x");
    wait_for(answered, &b);
    lease_release(&b.lease);
    ask(&c, "c", "/x");
    assert_int_equal(status_of("c").state, POOL_QUEUED);
    wait_for(answered, &c);
    assert_int_equal(c.n_ready, 1);
    assert_int_equal(status_of("a").state, POOL_COLD);
    assert_int_equal(status_of("b").state, POOL_READY);
    assert_int_equal(n_ends("a", "evicted"), 1);
    assert_true(pool_used(p) <= 2 * EACH);
    lease_release(&c.lease);
    free_pool();
}

/* All are busy: the load waits until a request ends; the model that had to go is loaded again for
 * those who came meanwhile. */
static void busy_models_are_drained_first(void **state)
{
    (void)state;
    make_pool(EACH, 60000, 100);
    struct client a, b, again;
    ask(&a, "a", "/x");
    wait_for(answered, &a);
    ask(&b, "b", "/x");
    assert_int_equal(b.n_ready, 0);
    int64_t start = clock_ms();
    wait_for(a_is_draining, NULL);
    assert_true(clock_ms() - start > 500); /* it had its turn */
    ask(&again, "a", "/x");
    assert_int_equal(again.n_ready, 0);
    lease_release(&a.lease);
    wait_for(answered, &b);
    assert_int_equal(b.n_ready, 1);
    lease_release(&b.lease);
    wait_for(answered, &again);
    assert_int_equal(again.n_ready, 1);
    assert_int_equal(n_starts("a"), 2);
    lease_release(&again.lease);
    free_pool();
}

static void what_never_fits_is_refused(void **state)
{
    (void)state;
    make_pool(EACH - 1, 60000, 100);
    struct client c;
    ask(&c, "a", "/x");
    assert_int_equal(c.n_failed, 1);
    assert_int_equal(c.failure.error.kind, ERR_NO_SPACE);
    assert_string_equal(c.failure.error.message,
                        "model 'a' needs 34603008 bytes of memory, the budget of this server is "
                        "34603007");
    assert_int_equal(n_starts("a"), 0);
    assert_int_equal(status_of("a").failure.kind, ERR_NO_SPACE);
    free_pool();
}

static void a_failed_load_says_why(void **state)
{
    (void)state;
    make_pool(INT64_MAX, 60000, 100);
    struct client c, soon;
    ask(&c, "a", "/broken");
    wait_for(answered, &c);
    assert_int_equal(c.failure.error.kind, ERR_BAD_MODEL);
    assert_string_equal(c.failure.error.message, "cannot load model 'a': no tensor 'x'");
    ask(&soon, "a", "/broken"); /* not tried again at once */
    assert_int_equal(soon.n_failed, 1);
    assert_string_equal(soon.failure.error.message, c.failure.error.message);
    wait_for(none_loaded, NULL);
    assert_int_equal(n_starts("a"), 1);
    assert_int_equal(pool_used(p), 0);
    free_pool();
}

static void crashes_in_a_row_are_rested(void **state)
{
    (void)state;
    make_pool(INT64_MAX, 60000, 100);
    struct client c;
    for (int i = 1; i <= POOL_CRASHES; i++) {
        ask(&c, "a", "/dies");
        wait_for(answered, &c);
        assert_int_equal(n_starts("a"), i);
        assert_non_null(strstr(c.failure.error.message, "ended with status 7"));
    }
    assert_int_equal(c.failure.error.kind, ERR_UNAVAILABLE);
    assert_false(status_of("a").loadable);
    ask(&c, "a", "/dies");
    assert_int_equal(c.n_failed, 1);
    assert_in_range(c.failure.retry_after_s, 1, 5);
    assert_int_equal(n_starts("a"), POOL_CRASHES);
    struct client other;
    ask(&other, "b", "/x"); /* others do not suffer */
    wait_for(answered, &other);
    assert_int_equal(other.n_ready, 1);
    lease_release(&other.lease);
    free_pool();
}

static void a_killed_worker_is_replaced(void **state)
{
    (void)state;
    make_pool(INT64_MAX, 60000, 100);
    struct client a, b, next;
    ask(&a, "a", "/x");
    ask(&b, "b", "/x");
    wait_for(answered, &a);
    wait_for(answered, &b);
    kill(status_of("a").process, SIGKILL);
    wait_for(a_is_gone, NULL);
    assert_non_null(strstr(status_of("a").failure.message, "signal 9"));
    assert_true(status_of("a").loadable);
    assert_int_equal(status_of("b").state, POOL_READY);
    lease_release(&a.lease);
    ask(&next, "a", "/x");
    wait_for(answered, &next);
    assert_int_equal(next.n_ready, 1);
    assert_int_equal(status_of("a").failure.kind, ERR_NONE);
    lease_release(&next.lease);
    lease_release(&b.lease);
    free_pool();
}

static void patience_ends(void **state)
{
    (void)state;
    make_pool(INT64_MAX, 50, 100);
    struct client c;
    ask(&c, "a", "/never");
    wait_for(answered, &c);
    assert_int_equal(c.failure.error.kind, ERR_UNAVAILABLE);
    assert_string_equal(c.failure.error.message, "Model a is currently loading");
    assert_true(c.failure.estimated_s > 0);
    assert_true(c.failure.retry_after_s > 0);
    free_pool();
}

static void queues_are_bounded(void **state)
{
    (void)state;
    make_pool(INT64_MAX, 60000, 2);
    struct client c[3];
    for (int i = 0; i < 3; i++)
        ask(&c[i], "a", "/x");
    assert_int_equal(c[2].failure.error.kind, ERR_BUSY);
    wait_for(answered, &c[0]);
    lease_release(&c[0].lease);
    ask(&c[2], "a", "/x");
    assert_int_equal(c[2].n_ready, 1);
    lease_release(&c[1].lease);
    lease_release(&c[2].lease);
    free_pool();
}

static void another_folder_is_another_model(void **state)
{
    (void)state;
    make_pool(INT64_MAX, 60000, 100);
    struct client old, new;
    ask(&old, "a", "/old");
    wait_for(answered, &old);
    pid_t before = status_of("a").process;
    ask(&new, "a", "/new");
    wait_for(answered, &new);
    assert_int_not_equal(status_of("a").process, before);
    assert_int_equal(kill(before, 0), 0); /* its request still runs */
    lease_release(&old.lease);
    wait_for(one_loaded, NULL);
    assert_int_equal(n_ends("a", "replaced"), 1);
    lease_release(&new.lease);
    current_folder = "/newer"; /* replaced while nobody asks */
    wait_for(none_loaded, NULL);
    ask(&new, "a", "/newer");
    wait_for(answered, &new);
    lease_release(&new.lease);
    dtype = "int8"; /* so is a model whose products are to be others */
    wait_for(none_loaded, NULL);
    free_pool();
}

static bool was_called(void *arg)
{
    return *(bool *)arg;
}

static void note_call(void *arg)
{
    *(bool *)arg = true;
}

static void shutdown_ends_all(void **state)
{
    (void)state;
    make_pool(INT64_MAX, 60000, 100);
    struct client c;
    ask(&c, "a", "/x");
    wait_for(answered, &c);
    lease_release(&c.lease);
    bool done = false;
    pool_shutdown(p, note_call, &done);
    assert_false(done);
    wait_for(was_called, &done);
    assert_int_equal(pool_n_loaded(p), 0);
    ask(&c, "a", "/x");
    assert_int_equal(c.failure.error.kind, ERR_UNAVAILABLE);
    free_pool();
}

static void freeing_kills_the_deaf(void **state)
{
    (void)state;
    make_pool(INT64_MAX, 60000, 100);
    struct client c;
    ask(&c, "a", "/deaf");
    wait_for(answered, &c);
    pid_t pid = status_of("a").process;
    lease_release(&c.lease);
    free_pool();
    assert_int_equal(kill(pid, 0), -1);
}

static void no_descriptors_are_lost(void **state)
{
    (void)state;
    make_pool(INT64_MAX, 60000, 100);
    int before = -1;
    idle_ms = 0;
    for (int i = 0; i < 5; i++) {
        struct client c;
        ask(&c, "a", "/x");
        wait_for(answered, &c);
        lease_release(&c.lease);
        wait_for(none_loaded, NULL);
        int now = dup(0); /* the lowest free one */
        close(now);
        if (before < 0)
            before = now;
        assert_int_equal(now, before);
    }
    free_pool();
}

static int set_up(void **state)
{
    (void)state;
    log_setup(LOG_ERROR, "test");
    return mkdtemp(run_dir) ? 0 : 1;
}

static int tear_down(void **state)
{
    (void)state;
    return rmdir(run_dir);
}

/* Of a test that failed: its workers would hold the output open, for which whoever reads it waits.
 */
static int end_pool(void **state)
{
    (void)state;
    if (p)
        free_pool();
    return 0;
}

#define TEST(name) cmocka_unit_test_teardown(name, end_pool)

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "worker") == 0)
        return stand_in(argv);
    const struct CMUnitTest tests[] = {
        TEST(one_load_for_many),
        TEST(idle_models_are_unloaded),
        TEST(counts_what_is_taken),
        TEST(budget_evicts_the_oldest_idle),
        TEST(busy_models_are_drained_first),
        TEST(what_never_fits_is_refused),
        TEST(a_failed_load_says_why),
        TEST(crashes_in_a_row_are_rested),
        TEST(a_killed_worker_is_replaced),
        TEST(patience_ends),
        TEST(queues_are_bounded),
        TEST(another_folder_is_another_model),
        TEST(shutdown_ends_all),
        TEST(freeing_kills_the_deaf),
        TEST(no_descriptors_are_lost),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
