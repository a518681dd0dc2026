/* The tile of kernels that have a 512-bit instruction for a step: 12 rows and 2 panels, 24 sums. An
 * including file defines DOT(sums, x, w), all __m512i, before this. */
#pragma once

#include "kernels/simd_avx512.h"

#include "kernels/gemm_packed_simd.h"

enum { TILE_M = 12, PANELS = 2, TILE_N = PANELS * PANEL_COLUMNS, TRIPLE = 3 };

/* Rows are addressed as triples from four pointers: more do not fit the registers. */
INLINE void tile_rows(int rows, int panels, const char *x, long ldx, const char *w,
                      long panel_bytes, int steps, int32_t *c, bool add, long ahead)
{
    __m512i s[TILE_M][PANELS];
    const char *xs[TILE_M / TRIPLE];
    UNROLL
    for (int i = 0; i < rows; i += TRIPLE)
        xs[i / TRIPLE] = x + i * ldx;
    UNROLL
    for (int i = 0; i < rows; i++) {
        UNROLL
        for (int p = 0; p < panels; p++)
            s[i][p] = add ? _mm512_load_si512(c + i * TILE_N + p * PANEL_COLUMNS)
                          : _mm512_setzero_si512();
    }
    for (long l = 0; l < steps; l++, w += PANEL_STEP_BYTES) {
        __m512i v[PANELS];
        UNROLL
        for (int p = 0; p < panels; p++) {
            v[p] = _mm512_load_si512(w + p * panel_bytes);
            _mm_prefetch(w + p * panel_bytes + ahead, _MM_HINT_T1);
        }
        UNROLL
        for (int i = 0; i < rows; i++) {
            int32_t four;
            memcpy(&four, xs[i / TRIPLE] + i % TRIPLE * ldx, sizeof four);
            __m512i value = _mm512_set1_epi32(four);
            UNROLL
            for (int p = 0; p < panels; p++)
                s[i][p] = DOT(s[i][p], value, v[p]);
        }
        UNROLL
        for (int i = 0; i < rows; i += TRIPLE)
            xs[i / TRIPLE] += STEP_BYTES;
    }
    UNROLL
    for (int i = 0; i < rows; i++) {
        UNROLL
        for (int p = 0; p < panels; p++)
            _mm512_store_si512(c + i * TILE_N + p * PANEL_COLUMNS, s[i][p]);
    }
}

typedef void tile_fn(const char *x, long ldx, const char *w, long panel_bytes, int steps,
                     int32_t *c, bool add, long ahead);

/* A function for each shape, so that each loop has the registers to itself. */
#define TILE(rows, panels)                                                                         \
    static __attribute__((noinline)) void tile_##rows##_##panels(                                  \
        const char *x, long ldx, const char *w, long panel_bytes, int steps, int32_t *c, bool add, \
        long ahead)                                                                                \
    {                                                                                              \
        tile_rows(rows, panels, x, ldx, w, panel_bytes, steps, c, add, ahead);                     \
    }
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
    tiles[n_panels - 1][m - 1](x, ldx, w, panel_bytes, steps, c, add, ahead);
}

/* As many chains as a tile has. */
INLINE void spin_steps(long steps)
{
    enum { CHAINS = 12 };
    __m512i s[CHAINS], a = _mm512_setzero_si512();
    UNROLL
    for (int i = 0; i < CHAINS; i++)
        s[i] = a;
    for (long l = 0; l < steps; l += CHAINS) {
        UNROLL
        for (int i = 0; i < CHAINS; i++) {
            s[i] = DOT(s[i], a, a);
            __asm__ volatile("" : "+v"(s[i])); /* each is wanted */
        }
    }
}
