/* Texts to token sequences, as the reference prepares them: prompt in front, stripped, lowered when
 * the model says so, truncated. Shared by every task that reads text. */
#pragma once

#include "tasks/pipeline.h"

/* How a request wants its texts encoded. */
typedef struct text_options {
    int truncate;    /* 1 or -1 (not given): cut to the model's limit; 0: too long is an error */
    int side;        /* enum truncation_side, or -1: as the tokenizer says */
    str prompt_name; /* p == NULL: the model's default prompt */
    int n_queries;   /* the first so many texts are queries, the others documents, for the models
                        that tell them apart: these then have the prompts "query" and "document"
                        where none is named */
    /* Name of a text in the request, for messages; NULL: "inputs[3]", or "inputs" of a single one.
     */
    void (*name)(int i, char out[64]);
    str language;       /* of the texts, as texts_language has it */
    const char *path;   /* of the texts in the request: "inputs" */
    const strs *xpaths; /* of the lines of the only text; NULL, or none given: it is no document */
    const box_lists *boxes; /* "boxes" of the request, a list for each text; NULL, or none given:
                               the texts stand on no page */
} text_options;

/* Adds one sequence for each text, or text and its pair, to the call (which has none yet) and
 * counts its usage. Of a pair that is too long the longer text loses tokens first. Token ids given
 * in place of a text are taken as they are. */
bool texts_encode(task_call *c, const texts *list, const text_options *o, error *e);

/* The row of a request. */
#define LANGUAGE_FIELD(owner)                                                                      \
    FIELD_STRING(owner, language, "language", NULL, 0,                                             \
                 "of the texts, for models that have weights for each language")

/* The call's texts are in this language, or if p is NULL in the model's default one. ERR_INVALID,
 * naming those there are, where the model does not know it, or has none and none is given. */
bool texts_language(task_call *c, str name, error *e);

/* For tasks that encode by themselves. Room for n sequences in the call; then what one encoding is
 * to be computed as, counted in the call's usage: the encoding must live as long as the call. */
bool texts_reserve(task_call *c, int n, const char *path, error *e);
sequence *texts_add(task_call *c, const encoding *enc);

/* The type ids that the model is given of an encoding; NULL when it takes none. */
const int *texts_type_ids(const task_call *c, const encoding *enc);

/* The text of a model's prompt by name; ERR_INVALID, naming those there are, when it has no such.
 */
bool texts_prompt(const pipeline *p, str name, str *prompt, error *e);

/* A prompt and a text as one, in the call's memory; the text itself when there is no prompt. */
bool texts_join(task_call *c, str prompt, str text, str *out, error *e);
