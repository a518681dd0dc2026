/* Weights are read where they are mapped: the kernel takes the published [out][in] layout. */
#include "nn/linear.h"
#include "kernels/gemm.h"

#include <stddef.h>

void linear_bind(linear *l, weights w, int out, int in)
{
    linear_bind_unbiased(l, w, out, in);
    l->bias = weights_vector(w, "bias", out);
}

void linear_bind_parts(linear *l, weights weight, weights bias, int out, int in)
{
    linear_bind_unbiased(l, weight, out, in);
    l->bias = weights_vector(bias, "bias", out);
}

void linear_bind_unbiased(linear *l, weights w, int out, int in)
{
    *l = (linear){.out = out, .in = in, .weight = weights_matrix(w, "weight", out, in)};
}

void linear_bind_rows(linear *l, weights w, int out, int in, int first, int all, bool biased)
{
    const float *weight = weights_matrix(w, "weight", all, in);
    const float *bias = biased ? weights_vector(w, "bias", all) : NULL;
    *l = (linear){.out = out,
                  .in = in,
                  .weight = weight ? weight + (size_t)first * (size_t)in : NULL,
                  .bias = bias ? bias + first : NULL};
}

void linear_bind_turned(linear *l, weights w, int out, int in, int first, int all)
{
    const float *weight = weights_turned(w, "weight", in, all);
    const float *bias = weights_vector(w, "bias", all);
    *l = (linear){.out = out,
                  .in = in,
                  .weight = weight ? weight + (size_t)first * (size_t)in : NULL,
                  .bias = bias ? bias + first : NULL};
}

void linear_bind_interleaved(linear *l, weights w, int out, int in, int part, int parts, int groups,
                             bool biased)
{
    int64_t all = (int64_t)out * parts;
    const float *weight = weights_regrouped(w, "weight", all, in, groups, parts);
    const float *bias = biased ? weights_regrouped(w, "bias", all, 0, groups, parts) : NULL;
    *l = (linear){.out = out,
                  .in = in,
                  .weight = weight ? weight + (size_t)part * (size_t)out * (size_t)in : NULL,
                  .bias = bias ? bias + (size_t)part * (size_t)out : NULL};
}

void linear_bind_grouped(linear *l, weights w, int out, int in, int groups)
{
    *l = (linear){.out = out,
                  .in = in,
                  .groups = groups,
                  .weight = weights_cube(w, "weight", out, in / groups, 1),
                  .bias = weights_vector(w, "bias", out)};
}

void linear_bind_grouped_rows(linear *l, weights w, int out, int in, int groups)
{
    *l = (linear){.out = out,
                  .in = in,
                  .groups = groups,
                  .weight = weights_transposed(w, "weight", groups, in / groups, out / groups),
                  .bias = weights_vector(w, "bias", out)};
}

void linear_bind_pointwise(linear *l, weights weight, weights bias, int out, int in)
{
    *l = (linear){.out = out,
                  .in = in,
                  .weight = weights_cube(weight, "weight", out, in, 1),
                  .bias = weights_matrix(bias, "bias", out, 1)};
}

void linear_run(const linear *l, team *t, const float *x, enum activation act, float *y, int n_rows)
{
    int groups = l->groups ? l->groups : 1, in = l->in / groups, out = l->out / groups;
    for (int g = 0; g < groups; g++)
        gemm_f32(t, &(gemm_args){.x = x + (size_t)g * (size_t)in,
                                 .ldx = l->in,
                                 .w = l->weight + (size_t)g * (size_t)out * (size_t)in,
                                 .bias = l->bias ? l->bias + (size_t)g * (size_t)out : NULL,
                                 .out = y + (size_t)g * (size_t)out,
                                 .ldo = l->out,
                                 .m = n_rows,
                                 .n = out,
                                 .k = in,
                                 .act = act});
}
