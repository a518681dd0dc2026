/* Tokens with label scores to entities: the aggregation of pipelines/token_classification.py of
 * transformers. */
#pragma once

#include "tasks/task.h"

enum aggregation {
    AGGREGATE_NONE,    /* every token by itself */
    AGGREGATE_SIMPLE,  /* neighbours with the same label */
    AGGREGATE_FIRST,   /* the same of words, which have the label of their first token */
    AGGREGATE_AVERAGE, /* ... that of the averaged scores of their tokens */
    AGGREGATE_MAX,     /* ... that of their surest token */
};

/* Names for rows. */
extern const char *const aggregations[];

typedef struct entity {
    const char *label; /* as the model has it: "B-PER" */
    str group;         /* of the label: "PER" */
    str word;          /* as the tokenizer spells it */
    float score;
    int index;      /* of the token in its window; AGGREGATE_NONE only */
    int start, end; /* code points of the text */
} entity;

typedef struct entity_list {
    entity *items; /* in the memory of the call */
    int n, capacity;
} entity_list;

/* Adds the entities of one window. probabilities: [enc->n][n_labels]. Labels, or groups unless
 * AGGREGATE_NONE, that are in `ignored` are left out. */
bool entities_add(task_call *c, str text, const encoding *enc, const float *probabilities,
                  enum aggregation how, const strs *ignored, entity_list *out, error *e);

/* Of entities that windows found in the same place the longest stays, of equal ones the surest. */
bool entities_merge(task_call *c, entity_list *list, error *e);
