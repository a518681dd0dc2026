/* The bfloat16 GEMM kernels, AVX-512 without AVX512-BF16: a tile of 12 rows and 2 panels, 24 sums.
 */
#include "kernels/simd_avx512.h"

enum { TILE_M = 12, PANELS = 2 };
#include "kernels/gemm_bf16_simd.h"

#define TILES(rows) TILE(rows, 1) TILE(rows, 2)
TILES(1)
TILES(2)
TILES(3)
TILES(4)
TILES(5)
TILES(6)
TILES(7)
TILES(8)
TILES(9)
TILES(10)
TILES(11)
TILES(12)

static void tile(const void *x, long ldx, int m, const void *w, long panel_bytes, int n_panels,
                 int steps, void *c, bool add, long ahead)
{
    static tile_fn *const tiles[PANELS][TILE_M] = {
        {tile_1_1, tile_2_1, tile_3_1, tile_4_1, tile_5_1, tile_6_1, tile_7_1, tile_8_1, tile_9_1,
         tile_10_1, tile_11_1, tile_12_1},
        {tile_1_2, tile_2_2, tile_3_2, tile_4_2, tile_5_2, tile_6_2, tile_7_2, tile_8_2, tile_9_2,
         tile_10_2, tile_11_2, tile_12_2},
    };
    tiles[n_panels - 1][m - 1](x, ldx / X_SIZE, w, panel_bytes, steps, c, add, ahead);
}

const gemm_bf16_kernels gemm_bf16_avx512 = {
    .tile_m = TILE_M,
    .tile_n = TILE_N,
    .stream_m = STREAM_M,
    .x_size = X_SIZE,
    .prepare = prepare_bf16_floats,
    .tile = tile,
    .finish = finish,
    .spin = spin,
};
