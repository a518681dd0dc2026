/* Each token's surroundings are laid out in the order of the published weights, [in][width], so
 * that the convolution is a product with the weights where they are mapped. */
#include "nn/conv.h"
#include "kernels/gemm.h"

enum { GRAIN_FLOATS = 1 << 13 }; /* least work worth another thread */

void conv_bind(conv *c, weights w, int out, int in, int width, int groups)
{
    *c = (conv){.out = out,
                .in = in,
                .width = width,
                .groups = groups,
                .weight = weights_cube(w, "weight", out, in / groups, width),
                .bias = weights_vector(w, "bias", out)};
}

size_t conv_work(const conv *c, int n_rows)
{
    return c->width == 1 ? 0 : (size_t)n_rows * (size_t)c->in * (size_t)c->width;
}

struct unfold_job {
    const conv *c;
    const ragged *r;
    const float *x;
    float *out;
};

static void unfold_sequences(void *arg, long begin, long end, int thread)
{
    (void)thread;
    const struct unfold_job *job = arg;
    const conv *c = job->c;
    int before = c->width / 2;
    for (long s = begin; s < end; s++) {
        int first = job->r->start[s], last = job->r->start[s + 1];
        for (int i = first; i < last; i++) {
            float *out = job->out + (size_t)i * (size_t)c->in * (size_t)c->width;
            for (int k = 0; k < c->width; k++) {
                int row = i + k - before;
                const float *x = job->x + (long)row * c->in;
                for (int j = 0; j < c->in; j++)
                    out[j * c->width + k] = row >= first && row < last ? x[j] : 0;
            }
        }
    }
}

void conv_run(const conv *c, team *t, const ragged *r, const float *x, enum activation act,
              float *y, float *work)
{
    int n = ragged_rows(r), in = c->in / c->groups * c->width, out = c->out / c->groups;
    if (c->width > 1) {
        long floats = (long)n * c->in * c->width;
        long grain = floats / GRAIN_FLOATS > 0 ? r->n_seq / (floats / GRAIN_FLOATS) : r->n_seq;
        team_for(t, r->n_seq, grain > 0 ? grain : 1, unfold_sequences,
                 &(struct unfold_job){c, r, x, work});
        x = work;
    }
    for (int g = 0; g < c->groups; g++)
        gemm_f32(t, &(gemm_args){.x = x + (size_t)g * (size_t)in,
                                 .ldx = (long)c->in * c->width,
                                 .w = c->weight + (size_t)g * (size_t)out * (size_t)in,
                                 .bias = c->bias + (size_t)g * (size_t)out,
                                 .out = y + (size_t)g * (size_t)out,
                                 .ldo = c->out,
                                 .m = n,
                                 .n = out,
                                 .k = in,
                                 .act = act});
}
