/* Programs that are measured in turns, on threads that keep their places.
 *
 * Libraries have threads of their own, which watch for more work when a call is done: a peer's
 * thread would take a core from whoever is next, or be put on the core of the thread that it works
 * with. So each pool's helpers are bound to the cores that the caller does not have, alike for all,
 * a program has some time to itself, with the habits that it comes with, and the next begins when
 * the last one's threads sleep. */
#pragma once

#include <dirent.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* With one thread, the time that it had the processor: others on the machine do not count. */
static clockid_t turns_clock = CLOCK_MONOTONIC;

static double seconds_of(clockid_t clock)
{
    struct timespec ts;
    clock_gettime(clock, &ts);
    return (double)ts.tv_sec + 1e-9 * (double)ts.tv_nsec;
}

enum { TURNS_THREADS = 1024, TURNS_ROUNDS = 4 };

/* The threads that have their places. */
typedef struct turns_places {
    cpu_set_t cpus; /* of the process, as it began */
    int threads;    /* of each program */
    pid_t known[TURNS_THREADS];
    int n_known;
} turns_places;

static bool turns_knows(const turns_places *p, pid_t thread)
{
    for (int i = 0; i < p->n_known; i++)
        if (p->known[i] == thread)
            return true;
    return false;
}

/* The n-th core of the process alone. */
static void turns_bind(const turns_places *p, pid_t thread, int n)
{
    int cpu = 0;
    for (; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &p->cpus) && n-- == 0)
            break;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    if (sched_setaffinity(thread, sizeof one, &one) != 0)
        perror("sched_setaffinity");
}

/* Binds the threads that were made since the last call, in their order, to the cores behind the
 * first: once for each program, after its pool has begun. */
static void turns_place(turns_places *p)
{
    DIR *d = opendir("/proc/self/task");
    int place = 0, others = p->threads - 1;
    if (!d || CPU_COUNT(&p->cpus) < p->threads)
        return;
    for (struct dirent *entry; (entry = readdir(d)) && p->n_known < TURNS_THREADS;) {
        pid_t thread = (pid_t)atoi(entry->d_name);
        if (thread <= 0 || thread == getpid() || turns_knows(p, thread))
            continue;
        p->known[p->n_known++] = thread;
        if (others > 0)
            turns_bind(p, thread, 1 + place++ % others);
    }
    closedir(d);
}

static void turns_begin(turns_places *p, int threads)
{
    *p = (turns_places){.threads = threads};
    sched_getaffinity(0, sizeof p->cpus, &p->cpus);
    if (threads == 1)
        turns_clock = CLOCK_THREAD_CPUTIME_ID;
    turns_place(p); /* made while the program was loaded */
}

/* The caller's place, after all pools have begun: threads inherit it. */
static void turns_place_caller(const turns_places *p)
{
    if (CPU_COUNT(&p->cpus) >= p->threads)
        turns_bind(p, 0, 0);
}

/* Waits until the threads of the program before sleep. */
static void turns_wait(void)
{
    const struct timespec pause = {.tv_nsec = 1000000};
    double used, before = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
    do {
        nanosleep(&pause, NULL);
        double now = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
        used = now - before;
        before = now;
    } while (used > 2e-4);
}

typedef void turns_fn(void *arg, size_t call);

/* Each of n programs gets its share of the time, in several turns. best: [n], seconds of the
 * fastest call. */
static void turns_take(turns_fn *const *programs, int n, void *arg, double seconds, double *best)
{
    size_t call = 0;
    for (int i = 0; i < n; i++)
        best[i] = 1e9;
    for (int round = 0; round < TURNS_ROUNDS; round++) {
        for (int i = 0; i < n; i++) {
            turns_wait();
            double now = seconds_of(turns_clock), end = now + seconds / TURNS_ROUNDS / n;
            for (int least = 2; now < end || least > 0; least--) {
                double start = now;
                programs[i](arg, call++);
                now = seconds_of(turns_clock);
                best[i] = now - start < best[i] ? now - start : best[i];
            }
        }
    }
}
