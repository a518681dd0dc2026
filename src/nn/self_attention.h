/* Multi-head self-attention of encoders: a token sees its whole sequence, or what is near it. */
#pragma once

#include "nn/block_sparse.h"
#include "nn/linear.h"
#include "nn/ragged.h"
#include "nn/rotary.h"

#include <stddef.h>

typedef struct self_attention {
    linear query, key, value, out;
    int heads;
    int kv_heads;     /* of keys and values, each shared by heads / kv_heads queries; 0: heads */
    bool local;       /* a token sees no farther than `window` tokens to each side */
    int window;       /* where local */
    bool turn_values; /* values are turned by position too */
} self_attention;

/* Added to the scores of head h, query i and key j: by_distance[h * head_stride + (j - i)]. */
typedef struct distance_bias {
    const float *by_distance; /* at distance 0 of head 0; NULL: no bias */
    long head_stride;
} distance_bias;

/* What positions do to the scores, all of it optional. */
typedef struct score_positions {
    distance_bias bias;
    rotary rotary;
    const attention_plan *plan; /* which keys are seen; without bias */
} score_positions;

/* Floats of working memory for n_rows. */
size_t self_attention_work(const self_attention *m, int n_rows);

/* y = out(attention(x)). x, y: [rows of r][hidden]; y may not overlap x. */
void self_attention_run(const self_attention *m, team *t, const ragged *r, const score_positions *p,
                        const float *x, float *y, float *work);

/* The same with values made of another input, [rows of r][value.in]. */
void self_attention_run_apart(const self_attention *m, team *t, const ragged *r,
                              const score_positions *p, const float *x, const float *values_of,
                              float *y, float *work);
