/* What the requests share that give a text, or a text and its pair, label scores:
 * text-classification and text-embeddings-inference's /predict. */
#pragma once

#include "tasks/scores.h"

typedef struct classify_request {
    texts inputs;
    int function;    /* enum score_function, or -1: as the model is made for */
    int raw;         /* 1: no function */
    int top_k;       /* 0: all labels */
    int truncate;    /* 1, 0, or -1: yes, reported in the reply's headers */
    int side;        /* enum truncation_side, or -1: as the tokenizer says */
    str language;    /* of the texts */
    strs xpaths;     /* of the lines of a text, for models that read them */
    box_lists boxes; /* of the words of texts, for models that read them */
} classify_request;

/* Names for the rows: "right", "left". */
extern const char *const truncation_sides[];

/* The rows of truncation that a request struct with these members has. */
#define TRUNCATION_FIELDS(owner)                                                                   \
    FIELD_BOOL(                                                                                    \
        owner, truncate, "truncate", -1,                                                           \
        "cut texts that are too long (reported in the headers); false makes them an error"),       \
        FIELD_CHOICE(owner, side, "truncation_direction", -1, truncation_sides,                    \
                     "which end is cut off")

bool classify_supports(const model_info *m);
bool classify_prepare(task_call *c, error *e);

/* "[...]" of the labels of text i, best first. */
bool classify_put(task_call *c, int i, buf *reply, error *e);
