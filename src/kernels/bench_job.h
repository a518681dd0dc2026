/* What the files of the benchmark share: a family's shapes are measured one by one. */
#pragma once

#include "kernels/bench.h"
#include "kernels/list.h"

enum {
    BENCH_WEIGHTS = 64 << 20, /* floats: a set larger than the caches, as a model's weights are */
    BENCH_VALUES = 8 << 20,   /* floats of in and of out */
};

typedef struct bench {
    team *team;
    double seconds;
    double peak;        /* operations */
    double peak_memory; /* bytes read from memory */
    size_t copied;      /* the working set that peak_copy was measured for */
    double peak_copy;
    bench_report *report;
    void *arg;
    const kernel_row *row;
    float *weights, *in, *out;
    long run; /* counts the runs of a shape, to walk through the weights */
} bench;

/* A run of a shape. */
typedef void bench_fn(bench *b, const void *shape);

/* flop: operations; bytes: of operands that come from memory, as weights do. */
void bench_products(bench *b, bench_fn *fn, const void *shape, const char *name, double flop,
                    double bytes);

/* The same of operands that lie where a copy of as many bytes would have them. */
void bench_sums(bench *b, bench_fn *fn, const void *shape, const char *name, double flop,
                double bytes);

/* Row kernels: `bytes` are read and written again and again where they lie. */
void bench_bytes(bench *b, bench_fn *fn, const void *shape, const char *name, double bytes);

/* Families with a file of their own. */
void bench_attention(bench *b);
void bench_attention_bf16(bench *b);
void bench_conv(bench *b);
void bench_rows(bench *b);
