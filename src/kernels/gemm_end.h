/* The last visit of a tile of f32 products whose k is one slice: sums go from registers to the
 * result, with bias and residual. For files with TILE_M, GROUPS, multiply() and sum_groups(). */
#pragma once

#include "kernels/table.h"
#include "kernels/unroll.h"

INLINE void end_rows(int rows, const gemm_args *a, int row, int col, const float *x,
                     const float *panel, int k)
{
    vf s[TILE_M][GROUPS];
    multiply(rows, x, a->ldx, panel, k, s, NULL);
    vf bias = a->bias ? vf_load(a->bias + col) : vf_zero();
    UNROLL
    for (int i = 0; i < rows; i++) {
        vf y = sum_groups(s[i]);
        if (a->bias)
            y = vf_add(y, bias);
        if (a->residual)
            y = vf_add(y, vf_load(a->residual + (row + i) * a->ldr + col));
        vf_store(a->out + (row + i) * a->ldo + col, y);
    }
}

#define END(height)                                                                                \
    static __attribute__((noinline)) void end_##height(const gemm_args *a, int row, int col,       \
                                                       const float *x, const float *panel, int k)  \
    {                                                                                              \
        end_rows(height, a, row, col, x, panel, k);                                                \
    }
