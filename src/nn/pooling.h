/* One vector for a sequence out of the vectors of its tokens, as sentence-transformers does. */
#pragma once

#include "base/thread.h"
#include "nn/ragged.h"

/* In the order in which several of them are concatenated. */
enum pooling {
    POOL_CLS,           /* the first token that counts */
    POOL_MAX,           /* largest value of each column */
    POOL_MEAN,          /* sum / n */
    POOL_MEAN_SQRT_LEN, /* sum / sqrt(n) */
    POOL_WEIGHTED_MEAN, /* token i of the sequence weighs i + 1 */
    POOL_LAST,          /* the last token */
    N_POOLINGS
};

/* "cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken". */
const char *pooling_name(enum pooling mode);

/* rows: [rows of r][width]. out: [n_seq][n_modes * width], the modes side by side; may not overlap
 * rows. skip: [n_seq] leading tokens that do not count (they keep their weights' places), or NULL.
 * Where no token counts: CLS gives the first row, MAX minus infinity, all others 0. */
void pool_run(team *t, const enum pooling *modes, int n_modes, const float *rows, const ragged *r,
              const int *skip, int width, float *out);

/* Each row divided by its Euclidean length, or by 1e-12 if that is larger. In place. */
void normalize_run(team *t, float *rows, int n_rows, int width);
