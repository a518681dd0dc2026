/* Vectors of distances between tokens: sines and cosines of falling frequencies (Dai et al. 2019,
 * "Transformer-XL", section 3.3), made for as far as they are needed. */
#pragma once

#include "base/error.h"
#include "nn/relative_attention.h"

typedef struct distance_waves {
    int width;    /* even */
    int farthest; /* distances beyond are as this one; 0: there is no such */
    int n;        /* rows of the table; see distance_waves_reach */
    float *table; /* [n][width] of 0, 1, 2, ...: sines, then cosines; owned */
} distance_waves;

void distance_waves_release(distance_waves *m);

/* Makes the table reach to distances of `most` positions and more. Not while others lay. ERR_IO. */
bool distance_waves_reach(distance_waves *m, team *t, int most, error *e);

/* Vectors of the distances that `in` needs (see relative_reach), whose unit is so many positions;
 * the table must reach that far. out: [in->n_distances][width]. */
void distance_waves_lay(const distance_waves *m, const relative_input *in, int unit, float *out);
