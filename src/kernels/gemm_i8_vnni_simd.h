/* The int8 GEMM kernels, 256-bit VNNI: a tile of 6 rows and one panel, 12 sums. An including file
 * defines DOT(sums, x, w), all __m256i, and KERNELS, the name of its table, before this. */
#pragma once

#include "kernels/simd_avx2.h"

#include "kernels/gemm_packed_simd.h"

enum { TILE_M = 6, TILE_N = PANEL_COLUMNS, HALVES = 2, HALF = 8 };

INLINE void tile_rows(int rows, const char *x, long ldx, const char *w, int steps, int32_t *c,
                      bool add, long ahead)
{
    __m256i s[TILE_M][HALVES];
    UNROLL
    for (int i = 0; i < rows; i++) {
        UNROLL
        for (int h = 0; h < HALVES; h++)
            s[i][h] = add ? vi_load(c + i * TILE_N + h * HALF) : _mm256_setzero_si256();
    }
    for (long l = 0; l < steps; l++, w += PANEL_STEP_BYTES, x += STEP_BYTES) {
        __m256i low = _mm256_load_si256((const __m256i *)(const void *)w);
        __m256i high = _mm256_load_si256((const __m256i *)(const void *)w + 1);
        _mm_prefetch(w + ahead, _MM_HINT_T1);
        UNROLL
        for (int i = 0; i < rows; i++) {
            int32_t four;
            memcpy(&four, x + i * ldx, sizeof four);
            __m256i value = _mm256_set1_epi32(four);
            s[i][0] = DOT(s[i][0], value, low);
            s[i][1] = DOT(s[i][1], value, high);
        }
    }
    UNROLL
    for (int i = 0; i < rows; i++) {
        UNROLL
        for (int h = 0; h < HALVES; h++)
            _mm256_store_si256((__m256i *)(void *)(c + i * TILE_N + h * HALF), s[i][h]);
    }
}

/* A function for each height, so that each loop has the registers to itself. */
#define TILE(rows)                                                                                 \
    static __attribute__((noinline)) void tile_##rows(const char *x, long ldx, const char *w,      \
                                                      int steps, int32_t *c, bool add, long ahead) \
    {                                                                                              \
        tile_rows(rows, x, ldx, w, steps, c, add, ahead);                                          \
    }
TILE(1)
TILE(2)
TILE(3)
TILE(4)
TILE(5)
TILE(6)

static void tile(const void *x, long ldx, int m, const void *w, long panel_bytes, int n_panels,
                 int steps, void *c, bool add, long ahead)
{
    typedef void tile_fn(const char *x, long ldx, const char *w, int steps, int32_t *c, bool add,
                         long ahead);
    static tile_fn *const tiles[TILE_M] = {tile_1, tile_2, tile_3, tile_4, tile_5, tile_6};
    (void)panel_bytes, (void)n_panels;
    tiles[m - 1](x, ldx, w, steps, c, add, ahead);
}

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
    enum { CHAINS = 12 };
    __m256i s[CHAINS], a = _mm256_setzero_si256();
    UNROLL
    for (int i = 0; i < CHAINS; i++)
        s[i] = a;
    for (long l = 0; l < steps; l += CHAINS) {
        UNROLL
        for (int i = 0; i < CHAINS; i++) {
            s[i] = DOT(s[i], a, a);
            __asm__ volatile("" : "+x"(s[i])); /* each is wanted */
        }
    }
    return 2.0 * (double)steps * PANEL_STEP_BYTES / HALVES;
}

const gemm_i8_kernels KERNELS = {
    .tile_m = TILE_M,
    .tile_n = TILE_N,
    .stream_m = STREAM_M,
    .x_size = 1,
    .x_offset = QUANTISE_OFFSET,
    .prepare = prepare,
    .tile = tile,
    .finish = finish,
    .spin = spin,
};
