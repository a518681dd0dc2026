/* A question and a table as tokens, as TapasTokenizer of transformers makes them:
 *
 *     [CLS] question [SEP] headers, then row by row the cells
 *
 * where every token has a number of each of seven kinds that say what it is in the table. Tokens
 * of cells fit a budget: first they keep fewer words each, then the last rows are dropped.
 *
 * Other than the reference, which says so in a log or fails later, this refuses questions that its
 * options call too long or too short, and those that leave no room for a row; and rows that a model
 * cannot number are dropped like those that do not fit. A column of more values than a model can
 * rank has the values of the rows that are kept ranked. */
#pragma once

#include "base/fields.h"
#include "tokenizers/tokenizer.h"

typedef struct table_tokenizer table_tokenizer;

/* The options and tokens of a folder, whose tokenizer `t` is (and must outlive this). NULL on
 * failure: ERR_BAD_MODEL. */
table_tokenizer *table_tokenizer_open(const char *folder, const tokenizer *t, error *e);
void table_tokenizer_close(table_tokenizer *m);

enum table_kind {
    KIND_SEGMENT, /* 1 in the table */
    KIND_COLUMN,  /* from 1; 0 outside of the table */
    KIND_ROW,     /* from 1; 0 for headers and outside of the table */
    KIND_ANSWER,  /* 1: of a cell that answered the question before */
    KIND_RANK,    /* of the cell's value in its column, from 1 for the lowest; 0: it has none */
    KIND_INVERSE_RANK, /* the same from the highest */
    KIND_RELATION,     /* how the question's values compare: see numeric_column_relate() */
    N_TABLE_KINDS
};

/* What a model reads. */
typedef struct table_limits {
    int max_tokens;
    int kinds[N_TABLE_KINDS]; /* numbers of a kind are below these */
} table_limits;

/* A table ready for any number of questions; memory is the arena's. */
typedef struct table_text table_text;

/* ERR_BAD_REQUEST on malformed UTF-8, ERR_INVALID for more columns than can be numbered,
 * ERR_TOO_LARGE when memory is out. */
table_text *table_text_make(const table_tokenizer *m, const cell_table *table,
                            const table_limits *limits, arena *a, error *e);

typedef struct table_encoding {
    int *ids;
    int (*kinds)[N_TABLE_KINDS];
    int n, n_total; /* tokens; and without truncation */
    int n_rows;     /* of the table, that are kept */
} table_encoding;

/* A question to a table; memory is the arena's. Without `truncate` what does not fit is
 * ERR_INVALID. */
bool table_encode(const table_tokenizer *m, const table_text *t, str question, bool truncate,
                  table_encoding *out, arena *a, error *e);
