/* Speed of every kernel of the list at shapes of real models. */
#pragma once

#include "base/thread.h"

/* What a shape's time is compared with. */
enum bench_bound {
    BOUND_NONE,
    BOUND_COMPUTE,   /* operations a second in registers */
    BOUND_BANDWIDTH, /* bytes a second from where the operands lie: a cache or memory */
};

typedef struct bench_result {
    const char *family, *variant; /* of the row of kernels/list.h */
    const char *shape;            /* for people: "256 x 1536 x 384" */
    double seconds;               /* best of the repetitions */
    double gflops;                /* 1e9 operations a second; 0 if bytes are what counts */
    double gigabytes;             /* 1e9 bytes read and written a second, each counted once */
    enum bench_bound bound;       /* which of the two peaks this shape comes nearer to */
    double peak;                  /* that peak, 1e9 a second */
    double peak_share;            /* of it, 0 .. 1 */
} bench_result;

typedef void bench_report(void *arg, const bench_result *r);

typedef struct bench_options {
    double seconds;               /* about so long for each shape */
    const char *family, *variant; /* rows of these names only; NULL: all */
} bench_options;

/* Measures each row that the level in use allows (see kernels.h), every shape, and hands each
 * result to report; the result is valid until report returns. The table of kernels is changed on
 * the way and is as before at the end: nobody else may use it meanwhile. */
void kernels_bench(team *t, const bench_options *o, bench_report *report, void *arg);

/* Whether kernels_bench would measure a row of these names. */
bool kernels_bench_has(const char *family, const char *variant);

/* 1e9 operations a second that the threads of the team reach together in registers with the f32
 * kernels in use. */
double kernels_peak_gflops(team *t);

/* 1e9 bytes a second that the threads reach together over `bytes` of memory, each its share of it
 * again and again: reading, or copying (bytes read and bytes written both count). */
double kernels_peak_read(team *t, size_t bytes);
double kernels_peak_copy(team *t, size_t bytes);
