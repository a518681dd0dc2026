/* The main path is mixed_attention_run: kernels, then both halves side by side, then the output. */
#include "nn/mixed_attention.h"
#include "base/memory.h"
#include "kernels/attention.h"
#include "kernels/rows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { GRAIN_FLOATS = 1 << 13 }; /* least work worth another thread */

/* Published [hidden][1][kernel_width]; turned, so that the features of a row lie side by side. */
static float *turn(const float *from, int hidden, int width)
{
    float *out = from ? xcalloc((size_t)hidden * (size_t)width, sizeof *out) : NULL;
    for (int i = 0; out && i < hidden; i++)
        for (int k = 0; k < width; k++)
            out[k * hidden + i] = from[i * width + k];
    return out;
}

void mixed_attention_bind(mixed_attention *m, weights w, int hidden, int heads, int kernel_width)
{
    weights self = weights_in(w, "self"), separable = weights_in(self, "key_conv_attn_layer");
    int half = hidden / 2;
    *m = (mixed_attention){.heads = heads, .kernel_width = kernel_width};
    linear_bind(&m->query, weights_in(self, "query"), half, hidden);
    linear_bind(&m->key, weights_in(self, "key"), half, hidden);
    linear_bind(&m->value, weights_in(self, "value"), half, hidden);
    m->nearby =
        turn(weights_cube(weights_in(separable, "depthwise"), "weight", hidden, 1, kernel_width),
             hidden, kernel_width);
    linear_bind_pointwise(&m->surroundings, weights_in(separable, "pointwise"), separable, half,
                          hidden);
    linear_bind(&m->kernels, weights_in(self, "conv_kernel_layer"), heads * kernel_width, half);
    linear_bind(&m->mixed, weights_in(self, "conv_out_layer"), half, hidden);
    linear_bind(&m->out, weights_in(w, "output.dense"), hidden, hidden);
}

void mixed_attention_release(mixed_attention *m)
{
    free(m->nearby);
    m->nearby = NULL;
}

size_t mixed_attention_work(const mixed_attention *m, int n_rows)
{
    size_t row = 3 * (size_t)m->query.out + (size_t)m->kernels.out + (size_t)m->out.in;
    return (size_t)n_rows * row;
}

/* What both convolutions along the tokens are made of. */
struct filter {
    const ragged *r;
    const float *x; /* [rows][width] */
    int width, kernel_width;
    const float *kernels; /* [kernel_width][width], or [rows][heads][kernel_width] */
    int heads;            /* 0: the former */
    float *out;
    int ldo;
};

/* out += kernel k of row i, times the row that it falls on. */
static void add_row(const struct filter *f, int i, int k, const float *x, float *out)
{
    const float *kernel = f->kernels + (size_t)k * (size_t)f->width;
    int head_dim = f->heads ? f->width / f->heads : 0;
    for (int j = 0; !f->heads && j < f->width; j++)
        out[j] += kernel[j] * x[j];
    for (int h = 0; h < f->heads; h++) {
        float weight =
            f->kernels[((size_t)i * (size_t)f->heads + (size_t)h) * (size_t)f->kernel_width +
                       (size_t)k];
        for (int j = h * head_dim; j < (h + 1) * head_dim; j++)
            out[j] += weight * x[j];
    }
}

static void filter_rows(void *arg, long begin, long end, int thread)
{
    const struct filter *f = arg;
    int s = 0, before = f->kernel_width / 2;
    (void)thread;
    for (int i = (int)begin; i < (int)end; i++) {
        while (f->r->start[s + 1] <= i)
            s++;
        int first = f->r->start[s], last = f->r->start[s + 1];
        float *out = f->out + (size_t)i * (size_t)f->ldo;
        memset(out, 0, (size_t)f->width * sizeof *out);
        for (int k = 0; k < f->kernel_width; k++) {
            int row = i + k - before;
            if (row >= first && row < last)
                add_row(f, i, k, f->x + (size_t)row * (size_t)f->width, out);
        }
    }
}

static void run_filter(const struct filter *f, team *t)
{
    long grain = GRAIN_FLOATS / ((long)f->width * f->kernel_width) + 1;
    team_for(t, ragged_rows(f->r), grain, filter_rows, (void *)(uintptr_t)f);
}

/* Kernels of all rows and heads, each of the sum 1, of the rows' queries. room: [rows][hidden] */
static void make_kernels(const mixed_attention *m, team *t, const ragged *r, const float *x,
                         const float *query, float *room, float *halves, float *kernels)
{
    int n = ragged_rows(r), half = m->query.out;
    run_filter(&(struct filter){.r = r,
                                .x = x,
                                .width = m->out.in,
                                .kernel_width = m->kernel_width,
                                .kernels = m->nearby,
                                .out = room,
                                .ldo = m->out.in},
               t);
    linear_run(&m->surroundings, t, room, ACT_NONE, halves, n);
    gate_f32(t, ACT_NONE, halves, half, query, half, halves, half, n, half);
    linear_run(&m->kernels, t, halves, ACT_NONE, kernels, n);
    softmax_f32(t, kernels, kernels, n * m->heads, m->kernel_width);
}

void mixed_attention_run(const mixed_attention *m, team *t, const ragged *r, const float *x,
                         float *y, float *work)
{
    int n = ragged_rows(r), half = m->query.out, hidden = m->out.in, head_dim = half / m->heads;
    size_t part = (size_t)n * (size_t)half;
    float *query = work, *key = query + part, *value = key + part, *kernels = value + part;
    float *both = kernels + (size_t)n * (size_t)m->kernels.out;
    linear_run(&m->query, t, x, ACT_NONE, query, n);
    make_kernels(m, t, r, x, query, both, key, kernels);
    linear_run(&m->key, t, x, ACT_NONE, key, n);
    linear_run(&m->value, t, x, ACT_NONE, value, n);
    attention_f32(t, &(attention_args){.q = query,
                                       .k = key,
                                       .v = value,
                                       .ldq = half,
                                       .ldk = half,
                                       .ldv = half,
                                       .out = both,
                                       .ldo = hidden,
                                       .start = r->start,
                                       .n_seq = r->n_seq,
                                       .heads = m->heads,
                                       .head_dim = head_dim,
                                       .scale = (float)(1 / sqrt(head_dim))});
    linear_run(&m->mixed, t, x, ACT_NONE, value, n);
    run_filter(&(struct filter){.r = r,
                                .x = value,
                                .width = half,
                                .kernel_width = m->kernel_width,
                                .kernels = kernels,
                                .heads = m->heads,
                                .out = both + half,
                                .ldo = hidden},
               t);
    linear_run(&m->out, t, both, ACT_NONE, y, n);
}
