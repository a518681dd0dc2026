/* Rotary position embedding (Su et al. 2021): pairs of values of a head are turned by an angle that
 * grows with the token's position, so that scores depend on distances. */
#pragma once

#include "base/thread.h"
#include "nn/ragged.h"

#include <stdbool.h>

/* Sines and cosines of the angles. */
typedef struct rotary {
    const float
        *table;      /* [positions][dim]: dim / 2 sines, then as many cosines; NULL: no turning */
    int dim;         /* values of a head that are turned, the first ones; even */
    bool neighbours; /* pair i is values 2 i and 2 i + 1; otherwise i and i + dim / 2 */
} rotary;

/* Angles of position p and pair i: p / base^(2 i / dim), in float as the reference computes them.
 * table: [positions][dim]. */
void rotary_fill(float *table, int positions, int dim, double base);

/* Turns every head of x [rows of r], whose rows are stride floats apart. */
void rotary_run(const rotary *m, team *t, const ragged *r, float *x, long stride, int heads,
                int head_dim);
