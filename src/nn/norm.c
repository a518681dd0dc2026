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

void norm_bind_unbiased(norm *n, weights w, int width, double eps)
{
    *n = (norm){.width = width, .eps = (float)eps, .gamma = weights_vector(w, "weight", width)};
}

void norm_bind_rms(norm *n, weights w, int width, double eps)
{
    norm_bind_unbiased(n, w, width, eps);
    n->rms = true;
}

void norm_run(const norm *n, team *t, const float *x, const float *residual, float *out, int n_rows)
{
    if (!n->rms) {
        layer_norm_f32(t, x, residual, n->gamma, n->beta, n->eps, out, n_rows, n->width);
        return;
    }
    if (residual)
        add_f32(t, x, residual, out, (long)n_rows * n->width);
    rms_norm_f32(t, residual ? out : x, n->gamma, n->eps, out, n_rows, n->width);
}
