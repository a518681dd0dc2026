/* Tables of vectors that are looked up by number. */
#pragma once

#include "base/thread.h"
#include "tensor/weights.h"

typedef struct embedding {
    int rows, width; /* rows 0: the model has no such table */
    const float *table;
} embedding;

/* Claims "weight" [rows][width]. */
void embedding_bind(embedding *m, weights w, int rows, int width);

/* out[i] = row ids[i] * factor. out: [n][width]. */
void embedding_scaled(const embedding *m, const int *ids, float factor, team *t, float *out, int n);

enum { EMBEDDINGS = 4 };

/* out[i] = sum of the tables' rows ids[.][i], in the order given; NULL and tables without rows are
 * left out, ids[.] NULL stands for row 0. Ids are checked by the caller. At least one table has
 * rows; all have the same width. out: [n][width]. */
void embedding_sum(const embedding *const tables[EMBEDDINGS], const int *const ids[EMBEDDINGS],
                   team *t, float *out, int n);
