/* Questions to tables as sequences, and the cells that a model selects
 * (convert_logits_to_predictions of TapasTokenizer). */
#pragma once

#include "tasks/pipeline.h"
#include "tokenizers/table_tokenizer.h"

/* One question to a table. */
typedef struct cells_asked {
    table_encoding encoding;
    int64_t n_characters; /* of the question, and of the table where it is the first to it */
    int sequence;         /* its number in the call, once it is there */
} cells_asked;

/* Encodes questions to one table; out: [questions->n]. */
bool cells_encode(task_call *c, const cell_table *table, const strs *questions, bool truncate,
                  cells_asked *out, error *e);

/* Adds the sequence of a question to the call, which has room, and counts its usage. */
void cells_add(task_call *c, cells_asked *asked);

/* Writes into a question which cells answered the one before it, whose sequence is computed. */
void cells_tell(const task_call *c, const cells_asked *before, cells_asked *next);

typedef struct cells_answer {
    struct cells_place {
        int row, column; /* from 0 */
    } * places;          /* [n] row by row; of the call's memory */
    int n;
    int aggregator; /* label of the model; -1: it has none */
} cells_answer;

/* The answer to a question whose sequence is computed. */
bool cells_find(const task_call *c, const cells_asked *asked, cells_answer *out, error *e);

str cells_text(const cell_table *table, struct cells_place place);
