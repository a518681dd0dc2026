/* Multi-head attention over a ragged batch. */
#pragma once

#include "base/thread.h"

#include <stdbool.h>

/* Which keys j a query i of the same sequence may see. */
enum attention_mask {
    ATTENTION_FULL,
    ATTENTION_CAUSAL,        /* j <= i */
    ATTENTION_WINDOW,        /* |i - j| <= window */
    ATTENTION_CAUSAL_WINDOW, /* i - window < j <= i */
};

/* Rows of k and v that the queries of a sequence see, where those are not the sequence's own. */
typedef struct attention_span {
    int begin, end; /* may be empty */
    bool all;       /* seen whatever the mask says */
    float bias;     /* added to the scores of these keys */
} attention_span;

/* For each sequence s, rows start[s] .. start[s + 1] - 1, and each head h:
 *   out = softmax(q k^T * scale + bias, masked) v
 * Head h is the columns h * head_dim .. of q and out, and (h / (heads / kv_heads)) * head_dim .. of
 * k and v. q, k and v may be three places in the rows of one fused projection. */
typedef struct attention_args {
    const float *q, *k, *v; /* first rows; n_tokens rows each, k and v as spans have them */
    long ldq, ldk, ldv;     /* floats from one row to the next */
    float *out;             /* n_tokens rows of heads * head_dim; may not overlap the inputs */
    long ldo;
    const int *start; /* [n_seq + 1], rising; a sequence may be empty */
    int n_seq;
    int heads, kv_heads; /* heads is a multiple of kv_heads; kv_heads 0 means heads */
    int head_dim;        /* 1 .. 512; multiples of 16 are fast */
    float scale;         /* usually 1 / sqrt(head_dim) */
    float cap;           /* scaled scores s become cap * tanh(s / cap) before the bias; 0: they do
                            not */
    bool may_round; /* q, k, v and the weights may be rounded to bfloat16, where that is faster;
                       sums and the softmax stay in f32 */
    enum attention_mask mask;
    int window;                             /* for the two window masks, see there */
    const float *bias;                      /* added to the scaled scores, or NULL: */
    long bias_head_stride, bias_row_stride; /* bias[h * head_stride + i * row_stride + j] */
    bool bias_by_row; /* i counts rows from start[0] on; else those of the sequence, whose bias all
                         share */
    /* Keys of sequence s: spans first_span[s] .. first_span[s + 1] - 1, one after the other; what
     * stands in two of them counts twice. Masks compare the numbers of rows of q and k; j of `bias`
     * counts the keys of all spans, whose own biases it takes the place of. NULL: the sequence's
     * own rows. */
    const attention_span *spans;
    const int *first_span; /* [n_seq + 1] */
} attention_args;

/* A query whose keys are all masked (a bias of -infinity everywhere) gives zeros. Scores are made
 * block by block (online softmax), never the whole matrix. A sequence's result has the same bits
 * whatever else is in the batch and however many threads there are. */
void attention_f32(team *t, const attention_args *a);
