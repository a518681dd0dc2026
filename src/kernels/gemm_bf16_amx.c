/* The bfloat16 GEMM kernels, AMX. */
#include "kernels/simd_amx.h"
#include "kernels/simd_avx512.h"

#include "kernels/gemm_amx.h"
#include "kernels/gemm_bf16_prepare.h"
#include "kernels/gemm_packed_simd.h"

static void tile(const void *x, long ldx, int m, const void *w, long panel_bytes, int n_panels,
                 int steps, void *c, bool add, long ahead)
{
    amx_tile(AMX_PAIRS, x, ldx, m, w, AMX_ROW_BYTES, panel_bytes, n_panels, steps, c, AMX_TILE_N,
             add, ahead);
}

static void finish(const gemm_args *a, const gemm_sums *s, int row, int rows, int col, int cols)
{
    finish_tile(FLOAT_SUMS, AMX_TILE_N, a, s, row, rows, col, cols);
}

static double spin(long steps)
{
    return amx_spin(AMX_PAIRS, steps / AMX_ROWS) * 2 * AMX_ROWS * PANEL_COLUMNS * AMX_ROW_BYTES / 2;
}

const gemm_bf16_kernels gemm_bf16_amx = {
    .tile_m = AMX_TILE_M,
    .tile_n = AMX_TILE_N,
    .stream_m = AMX_STREAM_M,
    .x_size = 2,
    .prepare = prepare_bf16,
    .tile = tile,
    .finish = finish,
    .enter = amx_enter,
    .leave = amx_leave,
    .spin = spin,
};
