/* Pooling of images whose pixels are rows, channels last (conv.h). */
#pragma once

#include "base/thread.h"

#include <stdbool.h>

/* Pairs are of height and width. The padding is below the kernel, everything else 1 or more;
 * checked by the caller. A sequence is an image of height 1. */
typedef struct pool_args {
    const float *x; /* [n][height][width][channels] */
    float *out;     /* [n][pool_length][pool_length][channels], may not overlap x */
    int n, height, width, channels;
    int kernel[2], stride[2], before[2], after[2];
    int dilation[2];    /* of the largest; 1 for averages */
    bool ceil;          /* the last window may reach past the padding, "ceil_mode" */
    bool count_padding; /* averages divide by padding too, "count_include_pad" */
    int divisor;        /* what averages divide by instead, or 0 */
} pool_args;

/* Outputs along an axis (0: height, 1: width); 0 if the kernel does not fit. */
long pool_length(const pool_args *a, int axis);

/* NaN is the largest. */
void pool_largest(team *t, const pool_args *a);
void pool_average(team *t, const pool_args *a);

/* Windows that share out the image over out_height x out_width outputs: output i has the inputs
 * from floor(i length / outputs) to ceil((i + 1) length / outputs). Of a, only x, out, n, height,
 * width and channels are looked at. */
void pool_largest_to(team *t, const pool_args *a, int out_height, int out_width);
void pool_average_to(team *t, const pool_args *a, int out_height, int out_width);
