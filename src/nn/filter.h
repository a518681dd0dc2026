/* Filters along the tokens of a sequence, one for each feature, head, or head of each token; beyond
 * the ends of the sequence there are zeros. */
#pragma once

#include "base/thread.h"
#include "nn/ragged.h"

#include <stdbool.h>

enum filter_kernels {
    FILTER_FEATURES, /* [kernel_width][width] */
    FILTER_HEADS,    /* [heads][kernel_width] */
    FILTER_ROWS,     /* [rows][heads][kernel_width] */
};

typedef struct filter {
    const ragged *r;
    const float *x; /* [rows][width], without gaps */
    int width;
    enum filter_kernels kind;
    const float *kernels;
    int heads;        /* each of width / heads features; unused for FILTER_FEATURES */
    int kernel_width; /* tokens, odd: as many before as behind */
    float *out;       /* [rows][width], ldo floats apart; may not overlap x */
    int ldo;
    bool adds; /* to what is there */
} filter;

/* out[i] = sum over k of kernel[k] * x[i + k - kernel_width / 2] */
void filter_run(const filter *f, team *t);
