/* Which cells of a table are an answer (Herzig et al. 2020, TAPAS): a token is scored as part of an
 * answer; cells share the mean of their tokens' scores; and where answers are of one column, the
 * cells of all other columns lose. A cell is what stands in one row and one column: the header of a
 * column is one, in row 0, and so is all that stands outside of the table, in row 0 of column 0. */
#pragma once

#include "tensor/weights.h"

typedef struct cell_options {
    double temperature; /* scores are divided by it */
    int rows, columns;  /* what stands in a later row or column counts as in the last */
    bool one_column;    /* answers are of one column ... */
    bool allow_none;    /* ... or of none */
    bool average;       /* else cells share the mean of their scores too */
} cell_options;

typedef struct cell_scores {
    cell_options options;
    int width;                            /* 0: the model selects no cells */
    const float *cell, *column;           /* [width]; column: for options.one_column only */
    const float *cell_bias, *column_bias; /* one number each */
} cell_scores;

/* Claims "output_weights", "output_bias", "column_output_weights", "column_output_bias", as far as
 * the options, which are set, need them. */
void cell_scores_bind(cell_scores *m, weights w, int width);

/* Floats of working memory. */
size_t cell_scores_work(int n_tokens);

/* out[i]: the score of token i of a sequence of n, where the token is in none of the cells to
 * choose from about -10000. rows: [n][width]; types: [n][TABLE_TYPES], or NULL: the tokens are in
 * no table.
 */
void cell_scores_run(const cell_scores *m, const float *rows, const int *types, int n, float *out,
                     float *work);
