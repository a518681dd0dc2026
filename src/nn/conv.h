/* Convolution along the tokens of a sequence; beyond its ends there are zeros. */
#pragma once

#include "base/thread.h"
#include "kernels/conv.h"
#include "nn/ragged.h"
#include "tensor/weights.h"

#include <stddef.h>

typedef struct conv {
    conv_shape shape; /* of as many tokens before as behind, or one more behind */
    /* Private to conv.c: */
    const float *weight, *bias;
    const packed_weight *packed;
} conv;

/* Claims "weight" [out][in / groups][width] and "bias" [out]. Outputs of a group, of which there
 * are a divisor of out and in, see its inputs only. */
void conv_bind(conv *c, weights w, int out, int in, int width, int groups);

/* Floats of working memory for n_rows of y; it does not grow beyond some hundreds of rows. */
size_t conv_work(const conv *c, int n_rows);

/* y = act(conv(x)). x: [rows of r][in], y: [rows of r][out]; y may not overlap x. */
void conv_run(const conv *c, team *t, const ragged *r, const float *x, enum activation act,
              float *y, float *work);

/* The same of tokens side by side: row i of a sequence of y sees the tokens i * width .. (i + 1) *
 * width - 1. The sequences of y, rows of `out`, may be shorter than those would make them. */
void conv_run_strided(const conv *c, team *t, const ragged *r, const ragged *out, const float *x,
                      enum activation act, float *y, float *work);
