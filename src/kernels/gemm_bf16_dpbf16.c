/* The bfloat16 GEMM kernels, AVX512-BF16: two products a lane. The instruction is twice as fast as
 * the two multiplications it stands for on AMD's Zen 4 and half as fast on Intel's Sapphire Rapids,
 * so it is measured at start. */
#include <immintrin.h>

#define DOT(sums, x, w)                                                                            \
    _mm512_castps_si512(_mm512_dpbf16_ps(_mm512_castsi512_ps(sums), (__m512bh)(w), (__m512bh)(x)))
#include "kernels/gemm_dot512.h"

#include "kernels/gemm_bf16_prepare.h"

static void finish(const gemm_args *a, const gemm_sums *s, int row, int rows, int col, int cols)
{
    finish_tile(FLOAT_SUMS, TILE_N, a, s, row, rows, col, cols);
}

static double spin(long steps)
{
    spin_steps(steps);
    return 2.0 * (double)steps * PANEL_STEP_BYTES / 2;
}

const gemm_bf16_kernels gemm_bf16_dpbf16 = {
    .tile_m = TILE_M,
    .tile_n = TILE_N,
    .stream_m = STREAM_M,
    .x_size = 2,
    .if_faster = true,
    .prepare = prepare_bf16,
    .tile = tile,
    .finish = finish,
    .spin = spin,
};
