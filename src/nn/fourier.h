/* Mixing of FNet (Lee-Thorp et al. 2021): the real part of the two-dimensional discrete Fourier
 * transform of a sequence's vectors, over their values and over the tokens. */
#pragma once

#include "base/error.h"
#include "base/thread.h"
#include "nn/ragged.h"

#include <stddef.h>

typedef struct fourier {
    int width;              /* of a vector; 0: none */
    float *cosines, *sines; /* [width][width] of 2 pi i j / width; owned */
} fourier;

/* ERR_IO when memory is out. */
bool fourier_init(fourier *m, int width, error *e);
void fourier_release(fourier *m);

/* Floats of working memory for n_rows. */
size_t fourier_work(const fourier *m, int n_rows);

/* y[i][j] = sum over k, l of x[k][l] cos(2 pi (i k / n + j l / width)) in each sequence of n rows.
 * x, y: [rows of r][width]; y may not overlap x. */
void fourier_run(const fourier *m, team *t, const ragged *r, const float *x, float *y, float *work);
