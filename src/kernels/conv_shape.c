/* The shapes of convolutions: phases, lengths, the order of the weights. */
#include "kernels/conv_job.h"
#include "kernels/table.h"

#include <math.h>

static int phases_of(const conv_shape *s, int axis)
{
    return s->transposed ? s->stride[axis] : 1;
}

static phase_axis axis_of(const conv_shape *s, int axis, int first)
{
    int stride = s->stride[axis], dilation = s->dilation[axis], kernel = s->kernel[axis];
    phase_axis p = {.first = first, .out_step = 1, .in_step = stride, .tap_step = 1};
    p.n_taps = kernel;
    p.offset = -s->before[axis];
    p.offset_step = dilation;
    if (!s->transposed)
        return p;
    /* Output o is reached from input i by tap k if o = i stride - before + k dilation. */
    p.out_step = stride;
    p.in_step = 1;
    int at = first + s->before[axis];
    while (p.tap < kernel && (at - p.tap * dilation) % stride)
        p.tap++;
    while (p.tap_step * dilation % stride)
        p.tap_step++;
    p.n_taps = p.tap < kernel ? (kernel - 1 - p.tap) / p.tap_step + 1 : 0;
    p.offset = p.n_taps ? (at - p.tap * dilation) / stride : 0;
    p.offset_step = -(p.tap_step * dilation / stride);
    return p;
}

int conv_phases(const conv_shape *s)
{
    return phases_of(s, 0) * phases_of(s, 1);
}

phase conv_phase(const conv_shape *s, int i)
{
    return (phase){axis_of(s, 0, i / phases_of(s, 1)), axis_of(s, 1, i % phases_of(s, 1))};
}

long conv_length(const conv_shape *s, int axis, long length)
{
    long reach = (long)s->dilation[axis] * (s->kernel[axis] - 1) + 1, stride = s->stride[axis];
    long padding = (long)s->before[axis] + s->after[axis];
    long most = s->before[axis] > s->after[axis] ? s->before[axis] : s->after[axis];
    if (length <= 0 || (s->padding == CONV_REFLECT && most >= length) ||
        (s->padding == CONV_CIRCULAR && most > length))
        return 0;
    long out = s->transposed              ? (length - 1) * stride + reach - padding + s->more[axis]
               : length + padding < reach ? 0
                                          : (length + padding - reach) / stride + 1;
    return out > 0 ? out : 0;
}

size_t conv_weights(const conv_shape *s)
{
    return (size_t)s->out * (size_t)(s->in / s->groups) * (size_t)s->kernel[0] *
           (size_t)s->kernel[1];
}

bool conv_is_small(const conv_shape *s)
{
    int group = s->in / s->groups;
    return s->groups > 1 && s->in == s->out && group <= CONV_DIRECT_GROUP &&
           (group & (group - 1)) == 0;
}

/* Where published weights have this one. */
static size_t published_at(const conv_shape *s, int out, int in, int y, int x)
{
    size_t kernel = (size_t)s->kernel[0] * (size_t)s->kernel[1];
    int of_group = s->out / s->groups, in_group = s->in / s->groups, group = out / of_group;
    size_t row = s->transposed
                     ? (size_t)(group * in_group + in) * (size_t)of_group + (size_t)(out % of_group)
                     : (size_t)out * (size_t)in_group + (size_t)in;
    return row * kernel + (size_t)(y * s->kernel[1] + x);
}

/* A tap's weights for all inputs of a group and one output or, direct, all outputs. */
static float *arrange_tap(const conv_shape *s, const float *w, int out, int y, int x, float *to)
{
    int in_group = s->in / s->groups, n = conv_is_small(s) ? s->out : 1;
    for (int in = 0; in < in_group; in++)
        for (int o = out; o < out + n; o++)
            *to++ = w[published_at(s, o, in, y, x)];
    return to;
}

void conv_arrange(const conv_shape *s, const float *w, float *arranged)
{
    for (int i = 0; i < conv_phases(s); i++) {
        phase p = conv_phase(s, i);
        for (int out = 0; out < (conv_is_small(s) ? 1 : s->out); out++) {
            for (int t = 0; t < taps_of(&p); t++)
                arranged = arrange_tap(s, w, out, p.y.tap + t / p.x.n_taps * p.y.tap_step,
                                       p.x.tap + t % p.x.n_taps * p.x.tap_step, arranged);
        }
    }
}

void conv_fold_norm(const conv_shape *s, float *w, float *bias, const float *gamma,
                    const float *beta, const float *mean, const float *variance, float eps)
{
    for (int out = 0; out < s->out; out++) {
        double factor = (gamma ? (double)gamma[out] : 1) / sqrt((double)variance[out] + eps);
        for (int in = 0; in < s->in / s->groups; in++) {
            float *kernel = w + published_at(s, out, in, 0, 0);
            for (int i = 0; i < s->kernel[0] * s->kernel[1]; i++)
                kernel[i] = (float)(kernel[i] * factor);
        }
        double shift = ((double)bias[out] - mean[out]) * factor;
        bias[out] = (float)(shift + (beta ? (double)beta[out] : 0));
    }
}
