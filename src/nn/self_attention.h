/* Multi-head self-attention: a token sees its whole sequence, what is near it, or only what is in
 * front of it. And cross-attention: it sees the same sequence of another input. */
#pragma once

#include "nn/block_sparse.h"
#include "nn/linear.h"
#include "nn/norm.h"
#include "nn/ragged.h"
#include "nn/rotary.h"

#include <stddef.h>

typedef struct self_attention {
    linear query, key, value, out;
    int heads;
    int kv_heads; /* of keys and values, each shared by heads / kv_heads queries; 0: heads */
    bool causal;  /* a token sees itself and those before it */
    bool local;   /* it sees no farther than `window` tokens to each side; where causal, it sees
                     `window` tokens, itself among them */
    int window;   /* where local */
    float scale;  /* of scores; 0: 1 / sqrt(width of a head) */
    float cap;    /* scores s become cap * tanh(s / cap); 0: they do not */
    norm query_norm, key_norm; /* of each head, in front of the turning; width 0: none */
    bool turn_values;          /* values are turned by position too */
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
    const attention_plan *plan; /* which keys are seen: with a bias one span a sequence, from its
                                   first row on */
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

/* Queries made of x, keys and values of `seen`, which is as long in each sequence; no positions. */
void cross_attention_run(const self_attention *m, team *t, const ragged *r, const float *x,
                         const float *seen, float *y, float *work);
