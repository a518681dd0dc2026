/* The team: every part once, results visible, work shared, uneven and late threads, scratch. */
#include "base/thread.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

typedef struct tally {
    team *team;
    int counts[1000];
    long sum[64]; /* by thread, not atomic: a thread runs one part at a time */
    int n_threads;
    int pause_part;
} tally;

static void count_part(void *arg, int part, int thread)
{
    tally *t = arg;
    t->counts[part]++;
    if (thread < 0 || thread >= t->n_threads)
        abort();
    t->sum[thread] += part;
    if (part == t->pause_part)
        usleep(2000); /* longer than anybody spins */
}

static void every_part_runs_once(void **state)
{
    (void)state;
    for (int threads = 1; threads <= 5; threads++) {
        team *t = team_new(threads, NULL);
        assert_non_null(t);
        assert_int_equal(team_size(t), threads);
        for (int round = 0; round < 400; round++) {
            tally seen = {.n_threads = threads, .pause_part = round % 100 == 0 ? round % 7 : -1};
            int parts = round * 7 % 1000;
            team_run(t, parts, count_part, &seen);
            long sum = 0;
            for (int i = 0; i < threads; i++)
                sum += seen.sum[i];
            assert_int_equal(sum, (long)parts * (parts - 1) / 2);
            for (int i = 0; i < 1000; i++)
                assert_int_equal(seen.counts[i], i < parts);
            if (round % 3 == 0)
                team_rest(t); /* with or without it, the next region finds its threads */
            if (round % 5 == 0)
                team_expect(t);
            if (round % 50 == 0)
                usleep(500); /* the helpers fall asleep */
        }
        team_free(t);
    }
}

static void wait_for_the_other(void *arg, int part, int thread)
{
    (void)part, (void)thread;
    atomic_int *arrived = arg;
    atomic_fetch_add(arrived, 1);
    while (atomic_load(arrived) < 2)
        sched_yield();
}

/* Two parts that need each other end only if two threads run them. */
static void two_threads_work_at_a_time(void **state)
{
    (void)state;
    team *t = team_new(2, NULL);
    for (int i = 0; i < 50; i++) {
        atomic_int arrived = 0;
        if (i % 10 == 0)
            usleep(1000);
        team_run(t, 2, wait_for_the_other, &arrived);
        assert_int_equal(atomic_load(&arrived), 2);
    }
    team_free(t);
}

typedef struct ranges {
    unsigned char seen[5000];
    long grain, n;
} ranges;

static void mark(void *arg, long begin, long end, int thread)
{
    (void)thread;
    ranges *r = arg;
    if (begin >= end || (end - begin < r->grain && end != r->n))
        abort();
    for (long i = begin; i < end; i++)
        r->seen[i]++;
}

static void ranges_cover_the_items(void **state)
{
    (void)state;
    static const long sizes[] = {0, 1, 2, 7, 8, 9, 100, 4999, 5000};
    team *t = team_new(3, NULL);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        for (long grain = 1; grain < 10000; grain *= 7) {
            ranges r = {.grain = grain, .n = sizes[i]};
            team_for(t, r.n, grain, mark, &r);
            for (long j = 0; j < 5000; j++)
                assert_int_equal(r.seen[j], j < r.n);
        }
    }
    team_free(t);
}

static void use_scratch(void *arg, int part, int thread)
{
    size_t size = (size_t)(part + 1) * 5000;
    char *p = team_scratch(arg, thread, size);
    if ((uintptr_t)p % 64 != 0)
        abort();
    memset(p, part, size);
    usleep(part % 3 * 100);
    for (size_t i = 0; i < size; i++) {
        if (p[i] != (char)part)
            abort();
    }
}

static void scratch_belongs_to_one_thread(void **state)
{
    (void)state;
    team *t = team_new(3, NULL);
    team_run(t, 60, use_scratch, t);
    team_free(t);
}

enum { SHARED_PER_PART = 1000 };

static void write_shared(void *arg, int part, int thread)
{
    (void)thread;
    memset((char *)arg + part * SHARED_PER_PART, part, SHARED_PER_PART);
}

/* What one region writes, another may read, beside the scratch of its threads. */
static void shared_memory_outlives_a_region(void **state)
{
    (void)state;
    team *t = team_new(3, NULL);
    for (int parts = 1; parts <= 60; parts += 59) {
        char *p = team_shared(t, (size_t)parts * SHARED_PER_PART);
        assert_int_equal((uintptr_t)p % 64, 0);
        team_run(t, parts, write_shared, p);
        team_run(t, 60, use_scratch, t);
        assert_ptr_equal(team_shared(t, 1), p);
        for (int i = 0; i < parts * SHARED_PER_PART; i++)
            assert_int_equal(p[i], i / SHARED_PER_PART);
    }
    team_free(t);
}

static void idle_teams_use_no_cpu(void **state)
{
    (void)state;
    team *t = team_new(3, NULL);
    tally seen = {.n_threads = 3, .pause_part = -1};
    team_run(t, 10, count_part, &seen);
    usleep(20000);
    struct timespec before, after;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
    usleep(100000);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
    double ms = 1e3 * (double)(after.tv_sec - before.tv_sec) +
                1e-6 * (double)(after.tv_nsec - before.tv_nsec);
    assert_true(ms < 2);
    team_free(t);
}

static void default_follows_the_affinity_mask(void **state)
{
    (void)state;
    cpu_set_t old, one;
    assert_true(threads_default() >= 1);
    assert_int_equal(sched_getaffinity(0, sizeof old, &old), 0);
    assert_true(threads_default() <= CPU_COUNT(&old));
    int cpu = 0;
    while (!CPU_ISSET(cpu, &old))
        cpu++;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
    assert_int_equal(threads_default(), 1);
    team *t = team_new(0, NULL);
    assert_int_equal(team_size(t), 1);
    team_free(t);
    /* More threads than CPUs: nobody may spin the others' time away, and all is done. */
    t = team_new(4, NULL);
    for (int i = 0; i < 100; i++) {
        tally seen = {.n_threads = 4, .pause_part = -1};
        team_run(t, 100, count_part, &seen);
        for (int j = 0; j < 100; j++)
            assert_int_equal(seen.counts[j], 1);
    }
    team_free(t);
    assert_int_equal(sched_setaffinity(0, sizeof old, &old), 0);
    team_free(NULL);
}

/* Regions of a thread's own inside of a region, with scratch of their own. */
static void count_alone(void *arg, int part, int thread)
{
    tally *seen = arg;
    team *alone = team_alone(seen->team, thread);
    tally inner = {.n_threads = 1, .pause_part = -1};
    long *scratch = team_scratch(seen->team, thread, sizeof *scratch);
    *scratch = part;
    if (team_size(alone) != 1 || team_alone(alone, 0) != alone || alone == seen->team)
        abort();
    *(long *)team_scratch(alone, 0, sizeof(long)) = -1;
    *(long *)team_shared(alone, sizeof(long)) = -1;
    team_run(alone, 10, count_part, &inner);
    seen->sum[thread] += inner.sum[0] + *scratch;
}

static void regions_inside_of_regions(void **state)
{
    (void)state;
    enum { PARTS = 300 };
    for (int threads = 2; threads <= 4; threads++) {
        tally seen = {.team = team_new(threads, NULL), .n_threads = threads};
        team_run(seen.team, PARTS, count_alone, &seen);
        long sum = 0;
        for (int i = 0; i < threads; i++)
            sum += seen.sum[i];
        assert_int_equal(sum, PARTS * 45L + PARTS * (PARTS - 1L) / 2);
        team_free(seen.team);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_part_runs_once),
        cmocka_unit_test(two_threads_work_at_a_time),
        cmocka_unit_test(ranges_cover_the_items),
        cmocka_unit_test(scratch_belongs_to_one_thread),
        cmocka_unit_test(shared_memory_outlives_a_region),
        cmocka_unit_test(regions_inside_of_regions),
        cmocka_unit_test(idle_teams_use_no_cpu),
        cmocka_unit_test(default_follows_the_affinity_mask),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
