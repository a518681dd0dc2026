/* Speed of every kernel of the list at shapes of real models. */
#pragma once

#include "base/thread.h"

typedef struct bench_result {
    const char *family, *variant; /* of the row of kernels/list.h */
    const char *shape;            /* for people: "256 x 1536 x 384" */
    double seconds;               /* best of the repetitions */
    double gflops;                /* 1e9 operations a second; 0 if bytes are what counts */
    double gigabytes;             /* 1e9 bytes read and written a second, each counted once */
    double peak_share;            /* of the variant's own peak (gflops), 0 .. 1; 0 if unknown */
} bench_result;

typedef void bench_report(void *arg, const bench_result *r);

/* Measures each row that the level in use allows (see kernels.h), every shape for about
 * `seconds`, and hands each result to report; the result is valid until report returns. The table
 * of kernels is changed on the way and is as before at the end: nobody else may use it meanwhile.
 */
void kernels_bench(team *t, double seconds, bench_report *report, void *arg);

/* 1e9 operations a second that the threads of the team reach together in registers with the f32
 * kernels in use. */
double kernels_peak_gflops(team *t);
