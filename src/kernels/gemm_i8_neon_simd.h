/* What the int8 GEMM kernels of NEON have in common: x as signed bytes, a panel as the width of a
 * tile, its sums in vectors of 4 columns. */
#pragma once

#include "kernels/gemm_packed_simd.h"

enum { TILE_N = PANEL_COLUMNS };

typedef void tile_fn(const char *x, long ldx, const char *w, int steps, int32_t *c, bool add,
                     long ahead);

INLINE void store_sums(int32_t *c, int32x4_t sums, bool add)
{
    vst1q_s32(c, add ? vaddq_s32(vld1q_s32(c), sums) : sums);
}

static void prepare(const float *x, int k, void *to, float *scale)
{
    prepare_i8(SIGNED_BYTES, x, k, to, scale);
}

static void finish(const gemm_args *a, const gemm_sums *s, int row, int rows, int col, int cols)
{
    finish_tile(INTEGER_SUMS, TILE_N, a, s, row, rows, col, cols);
}

/* The family's row for this instruction set. */
#define GEMM_I8_KERNELS                                                                            \
    {                                                                                              \
        .tile_m = TILE_M, .tile_n = TILE_N, .stream_m = STREAM_M, .x_size = 1, .prepare = prepare, \
        .tile = tile, .finish = finish, .spin = spin,                                              \
    }
