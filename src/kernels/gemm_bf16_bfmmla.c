/* The bfloat16 GEMM kernels, matrix products of bfloat16 values (BFMMLA): see gemm_mmla.h. */
#if defined(__aarch64__)
#include "kernels/simd_bfmmla.h"

#include "kernels/gemm_mmla.h"

static void prepare(const float *x, int k, void *to, float *scale)
{
    enum { MULTIPLE = 2 * PANEL_STEP_MULTIPLE };
    uint16_t *p = to;
    (void)scale;
    for (int l = 0; l % MULTIPLE != 0 || l < k; l += LANES)
        vst1_u16(p + l, bf16_of_vf(l < k ? vf_load_n(x + l, k - l) : vf_zero()));
}

static void tile(const void *x, long ldx, int m, const void *w, long panel_bytes, int n_panels,
                 int steps, void *c, bool add, long ahead)
{
    (void)panel_bytes, (void)n_panels;
    mmla_tile(x, ldx, m, w, PANEL_STEP_BYTES, steps, c, PANEL_COLUMNS, add, ahead);
}

static void finish(const gemm_args *a, const gemm_sums *s, int row, int rows, int col, int cols)
{
    finish_tile(FLOAT_SUMS, PANEL_COLUMNS, a, s, row, rows, col, cols);
}

static double spin(long steps)
{
    mmla_spin(steps);
    return 2.0 * (double)steps * 16;
}

const gemm_bf16_kernels gemm_bf16_bfmmla = {
    .tile_m = TILE_M,
    .tile_n = PANEL_COLUMNS,
    .stream_m = STREAM_M,
    .x_size = 2,
    .prepare = prepare,
    .tile = tile,
    .finish = finish,
    .spin = spin,
};
#endif
