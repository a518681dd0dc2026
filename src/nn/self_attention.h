/* Multi-head self-attention of encoders: every token sees its whole sequence. */
#pragma once

#include "nn/linear.h"
#include "nn/ragged.h"

#include <stddef.h>

typedef struct self_attention {
    linear query, key, value, out;
    int heads;
} self_attention;

/* Added to the scores of head h, query i and key j: by_distance[h * head_stride + (j - i)]. */
typedef struct distance_bias {
    const float *by_distance; /* at distance 0 of head 0; NULL: no bias */
    long head_stride;
} distance_bias;

/* Floats of working memory for n_rows. */
size_t self_attention_work(const self_attention *m, int n_rows);

/* y = out(attention(x)). x, y: [rows of r][hidden]; y may not overlap x. */
void self_attention_run(const self_attention *m, team *t, const ragged *r, distance_bias bias,
                        const float *x, float *y, float *work);
