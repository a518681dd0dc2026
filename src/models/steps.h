/* Batches through the encoder, step by step: some sequences go through all layers together, then
 * their token vectors go to whoever asked for them, so that only those of a few steps are ever
 * kept. Cutting a batch changes no result.
 *
 * The threads of a team share each step, or, in a batch of enough sequences, each has steps of its
 * own: then none waits for another between two products, and what a step works with stays in its
 * thread's cache. */
#pragma once

#include "models/encoder.h"

typedef struct step {
    team *team;     /* to compute with */
    int first, end; /* its sequences are first .. end - 1 of the batch */
    ragged r;       /* and their tokens */
    float *tokens;  /* [ragged_rows(&r)][hidden] */
    void *work;     /* of work_bytes, 64-byte aligned */
} step;

/* What becomes of the token vectors. `use` may change them. Steps come in any order and, on threads
 * of their own, several at a time. */
typedef struct step_use {
    bool (*use)(void *arg, const step *s, error *e);     /* NULL: nothing */
    size_t (*work_bytes)(const void *arg, int n_tokens); /* NULL: none */
    void *arg;
    float *out;    /* [tokens of the batch][hidden]: where all vectors are to be; NULL: nowhere */
    bool for_head; /* as encoder_work has it */
} step_use;

/* Most bytes that steps_run takes from its arena, for a batch of n_tokens in sequences of at most
 * `longest`. */
size_t steps_work_bytes(const encoder *m, const team *t, const step_use *use, int n_tokens,
                        int longest);

/* ERR_INVALID: an id out of range, a sequence too long; ERR_NO_SPACE: the arena is full;
 * ERR_CANCELLED between layers; and what `use` says. Of several the error of the first step. */
bool steps_run(const encoder *m, team *t, const token_batch *b, const step_use *use, arena *a,
               error *e);
