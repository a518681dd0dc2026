/* Each token's surroundings are laid out in the order of the published weights, [in][width], so
 * that the convolution is a product with the weights where they are mapped. */
#include "nn/conv.h"
#include "base/profile.h"
#include "kernels/gemm.h"

enum {
    GRAIN_FLOATS = 1 << 13, /* least work worth another thread */
    STEP_ROWS = 256,        /* laid out at a time: enough for the kernels to run at full speed */
};

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
    size_t rows = (size_t)(n_rows < STEP_ROWS ? n_rows : STEP_ROWS);
    return rows * (size_t)c->in * (size_t)c->width;
}

struct unfold_job {
    const conv *c;
    const ragged *from, *to;
    int stride, before; /* row i sees the tokens from i * stride - before on */
    int first;          /* row of `to` */
    const float *x;
    float *out;
};

static void unfold_rows(void *arg, long begin, long end, int thread)
{
    (void)thread;
    const struct unfold_job *job = arg;
    const conv *c = job->c;
    int s = 0;
    for (long i = begin; i < end; i++) {
        float *out = job->out + (size_t)i * (size_t)c->in * (size_t)c->width;
        long at = job->first + i;
        while (at >= job->to->start[s + 1])
            s++;
        long first = job->from->start[s], last = job->from->start[s + 1];
        for (int k = 0; k < c->width; k++) {
            long row = first + (at - job->to->start[s]) * job->stride - job->before + k;
            const float *x = job->x + row * c->in;
            for (int j = 0; j < c->in; j++)
                out[j * c->width + k] = row >= first && row < last ? x[j] : 0;
        }
    }
}

/* n rows of products: x of `in` values for all groups. */
static void multiply(const conv *c, team *t, const float *x, int n, enum activation act, float *y)
{
    int in = c->in / c->groups * c->width, out = c->out / c->groups;
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

static void run(struct unfold_job *job, team *t, enum activation act, float *y)
{
    const conv *c = job->c;
    int n = ragged_rows(job->to);
    long grain = GRAIN_FLOATS / ((long)c->in * c->width) + 1;
    for (int step; job->first < n; job->first += step) {
        step = n - job->first < STEP_ROWS ? n - job->first : STEP_ROWS;
        team_for(t, step, grain, unfold_rows, job);
        multiply(c, t, job->out, step, act, y + (size_t)job->first * (size_t)c->out);
    }
}

void conv_run(const conv *c, team *t, const ragged *r, const float *x, enum activation act,
              float *y, float *work)
{
    PROFILE(PROFILE_CONV);
    if (c->width == 1)
        multiply(c, t, x, ragged_rows(r), act, y);
    else
        run(&(struct unfold_job){c, r, r, 1, (c->width - 1) / 2, 0, x, work}, t, act, y);
}

void conv_run_strided(const conv *c, team *t, const ragged *r, const ragged *out, const float *x,
                      enum activation act, float *y, float *work)
{
    run(&(struct unfold_job){c, r, out, c->width, 0, 0, x, work}, t, act, y);
}
