/* The main path is mixed_attention_run: kernels, then both halves side by side, then the output. */
#include "nn/mixed_attention.h"
#include "base/memory.h"
#include "base/profile.h"
#include "kernels/attention.h"
#include "kernels/rows.h"
#include "nn/filter.h"

#include <math.h>
#include <stdlib.h>

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

/* Kernels of all rows and heads, each of the sum 1, of the rows' queries. room: [rows][hidden] */
static void make_kernels(const mixed_attention *m, team *t, const ragged *r, const float *x,
                         const float *query, float *room, float *halves, float *kernels)
{
    int n = ragged_rows(r);
    filter_run(&(filter){.r = r,
                         .x = x,
                         .width = m->out.in,
                         .kind = FILTER_FEATURES,
                         .kernels = m->nearby,
                         .kernel_width = m->kernel_width,
                         .out = room,
                         .ldo = m->out.in},
               t);
    const linear_call call = {&m->surroundings, room, halves, ACT_NONE, query};
    linear_run_all(t, &call, 1, n);
    linear_run(&m->kernels, t, halves, ACT_NONE, kernels, n);
    softmax_f32(t, kernels, kernels, n * m->heads, m->kernel_width);
}

void mixed_attention_run(const mixed_attention *m, team *t, const ragged *r, const float *x,
                         float *y, float *work)
{
    PROFILE(PROFILE_ATTENTION);
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
                                       .may_round = linear_is_low(&m->query),
                                       .scale = (float)(1 / sqrt(head_dim))});
    linear_run(&m->mixed, t, x, ACT_NONE, value, n);
    filter_run(&(filter){.r = r,
                         .x = value,
                         .width = half,
                         .kind = FILTER_ROWS,
                         .kernels = kernels,
                         .heads = m->heads,
                         .kernel_width = m->kernel_width,
                         .out = both + half,
                         .ldo = hidden},
               t);
    linear_run(&m->out, t, both, ACT_NONE, y, n);
}
