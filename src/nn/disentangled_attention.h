/* Self-attention of DeBERTa (He et al. 2020, section 3.1): beside content to content, scores have
 * a part from a query's content to the relative position of the key, and one from a key's content
 * to that of the query. */
#pragma once

#include "nn/embedding.h"
#include "nn/linear.h"
#include "nn/norm.h"
#include "nn/ragged.h"

#include <stdbool.h>
#include <stddef.h>

/* The relative positions i - j of query i and key j, as rows of a table [2 * span]: row span is
 * distance 0; what lies beyond the table has its first or its last row. */
typedef struct relative_positions {
    int span;
    /* 0: a row each. Otherwise the distances beyond buckets / 2 share rows that grow as their
     * logarithm, up to `farthest`. */
    int buckets, farthest;
} relative_positions;

/* Row of a distance. */
int relative_position(const relative_positions *p, int distance);

typedef struct disentangled_attention {
    linear query, key, value, out;
    /* Or all three in one product, without bias: [heads][query, key, value][head_dim] rows; in 0:
     * not fused. */
    linear fused;
    const float *query_bias, *value_bias; /* of the fused product */
    int heads;
    int score_parts;            /* 1 + parts by position: their sum keeps its variance */
    linear content_to_position; /* makes keys of the table; in 0: there is no such part */
    linear position_to_content; /* makes queries of it, as above */
    float *position_keys;       /* [heads] of [2 * span][head_dim], scaled and packed; owned */
    float *position_queries;    /* the same */
} disentangled_attention;

/* Makes the position keys and queries, which are the same for every input, of the table
 * [2 * span][hidden]. Once, before the first run. ERR_IO when memory is out. */
bool disentangled_attention_prepare(disentangled_attention *m, team *t, const float *table,
                                    const relative_positions *p, error *e);
void disentangled_attention_release(disentangled_attention *m);

/* Floats of working memory for sequences of n_rows together, or one of that length. */
size_t disentangled_attention_work(const disentangled_attention *m, int n_rows);

/* y = out(attention(x)). x, y: [rows of r][hidden]; y may not overlap x. p: as for prepare. */
void disentangled_attention_run(const disentangled_attention *m, team *t, const ragged *r,
                                const relative_positions *p, const float *x, float *y, float *work);
