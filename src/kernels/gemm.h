/* Matrix products with weights as they are published: nn.Linear's [n][k], k contiguous. */
#pragma once

#include "base/thread.h"
#include "kernels/activation.h"

/* out[i][j] = act(sum over l of x[i][l] * w[j][l]  +  bias[j])  +  residual[i][j] */
typedef struct gemm_args {
    const float *x; /* [m] rows of k values, ldx floats apart (ldx >= k) */
    long ldx;
    const float *w;        /* [n][k], any alignment of a float; may be a read-only mapping */
    const float *bias;     /* [n] or NULL */
    const float *residual; /* [m] rows of n values, ldr floats apart, or NULL; may be out itself */
    long ldr;
    float *out; /* [m] rows of n values, ldo floats apart; may not overlap x or w */
    long ldo;
    int m, n, k;
    enum activation act;
} gemm_args;

/* Nothing outside the m x n outputs is written and nothing outside the operands is read. m or n of
 * 0 does nothing; k of 0 gives act(bias) + residual.
 *
 * A row of the result has the same bits whatever m is, wherever the row stands and however many
 * threads there are, as long as the kernel level is the same: each sum is made of blocks of 384
 * values; a block is four partial sums s0 .. s3 over l mod 4 with l rising, added as
 * (s0 + s2) + (s1 + s3); the blocks are added with l rising. */
void gemm_f32(team *t, const gemm_args *a);
