/* What a token is in its table (Herzig et al. 2020, TAPAS), as numbers that each have a table of
 * vectors: segment, column, row, whether the cell was an answer before, rank of its value in the
 * column from below and from above, and how the value compares with those of the question. */
#pragma once

#include "nn/embedding.h"
#include "nn/ragged.h"

enum { TABLE_COLUMN = 1, TABLE_ROW = 2, TABLE_TYPES = 7 };

typedef struct table_types {
    embedding tables[TABLE_TYPES]; /* rows 0: the model reads no tables */
    bool by_cell;                  /* positions start anew in each cell */
} table_types;

/* Claims "token_type_embeddings_<i>"; sizes: [TABLE_TYPES] rows of the tables. */
void table_types_bind(table_types *m, weights w, const int *sizes, int width);

/* types: [n][TABLE_TYPES]. ERR_INVALID for what is not in the tables. */
bool table_types_check(const table_types *m, const int *types, int n, error *e);

/* rows[i] += the vectors of types[i], one after the other; NULL: all types are 0.
 * rows: [n][width]. */
void table_types_add(const table_types *m, team *t, const int *types, float *rows, int n);

/* positions[i]: how many tokens after the first one of its cell token i stands. Tokens of one
 * column and row are of one cell. types: [rows of r][TABLE_TYPES]. Compares each token with at most
 * all in front of it. */
void table_types_number(const int *types, const ragged *r, int *positions);
