/* Norms over the width of a row: LayerNorm, RMSNorm, which subtracts no mean, and what MobileBERT
 * has in their place, gamma and beta alone. */
#pragma once

#include "base/thread.h"
#include "tensor/weights.h"

enum norm_kind { NORM_LAYER, NORM_RMS, NORM_AFFINE };

typedef struct norm {
    int width; /* 0: there is no norm */
    float eps;
    const float *gamma, *beta; /* beta may be NULL */
    enum norm_kind kind;
} norm;

/* Claims "weight" and "bias" [width], or "gamma" and "beta" as checkpoints of 2019 call them. */
void norm_bind(norm *n, weights w, int width, double eps);

/* LayerNorm without "bias". */
void norm_bind_unbiased(norm *n, weights w, int width, double eps);

/* RMSNorm: "weight". */
void norm_bind_rms(norm *n, weights w, int width, double eps);

/* The same for files that hold how far gamma is from 1, as Gemma's. */
void norm_bind_rms_from_one(norm *n, weights w, int width, double eps);

/* gamma and beta alone: "weight" and "bias". */
void norm_bind_affine(norm *n, weights w, int width);

/* out = norm(x + residual); residual may be NULL, out may be x or residual. All [n_rows][width]. */
void norm_run(const norm *n, team *t, const float *x, const float *residual, float *out,
              int n_rows);
