/* The team of threads of base/thread.h.
 *
 * A region is published by storing its number of parts into `tickets`, together with a number of
 * the region. A thread takes a part by lowering the count with a compare-and-swap, which can only
 * succeed while the region is open; only then does it read fn and arg, which stay as they are until
 * that part is done. So a helper that wakes late finds no ticket and has touched nothing, and
 * the caller never waits for sleepers: it waits for parts. */
#include "base/thread.h"

#include "base/memory.h"
#include "base/own.h"

#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum {
    SPIN_NS = 50 * 1000, /* longer than the gap between two regions of a model, far below a tick */
    SPIN_CHECK = 32,     /* pauses between two looks at the clock */
    CACHE_LINE = 64,
};

typedef struct memory {
    void *p;
    size_t size;
} memory;

typedef struct member {
    alignas(CACHE_LINE) team *team;
    int index; /* 0 is the caller of team_run and has no thread here */
    pthread_t thread;
    memory scratch;
} member;

struct team {
    alignas(CACHE_LINE) _Atomic uint64_t tickets; /* region number << 32 | parts not yet taken */
    alignas(CACHE_LINE) atomic_uint unfinished;   /* parts not yet done; a futex of the caller */
    atomic_bool caller_sleeps;
    alignas(CACHE_LINE) atomic_uint region; /* number of the last region; futex of the helpers */
    atomic_uint sleepers;
    atomic_uint resting; /* number of a region after which watching for the next does not pay */
    atomic_bool ending;
    team_fn *fn; /* the open region: written before `tickets`, read after taking one */
    void *arg;
    int n_parts;
    int n_threads;
    bool spins; /* false when the threads share fewer CPUs: then a spinner robs a worker */
    member *members;
    memory shared;
    team *
        *alone; /* [n_alone]: of each thread, for regions inside of regions; of a team of 1: none */
    int n_alone;
};

static void cpu_pause(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static int64_t now_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static void futex_wait(atomic_uint *word, unsigned value)
{
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

static void futex_wake(atomic_uint *word, int count)
{
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, NULL, NULL, 0);
}

/* Takes parts until none is left. */
static void work(team *t, int thread)
{
    uint64_t ticket = atomic_load_explicit(&t->tickets, memory_order_acquire);
    while ((uint32_t)ticket > 0) {
        if (!atomic_compare_exchange_weak_explicit(&t->tickets, &ticket, ticket - 1,
                                                   memory_order_acq_rel, memory_order_acquire))
            continue;
        t->fn(t->arg, t->n_parts - (int)(uint32_t)ticket, thread);
        /* Sequentially consistent with caller_sleeps: either the caller sees 0 or we see it. */
        if (atomic_fetch_sub(&t->unfinished, 1) == 1 && atomic_load(&t->caller_sleeps))
            futex_wake(&t->unfinished, 1);
        ticket = atomic_load_explicit(&t->tickets, memory_order_acquire);
    }
}

/* Watches *word for a short time, or until the team rests after region `value`; true when it
 * stopped being `value`. */
static bool spin_while(team *t, atomic_uint *word, unsigned value)
{
    if (!t->spins)
        return atomic_load_explicit(word, memory_order_acquire) != value;
    int64_t end = 0;
    for (;;) {
        for (int i = 0; i < SPIN_CHECK; i++) {
            if (atomic_load_explicit(word, memory_order_acquire) != value)
                return true;
            if (word == &t->region &&
                atomic_load_explicit(&t->resting, memory_order_relaxed) == value)
                return false;
            cpu_pause();
        }
        int64_t now = now_ns();
        if (end == 0)
            end = now + SPIN_NS;
        else if (now >= end)
            return false;
    }
}

static void *helper(void *arg)
{
    member *m = arg;
    team *t = m->team;
    unsigned seen = 0;
    for (;;) {
        while (!spin_while(t, &t->region, seen)) {
            atomic_fetch_add(&t->sleepers, 1);
            if (atomic_load(&t->region) == seen)
                futex_wait(&t->region, seen);
            atomic_fetch_sub(&t->sleepers, 1);
        }
        seen = atomic_load_explicit(&t->region, memory_order_acquire);
        if (atomic_load(&t->ending))
            return NULL;
        work(t, m->index);
    }
}

/* Announces a new region number and wakes up to `count` sleeping helpers. */
static void announce(team *t, unsigned region, int count)
{
    atomic_store(&t->region, region);
    if (atomic_load(&t->sleepers) > 0)
        futex_wake(&t->region, count);
}

void team_run(team *t, int n_parts, team_fn *fn, void *arg)
{
    if (t->n_threads == 1 || n_parts <= 1) {
        for (int i = 0; i < n_parts; i++)
            fn(arg, i, 0);
        return;
    }
    t->fn = fn;
    t->arg = arg;
    t->n_parts = n_parts;
    unsigned region = atomic_load_explicit(&t->region, memory_order_relaxed) + 1;
    atomic_store_explicit(&t->unfinished, (unsigned)n_parts, memory_order_relaxed);
    atomic_store_explicit(&t->tickets, (uint64_t)region << 32 | (uint32_t)n_parts,
                          memory_order_release);
    int others = n_parts < t->n_threads ? n_parts - 1 : t->n_threads - 1;
    announce(t, region, others);
    work(t, 0);

    unsigned left;
    while ((left = atomic_load_explicit(&t->unfinished, memory_order_acquire)) > 0) {
        if (spin_while(t, &t->unfinished, left))
            continue;
        atomic_store(&t->caller_sleeps, true);
        left = atomic_load(&t->unfinished);
        if (left > 0)
            futex_wait(&t->unfinished, left);
        atomic_store(&t->caller_sleeps, false);
    }
}

void team_expect(team *t)
{
    if (t->n_threads == 1 || !t->spins)
        return;
    atomic_store(&t->resting, atomic_load_explicit(&t->region, memory_order_relaxed) - 1);
    if (atomic_load(&t->sleepers) > 0)
        futex_wake(&t->region, t->n_threads - 1);
}

void team_rest(team *t)
{
    atomic_store_explicit(&t->resting, atomic_load_explicit(&t->region, memory_order_relaxed),
                          memory_order_relaxed);
}

typedef struct range_job {
    team_range_fn *fn;
    void *arg;
    long n_items, per_part;
} range_job;

static void run_range(void *arg, int part, int thread)
{
    range_job *job = arg;
    long begin = part * job->per_part;
    long end = begin + job->per_part;
    job->fn(job->arg, begin, end < job->n_items ? end : job->n_items, thread);
}

void team_for(team *t, long n_items, long grain, team_range_fn *fn, void *arg)
{
    if (n_items <= 0)
        return;
    long most = t->n_threads > 1 ? 4L * t->n_threads : 1;
    long per_part = (n_items + most - 1) / most;
    range_job job = {fn, arg, n_items, per_part < grain ? grain : per_part};
    team_run(t, (int)((n_items + job.per_part - 1) / job.per_part), run_range, &job);
}

static void *memory_of(memory *m, size_t size_bytes)
{
    if (size_bytes > m->size) {
        size_t size = (size_bytes + 4095) & ~(size_t)4095;
        free(m->p);
        m->p = aligned_alloc(4096, size);
        if (!m->p) {
            fprintf(stderr, "out of memory: %zu bytes of working memory for a thread\n", size);
            abort();
        }
        m->size = size;
    }
    return m->p;
}

void *team_scratch(team *t, int thread, size_t size_bytes)
{
    return memory_of(&t->members[thread].scratch, size_bytes);
}

void *team_shared(team *t, size_t size_bytes)
{
    return memory_of(&t->shared, size_bytes);
}

team *team_alone(team *t, int thread)
{
    return t->n_threads == 1 ? t : t->alone[thread];
}

/* Signals belong to the thread that made the team. */
static int start_helper(member *m)
{
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int problem = pthread_create(&m->thread, NULL, helper, m);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return problem;
}

/* A team without helpers as yet. */
static team *make_team(int n_threads, error *e)
{
    size_t members_size = (size_t)n_threads * sizeof(member);
    team *t = aligned_alloc(CACHE_LINE, sizeof *t);
    member *members = aligned_alloc(CACHE_LINE, members_size);
    if (!t || !members) {
        free(t);
        free(members);
        fail(e, ERR_IO, "cannot make a team of %d threads: out of memory", n_threads);
        return NULL;
    }
    memset(t, 0, sizeof *t);
    memset(members, 0, members_size);
    t->members = members;
    t->n_threads = 1;
    return t;
}

static bool make_alone(team *t, int n_threads, error *e)
{
    t->alone = calloc((size_t)n_threads, sizeof(team *));
    if (!t->alone)
        return fail(e, ERR_IO, "cannot make a team of %d threads: out of memory", n_threads);
    for (; t->n_alone < n_threads; t->n_alone++) {
        t->alone[t->n_alone] = make_team(1, e);
        if (!t->alone[t->n_alone])
            return false;
    }
    return true;
}

team *team_new(int n_threads, error *e)
{
    int available = threads_default();
    if (n_threads <= 0)
        n_threads = available;
    team *t = make_team(n_threads, e);
    if (!t)
        return NULL;
    t->spins = n_threads <= available;
    if (n_threads > 1 && !make_alone(t, n_threads, e)) {
        team_free(t);
        return NULL;
    }
    for (t->n_threads = 1; t->n_threads < n_threads; t->n_threads++) {
        member *m = &t->members[t->n_threads];
        m->team = t;
        m->index = t->n_threads;
        int problem = start_helper(m);
        if (problem != 0) {
            fail(e, ERR_IO, "cannot start thread %d of %d: %s", m->index + 1, n_threads,
                 strerror(problem));
            team_free(t);
            return NULL;
        }
    }
    return t;
}

void team_free(team *t)
{
    if (!t)
        return;
    atomic_store(&t->ending, true);
    announce(t, atomic_load(&t->region) + 1, INT_MAX);
    for (int i = 0; i < t->n_threads; i++) {
        if (i > 0)
            pthread_join(t->members[i].thread, NULL);
        free(t->members[i].scratch.p);
    }
    for (int i = 0; i < t->n_alone; i++)
        team_free(t->alone[i]);
    free(t->alone);
    free(t->shared.p);
    free(t->members);
    free(t);
}

int team_size(const team *t)
{
    return t->n_threads;
}

/* Whole CPUs that a group of cgroup version 2 or of version 1 allows, rounded up; INT_MAX without
 * a limit. */
typedef int quota_fn(const char *group);

static int whole_cpus(long long quota, long long period)
{
    if (quota <= 0 || period <= 0)
        return INT_MAX;
    long long cpus = (quota - 1) / period + 1;
    return cpus < INT_MAX ? (int)cpus : INT_MAX;
}

static int quota_of(const char *group)
{
    own_mem char *path = xprintf("/sys/fs/cgroup%s/cpu.max", group);
    own_file FILE *f = fopen(path, "re");
    long long quota, period;
    if (!f || fscanf(f, "%lld %lld", &quota, &period) != 2)
        return INT_MAX;
    return whole_cpus(quota, period);
}

static int old_quota_of(const char *group)
{
    long long values[2] = {0};
    const char *const names[2] = {"quota", "period"};
    for (int i = 0; i < 2; i++) {
        own_mem char *path = xprintf("/sys/fs/cgroup/cpu%s/cpu.cfs_%s_us", group, names[i]);
        own_file FILE *f = fopen(path, "re");
        if (!f || fscanf(f, "%lld", &values[i]) != 1)
            return INT_MAX;
    }
    return whole_cpus(values[0], values[1]);
}

/* The lowest of a group and of those above it. Changes `group`. */
static int lowest_quota(char *group, quota_fn *quota)
{
    int lowest = quota("");
    for (char *end; (end = strrchr(group, '/')) != NULL; *end = 0) {
        int here = quota(end == group && end[1] == 0 ? "" : group);
        lowest = here < lowest ? here : lowest;
    }
    return lowest;
}

static bool has_word(const char *list, const char *word)
{
    size_t n = strlen(word);
    for (;;) {
        if (strncmp(list, word, n) == 0 && (list[n] == ',' || list[n] == 0))
            return true;
        list = strchr(list, ',');
        if (!list)
            return false;
        list++;
    }
}

/* Of our groups: lines "0::/path" of version 2 and "4:cpu,cpuacct:/path" of version 1. */
static int cgroup_quota(void)
{
    own_file FILE *f = fopen("/proc/self/cgroup", "re");
    char line[PATH_MAX];
    int lowest = INT_MAX;
    while (f && fgets(line, sizeof line, f)) {
        char *controllers = strchr(line, ':'), *group = NULL;
        if (controllers)
            group = strchr(++controllers, ':');
        if (!group)
            continue;
        *group++ = 0;
        group[strcspn(group, "\n")] = 0;
        bool old = *controllers != 0;
        if (old && !has_word(controllers, "cpu"))
            continue;
        int quota = lowest_quota(group, old ? old_quota_of : quota_of);
        lowest = quota < lowest ? quota : lowest;
    }
    return lowest;
}

int threads_default(void)
{
    int cpus = 1;
    for (size_t n = 1024; n <= 1 << 20; n *= 4) { /* the mask must hold every CPU of the kernel */
        cpu_set_t *set = CPU_ALLOC(n);
        if (!set)
            break;
        bool ok = sched_getaffinity(0, CPU_ALLOC_SIZE(n), set) == 0;
        if (ok)
            cpus = CPU_COUNT_S(CPU_ALLOC_SIZE(n), set);
        CPU_FREE(set);
        if (ok)
            break;
    }
    int quota = cgroup_quota();
    cpus = quota < cpus ? quota : cpus;
    return cpus > 0 ? cpus : 1;
}
