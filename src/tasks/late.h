/* Queries and documents of models with a vector for each token (model_info.late). */
#pragma once

#include "tasks/task.h"

/* What the folder says in words, as ids of its tokenizer. */
typedef struct late_texts {
    int filler;             /* what queries are filled up with */
    unsigned char *skipped; /* [vocab] ids whose vectors do not count; owned */
    unsigned char *kept; /* [vocab] ids whose vectors alone count in documents; owned, NULL: all */
} late_texts;

/* Prepares the tokenizer for the folder's markers. A model without info->late needs none of it. */
bool late_texts_open(late_texts *l, tokenizer *t, const model_info *info, error *e);
void late_texts_close(late_texts *l);

/* Most tokens of a text, special ones included. */
int late_most(const struct pipeline *p, bool is_query);

/* Fills a query up, and says which tokens' vectors count. */
bool late_dress(task_call *c, bool is_query, sequence *s, error *e);

/* How close documents are to a query, both computed, as the model compares them. scores:
 * [n_documents]. */
bool late_compare(task_call *c, const sequence *query, const sequence *documents, int n_documents,
                  float *scores, error *e);
