/* Kernels that go row by row: norms, softmax, activations, embedding lookup, conversions.
 *
 * Matrices are [n_rows][width], rows without gaps. Unless said otherwise out may be an input
 * itself (not overlap it partly), rows are shared out over the team, and a row's result does not
 * depend on the other rows or on the number of threads. */
#pragma once

#include "base/thread.h"
#include "kernels/activation.h"

#include <stdbool.h>
#include <stdint.h>

/* out = (y - mean(y)) / sqrt(variance(y) + eps) * gamma + beta, with y = x + residual.
 * residual and beta may be NULL. The variance is the mean of squared deviations. */
void layer_norm_f32(team *t, const float *x, const float *residual, const float *gamma,
                    const float *beta, float eps, float *out, int n_rows, int width);

/* out = x / sqrt(mean(x^2) + eps) * gamma */
void rms_norm_f32(team *t, const float *x, const float *gamma, float eps, float *out, int n_rows,
                  int width);

/* out = exp(x - max) / sum(exp(x - max)) of each row. -infinity gives 0; a row of nothing else, or
 * one with a NaN or +infinity, gives NaN, as in torch. */
void softmax_f32(team *t, const float *x, float *out, int n_rows, int width);

/* What softmax divides by, for rows of which only some results are wanted: returns the sum of
 * exp(x - *most), with the largest value in *most. With a NaN or +infinity, or nothing above
 * -infinity, it is NaN. n >= 1. Runs on the calling thread. */
double softmax_sum_f32(const float *x, long n, float *most);

/* out[i] = act(x[i]). Against the exact function, for finite x:
 *   GELU_ERF, GELU_TANH, QUICK_GELU, SILU  6e-7 of the result, or 6e-8 if that is more
 *   TANH, ELU, SELU                         3e-7 of the result
 *   SOFTPLUS, SQRTSOFTPLUS, HARDSWISH       4e-7 of the result (or 3e-7 for HARDSWISH, 1e-22 for
 *                                           SQRTSOFTPLUS)
 *   GELU_10, MISH, SIGMOID                  6e-7 of the result, or 6e-8 if that is more
 *   LAPLACE                                 3e-7
 *   RELU2, LEAKY_RELU                       1e-7 of the result
 * RELU, RELU6 and NONE are exact; NaN stays NaN. What leaves the floats becomes infinite, what is
 * below the smallest normal one may become a denormal or 0. */
void activate_f32(team *t, enum activation act, const float *x, float *out, long n);

/* out = x, below 0 slope x: PReLU. slopes: one for all, or one for each of width columns. */
void prelu_f32(team *t, const float *x, const float *slopes, int n_slopes, float *out, int n_rows,
               int width);

/* xIELU (Huang 2024), whose numbers belong to the model: above 0 positive x^2 + beta x, else
 * (e^min(x, eps) - 1 - x) negative + beta x. */
typedef struct xielu {
    float positive, negative, beta, eps;
} xielu;

/* From the parameters as they are published, "alpha_p", "alpha_n", "beta" and "eps". */
xielu xielu_of(float alpha_p, float alpha_n, float beta, float eps);

/* Within 6e-7 of the summed magnitudes of the terms; NaN stays NaN. */
void xielu_f32(team *t, const xielu *act, const float *x, float *out, long n);

/* out = a + b */
void add_f32(team *t, const float *a, const float *b, float *out, long n);

/* Turns n pairs of values of x, (a, b), by angles with these sines and cosines [n]: (a cos - b sin,
 * b cos + a sin). Pair i is x[i] and x[n + i], or neighbours, x[2 i] and x[2 i + 1]. The same bits
 * on every kernel level. Runs on the calling thread. */
void rotate_f32(float *x, const float *sines, const float *cosines, int n, bool neighbours);

enum { EMBED_TABLES = 4 };

/* out[i] = table[0][ids[0][i]] + table[1][ids[1][i]] + ... in this order. */
typedef struct embed_args {
    int n_tables;                     /* 1 .. EMBED_TABLES: words, positions, types, ... */
    const float *table[EMBED_TABLES]; /* each [..][width] */
    const int *ids[EMBED_TABLES];     /* each [n_rows], checked by the caller; NULL: row 0 always */
    float *out;                       /* [n_rows][width], may not overlap a table */
    int n_rows, width;
} embed_args;

void embed_f32(team *t, const embed_args *a);

/* IEEE half and bfloat16 to float, exact (signalling NaN may become quiet). from needs no
 * alignment; it may not overlap out. Runs on the calling thread. */
void f16_to_f32(const void *from, float *out, long n);
void bf16_to_f32(const void *from, float *out, long n);
