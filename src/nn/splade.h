/* Sparse vectors of SPLADE (https://arxiv.org/abs/2107.05720, https://arxiv.org/abs/2109.10086):
 * of the scores that a masked language model gives the ids of its vocabulary, token by token,
 *     w = log(1 + relu(score))
 * and for each id the highest w of a sequence's tokens, or their sum. */
#pragma once

#include "base/thread.h"
#include "nn/ragged.h"

typedef struct splade {
    bool sum;   /* of the tokens, not the highest */
    bool twice; /* log(1 + w) takes the place of w */
} splade;

/* Takes rows first .. first + n - 1 of r's, [n][width], and writes the vectors of the sequences
 * that end among them to out [n_seq][width]. A batch comes in parts, in its order, so that nobody
 * holds a row of scores for each of its tokens. sums: [width] working memory for all parts, 0 at
 * first and again at the end. */
void splade_add(const splade *s, team *t, const float *rows, int first, int n, const ragged *r,
                int width, double *sums, float *out);

/* Of each of the n vectors [width] the `most` values farthest from 0 stay, of equal ones the first;
 * the others become 0. In place. work: [width]. */
void sparse_keep(float *vectors, int n, int width, int most, float *work);
