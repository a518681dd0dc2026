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

void linear_run(const linear *l, team *t, const float *x, enum activation act, float *y, int n_rows)
{
    gemm_f32(t, &(gemm_args){.x = x,
                             .ldx = l->in,
                             .w = l->weight,
                             .bias = l->bias,
                             .out = y,
                             .ldo = l->out,
                             .m = n_rows,
                             .n = l->out,
                             .k = l->in,
                             .act = act});
}
