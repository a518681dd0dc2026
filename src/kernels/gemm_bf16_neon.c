/* The bfloat16 GEMM kernels, NEON: a tile of 5 rows and one panel, 20 sums. */
#include "kernels/simd_neon.h"

enum { TILE_M = 5, PANELS = 1 };
#include "kernels/gemm_bf16_simd.h"

TILE(1, 4)
TILE(2, 4)
TILE(3, 4)
TILE(4, 4)
TILE(5, 4)

static void tile(const void *x, long ldx, int m, const void *w, long panel_bytes, int n_panels,
                 int steps, void *c, bool add, long ahead)
{
    static tile_fn *const tiles[TILE_M] = {tile_1_4, tile_2_4, tile_3_4, tile_4_4, tile_5_4};
    (void)n_panels;
    tiles[m - 1](x, ldx / X_SIZE, w, panel_bytes, steps, c, add, ahead);
}

const gemm_bf16_kernels gemm_bf16_neon = {
    .tile_m = TILE_M,
    .tile_n = TILE_N,
    .stream_m = STREAM_M,
    .x_size = X_SIZE,
    .prepare = prepare_bf16_floats,
    .tile = tile,
    .finish = finish,
    .spin = spin,
};
