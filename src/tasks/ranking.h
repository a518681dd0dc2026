/* What the requests for ranking share: the task text-ranking, text-embeddings-inference's /rerank
 * and those of Cohere and Jina are different rows and replies over this one request. */
#pragma once

#include "tasks/classification.h"

/* A query and passages; clients name the passages in three ways. */
typedef struct rank_query {
    str query;
    texts texts, documents, sentences;
} rank_query;

/* The rows of such an object. */
extern const field rank_query_rows[];

typedef struct rank_request {
    rank_query inputs;
    texts pairs; /* instead of `inputs`: a query and a passage each */
    int top_k;   /* the best so many; 0: all */
    int return_text;
    int return_documents; /* another name for the same */
    int raw_scores;       /* the model's scores, not their sigmoid */
    int truncate;
    int side;
    str language;
    const char *key;    /* the passages' name in this request */
    const texts *given; /* the passages, or the pairs */
    float *scores;      /* [given->n] */
    int *order;         /* [n_ranked] best first */
    int n_ranked;
} rank_request;

/* A model that gives one score to a pair, or one that compares texts token by token (MaxSim, which
 * is no logit: raw_scores changes nothing). */
bool rank_supports(const model_info *m);
bool rank_prepare(task_call *c, error *e);

/* Fills scores and order. */
bool rank_finish(task_call *c, error *e);

/* The passage of a place in the order; p == NULL when the request did not ask for texts. */
str rank_text(const task_call *c, int place);
