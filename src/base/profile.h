/* Where the time of a thread goes: a clock with one counter for each part of the work.
 *
 *     void gemm_f32(team *t, const gemm_args *a)
 *     {
 *         PROFILE(PROFILE_GEMM);
 *
 * counts the time until the function returns for PROFILE_GEMM, less that of profiled functions
 * called meanwhile. It is off until profile_start, and then for the calling thread only: off, it
 * costs the test of a thread-local pointer. Put it into functions that one thread calls for a whole
 * team, not into innermost loops. */
#pragma once

#include "base/own.h"

#include <stdint.h>

enum profile_part {
    PROFILE_OTHER, /* between the others */
    PROFILE_REQUEST,
    PROFILE_TOKENIZER,
    PROFILE_GEMM,
    PROFILE_ATTENTION,
    PROFILE_CONV,
    PROFILE_ROWS,
    PROFILE_REPLY,
    N_PROFILE_PARTS,
};

typedef struct profile {
    int64_t ns[N_PROFILE_PARTS];
    int64_t calls[N_PROFILE_PARTS];
    double operations[N_PROFILE_PARTS]; /* multiplications and additions, as far as told */
    enum profile_part now;
    int64_t since_ns;
} profile;

extern _Thread_local profile *profile_current; /* NULL: off */

/* Clears *p and counts the time of this thread in it until profile_stop. */
void profile_start(profile *p);
void profile_stop(void);

/* The same without clearing, so that a thread can count a few pieces of work. */
void profile_resume(profile *p);

/* One of n threads has counted this while the calling thread counted for the present part: adds its
 * calls and operations, and an n-th of its time, which is taken from the present part. Only while
 * it is on. */
void profile_share(const profile *thread, int n);

/* "matrix products", "attention", ... */
const char *profile_part_name(enum profile_part part);

/* Counts for another part from now on; returns the one until now. Only while it is on. */
enum profile_part profile_switch(enum profile_part part);

static inline enum profile_part profile_enter(enum profile_part part, double operations)
{
    if (!profile_current)
        return PROFILE_OTHER;
    profile_current->calls[part]++;
    profile_current->operations[part] += operations;
    return profile_switch(part);
}

static inline void profile_leave(enum profile_part *before)
{
    if (profile_current)
        profile_switch(*before);
}

#define PROFILE_WORK(part, operations)                                                             \
    OWN(profile_leave)                                                                             \
    __attribute__((unused)) enum profile_part profile_before = profile_enter(part, operations)
#define PROFILE(part) PROFILE_WORK(part, 0)
