/* Rotary position embedding (Su et al. 2021): pairs of values of a head are turned by an angle that
 * grows with the token's position, so that scores depend on distances. */
#pragma once

#include "base/error.h"
#include "base/thread.h"
#include "nn/ragged.h"

#include <stdbool.h>

enum { ROTARY_DIM = 512 }; /* most values of a head that are turned */

/* How fast the pairs turn: base^(-2 i / dim) a token for pair i, or slower for models that are
 * stretched to longer sequences than they were first trained on. */
enum rope_kind {
    ROPE_DEFAULT,
    ROPE_LINEAR,   /* all pairs slower by `factor` */
    ROPE_DYNAMIC,  /* the base grows with the sequence beyond `positions` (bloc97, emozilla 2023) */
    ROPE_YARN,     /* Peng et al. 2023: slow pairs as linear, fast ones as they were */
    ROPE_LLAMA3,   /* Llama 3.1: the same with other bounds */
    ROPE_LONGROPE, /* Ding et al. 2024: a factor for each pair, others for long sequences */
    ROPE_NTK,      /* Su 2023, kexue.fm/archives/9706: a base times `factor` (formula 6), or pair by
                      pair (10 to 13) */
    N_ROPE_KINDS
};

/* Names as rope_type has them: "default", "linear", "dynamic", "yarn", "llama3", "longrope", "ntk".
 */
extern const char *const rope_names[N_ROPE_KINDS + 1];

typedef struct rope {
    enum rope_kind kind;
    int dim; /* values that are turned, even */
    double base;
    double factor;                              /* of all kinds but DEFAULT; 0: of YARN, LONGROPE,
                                                   positions / original */
    int positions;                              /* most of the model; of DYNAMIC: of its training */
    int original;                               /* of the training before it was stretched */
    double attention_factor;                    /* of YARN, LONGROPE: sines and cosines are scaled;
                                                   0: as their papers have it */
    double beta_fast, beta_slow;                /* of YARN: rotations that bound the mixed pairs */
    double mscale, mscale_all;                  /* of YARN; 0: not given */
    bool truncate;                              /* of YARN: bounds are whole pairs */
    double low_frequency, high_frequency;       /* of LLAMA3 */
    const double *short_factors, *long_factors; /* of LONGROPE: [dim / 2] each */
    double mixed_b;                             /* of NTK: the exponent of formula 12; below 0: that
                                                   of formula 6 */
    /* Scores are multiplied by log(n) / log(length), at least `least` (Su 2021,
     * kexue.fm/archives/8823), where all values of a head are turned; length 0: they are not. */
    double length, least;
} rope;

/* Whether a sequence's length changes its angles. */
bool rope_varies(const rope *r);

/* Angles a token turns each pair by, in float as the reference computes them, in a sequence of n
 * tokens. steps: [dim / 2]. Returns what sines and cosines are multiplied by. */
float rope_steps(const rope *r, int n, float *steps);

/* Sines and cosines of the angles. */
typedef struct rotary {
    const float
        *table;      /* [positions][dim]: dim / 2 sines, then as many cosines; NULL: no turning */
    int dim;         /* values of a head that are turned, the first ones; even */
    bool neighbours; /* pair i is values 2 i and 2 i + 1; otherwise i and i + dim / 2 */
    bool by_row;     /* the table has a row for each row of the batch, not for each position */
} rotary;

/* table: [positions][dim] for the steps [dim / 2] and their factor of rope_steps. */
void rotary_fill(float *table, int positions, int dim, const float *steps, float factor);

/* Turns every head of x [rows of r], whose rows are stride floats apart. */
void rotary_run(const rotary *m, team *t, const ragged *r, float *x, long stride, int heads,
                int head_dim);
