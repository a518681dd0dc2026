#include "tensor/read_ahead.h"
#include "base/memory.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22 /* Linux 5.14 */
#endif

enum { PIECE_BYTES = 4 << 20 }; /* a call holds up others that change mappings: under 0.3 ms */

struct read_ahead {
    pthread_t thread;
    atomic_bool stop;
    int n_ranges;
    struct read_ahead_range ranges[];
};

static void populate(const struct read_ahead *r, const struct read_ahead_range *range)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), begin = (uintptr_t)range->p & ~(page - 1);
    uintptr_t end = (uintptr_t)range->p + range->n;
    while (begin < end && !atomic_load_explicit(&r->stop, memory_order_relaxed)) {
        size_t n = end - begin < PIECE_BYTES ? end - begin : PIECE_BYTES;
        if (madvise((void *)begin, n, MADV_POPULATE_READ) < 0 &&
            madvise((void *)begin, n, MADV_WILLNEED) < 0)
            return;
        begin += PIECE_BYTES;
    }
}

static void *run(void *arg)
{
    const struct read_ahead *r = arg;
    for (int i = 0; i < r->n_ranges; i++)
        populate(r, &r->ranges[i]);
    return NULL;
}

read_ahead *read_ahead_start(const struct read_ahead_range *ranges, int n_ranges)
{
    size_t bytes = (size_t)n_ranges * sizeof *ranges;
    read_ahead *r = xcalloc(1, sizeof *r + bytes);
    sigset_t all, before;
    r->n_ranges = n_ranges;
    memcpy(r->ranges, ranges, bytes);
    sigfillset(&all); /* signals are the main thread's */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&r->thread, NULL, run, r);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!failed)
        return r;
    free(r);
    return NULL;
}

void read_ahead_end(read_ahead *r)
{
    if (!r)
        return;
    atomic_store_explicit(&r->stop, true, memory_order_relaxed);
    pthread_join(r->thread, NULL);
    free(r);
}
