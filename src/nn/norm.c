#include "nn/norm.h"
#include "kernels/rows.h"

void norm_bind(norm *n, weights w, int width, double eps)
{
    bool old = weights_have(w, "gamma");
    *n = (norm){.width = width,
                .eps = (float)eps,
                .gamma = weights_vector(w, old ? "gamma" : "weight", width),
                .beta = weights_vector(w, old ? "beta" : "bias", width)};
}

void norm_run(const norm *n, team *t, const float *x, const float *residual, float *out, int n_rows)
{
    layer_norm_f32(t, x, residual, n->gamma, n->beta, n->eps, out, n_rows, n->width);
}
