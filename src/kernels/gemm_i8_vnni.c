/* The int8 GEMM kernels, AVX512-VNNI: x as unsigned bytes, four products a lane. */
#include <immintrin.h>

#define DOT(sums, x, w) _mm512_dpbusd_epi32(sums, x, w)
#include "kernels/gemm_dot512.h"

static void prepare(const float *x, int k, void *to, float *scale)
{
    prepare_i8(UNSIGNED_BYTES, x, k, to, scale);
}

static void finish(const gemm_args *a, const gemm_sums *s, int row, int rows, int col, int cols)
{
    finish_tile(OFFSET_SUMS, TILE_N, a, s, row, rows, col, cols);
}

static double spin(long steps)
{
    spin_steps(steps);
    return 2.0 * (double)steps * PANEL_STEP_BYTES;
}

const gemm_i8_kernels gemm_i8_vnni = {
    .tile_m = TILE_M,
    .tile_n = TILE_N,
    .stream_m = STREAM_M + 1, /* 5 rows: bench/kernels/README.md */
    .x_size = 1,
    .x_offset = QUANTISE_OFFSET,
    .prepare = prepare,
    .tile = tile,
    .finish = finish,
    .spin = spin,
};
