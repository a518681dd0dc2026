/* The bfloat16 GEMM kernels, AVX512-BF16: two products a lane. The instruction is twice as fast as
 * the two multiplications it stands for on AMD's Zen 4 and half as fast on Intel's Sapphire Rapids,
 * so it is measured at start. */
#include <immintrin.h>

#define DOT(sums, x, w)                                                                            \
    _mm512_castps_si512(_mm512_dpbf16_ps(_mm512_castsi512_ps(sums), (__m512bh)(w), (__m512bh)(x)))
#include "kernels/gemm_dot512.h"

static void prepare(const float *x, int k, void *to, float *scale)
{
    enum { MULTIPLE = 2 * PANEL_STEP_MULTIPLE };
    (void)scale;
    char *p = to;
    for (int l = 0; l % MULTIPLE != 0 || l < k; l += LANES) {
        int left = k - l < 0 ? 0 : k - l;
        vf v = left >= LANES ? vf_load(x + l) : vf_load_n(x + k - left, left);
        _mm256_store_si256((__m256i *)(void *)(p + 2 * l), (__m256i)_mm512_cvtneps_pbh(v));
    }
}

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
    .prepare = prepare,
    .tile = tile,
    .finish = finish,
    .spin = spin,
};
