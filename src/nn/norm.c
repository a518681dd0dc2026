#include "nn/norm.h"
#include "kernels/rows.h"

enum { PART_VALUES = 8 * 1024 }; /* least work worth another thread */

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
    n->kind = NORM_RMS;
}

void norm_bind_rms_from_one(norm *n, weights w, int width, double eps)
{
    *n = (norm){.width = width,
                .eps = (float)eps,
                .gamma = weights_plus(w, "weight", width, 1),
                .kind = NORM_RMS};
}

void norm_bind_affine(norm *n, weights w, int width)
{
    norm_bind(n, w, width, 0);
    n->kind = NORM_AFFINE;
}

struct affine_job {
    const norm *m;
    const float *x, *residual;
    float *out;
};

static void affine_rows(void *arg, long begin, long end, int thread)
{
    (void)thread;
    const struct affine_job *job = arg;
    const norm *m = job->m;
    for (long i = begin; i < end; i++)
        for (int j = 0; j < m->width; j++) {
            long at = i * m->width + j;
            float sum = job->residual ? job->x[at] + job->residual[at] : job->x[at];
            job->out[at] = sum * m->gamma[j] + m->beta[j];
        }
}

void norm_run(const norm *n, team *t, const float *x, const float *residual, float *out, int n_rows)
{
    if (n->kind == NORM_AFFINE) {
        team_for(t, n_rows, PART_VALUES / n->width + 1, affine_rows,
                 &(struct affine_job){n, x, residual, out});
        return;
    }
    if (n->kind == NORM_LAYER) {
        layer_norm_f32(t, x, residual, n->gamma, n->beta, n->eps, out, n_rows, n->width);
        return;
    }
    if (residual)
        add_f32(t, x, residual, out, (long)n_rows * n->width);
    rms_norm_f32(t, residual ? out : x, n->gamma, n->eps, out, n_rows, n->width);
}
