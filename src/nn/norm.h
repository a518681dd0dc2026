/* LayerNorm over the width of a row. */
#pragma once

#include "base/thread.h"
#include "tensor/weights.h"

typedef struct norm {
    int width;
    float eps;
    const float *gamma, *beta;
} norm;

/* Claims "weight" and "bias" [width], or "gamma" and "beta" as checkpoints of 2019 call them. */
void norm_bind(norm *n, weights w, int width, double eps);

/* out = norm(x + residual); residual may be NULL, out may be x or residual. All [n_rows][width]. */
void norm_run(const norm *n, team *t, const float *x, const float *residual, float *out,
              int n_rows);
