/* Texts to token sequences, as the reference prepares them: prompt in front, stripped, lowered when
 * the model says so, truncated. Shared by every task that reads text. */
#pragma once

#include "tasks/task.h"

/* How a request wants its texts encoded. */
typedef struct text_options {
    int truncate;     /* 1 or -1 (not given): cut to the model's limit; 0: too long is an error */
    int side;         /* enum truncation_side, or -1: as the tokenizer says */
    str prompt_name;  /* p == NULL: the model's default prompt */
    const char *path; /* of the texts in the request, for messages: "inputs" */
} text_options;

/* Adds one sequence for each text to the call (which has none yet) and counts its usage. Token ids
 * given in place of a text are taken as they are. */
bool texts_encode(task_call *c, const texts *list, const text_options *o, error *e);
