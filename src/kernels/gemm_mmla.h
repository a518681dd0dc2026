/* The tiles of matrix products of 8 bytes of 2 rows by those of 2 columns in one instruction: int8
 * (SMMLA) or bfloat16 values (BFMMLA). Include simd_neon.h before this, and define mmla(sums, a,
 * b); sums of floats are kept as their bits.
 *
 * A tile has 3 pairs of rows and a panel, 24 sums of 2 x 2; two steps of the panel, put together
 * lane by lane, are the 8 bytes of two columns. Of an odd last row the next one is read and written
 * too, as gemm_packed_kernels allows. */
#pragma once

#include "kernels/gemm_packed_simd.h"

INLINE int32x4_t mmla(int32x4_t sums, int8x16_t a, int8x16_t b);

enum { TILE_M = 6, QUADS = PANEL_COLUMNS / 4, COLUMN_PAIRS = PANEL_COLUMNS / 2 };

/* 8 bytes of two rows. */
INLINE int8x16_t row_pair(const char *x, long ldx)
{
    return vcombine_s8(vld1_s8((const int8_t *)x), vld1_s8((const int8_t *)x + ldx));
}

/* The bytes of columns 4 v .. 4 v + 3 in two steps, as two pairs of columns. */
INLINE void column_pairs(const char *w, long ldw, int v, int8x16_t *first, int8x16_t *second)
{
    int32x4_t a = vld1q_s32((const int32_t *)(const void *)w + v * 4);
    int32x4_t b = vld1q_s32((const int32_t *)(const void *)(w + ldw) + v * 4);
    *first = vreinterpretq_s8_s32(vzip1q_s32(a, b));
    *second = vreinterpretq_s8_s32(vzip2q_s32(a, b));
}

/* The sums of 2 rows and 4 columns, as two squares. */
INLINE void load_pair(const int32_t *c, long ldc, int32x4_t *first, int32x4_t *second)
{
    int32x4_t a = vld1q_s32(c), b = vld1q_s32(c + ldc);
    *first = vcombine_s32(vget_low_s32(a), vget_low_s32(b));
    *second = vcombine_s32(vget_high_s32(a), vget_high_s32(b));
}

INLINE void store_pair(int32_t *c, long ldc, int32x4_t first, int32x4_t second)
{
    vst1q_s32(c, vcombine_s32(vget_low_s32(first), vget_low_s32(second)));
    vst1q_s32(c + ldc, vcombine_s32(vget_high_s32(first), vget_high_s32(second)));
}

/* Steps are ldw bytes apart, rows of sums ldc. */
INLINE void tile_pairs(int pairs, const char *x, long ldx, const char *w, long ldw, int steps,
                       int32_t *c, long ldc, bool add, long ahead)
{
    int32x4_t s[TILE_M / 2][COLUMN_PAIRS];
    UNROLL
    for (int i = 0; i < pairs; i++) {
        UNROLL
        for (int v = 0; v < QUADS; v++) {
            s[i][2 * v] = s[i][2 * v + 1] = vdupq_n_s32(0);
            if (add)
                load_pair(c + 2 * i * ldc + 4 * v, ldc, &s[i][2 * v], &s[i][2 * v + 1]);
        }
    }
    for (int l = 0; l < steps; l += 2, w += 2 * ldw, x += 2 * STEP_BYTES) {
        int8x16_t a[TILE_M / 2], first, second;
        __builtin_prefetch(w + ahead, 0, 2);
        __builtin_prefetch(w + ahead + ldw, 0, 2);
        UNROLL
        for (int i = 0; i < pairs; i++)
            a[i] = row_pair(x + 2 * i * ldx, ldx);
        UNROLL
        for (int v = 0; v < QUADS; v++) {
            column_pairs(w, ldw, v, &first, &second);
            UNROLL
            for (int i = 0; i < pairs; i++) {
                s[i][2 * v] = mmla(s[i][2 * v], a[i], first);
                s[i][2 * v + 1] = mmla(s[i][2 * v + 1], a[i], second);
            }
        }
    }
    UNROLL
    for (int i = 0; i < pairs; i++) {
        UNROLL
        for (int v = 0; v < QUADS; v++)
            store_pair(c + 2 * i * ldc + 4 * v, ldc, s[i][2 * v], s[i][2 * v + 1]);
    }
}

/* A function for each height, so that each loop has the registers to itself. */
#define TILE(pairs)                                                                                \
    static __attribute__((noinline)) void tile_##pairs(const char *x, long ldx, const char *w,     \
                                                       long ldw, int steps, int32_t *c, long ldc,  \
                                                       bool add, long ahead)                       \
    {                                                                                              \
        tile_pairs(pairs, x, ldx, w, ldw, steps, c, ldc, add, ahead);                              \
    }
TILE(1)
TILE(2)
TILE(3)

/* 1 <= m <= TILE_M rows. */
INLINE void mmla_tile(const void *x, long ldx, int m, const void *w, long ldw, int steps, void *c,
                      long ldc, bool add, long ahead)
{
    typedef void mmla_fn(const char *x, long ldx, const char *w, long ldw, int steps, int32_t *c,
                         long ldc, bool add, long ahead);
    static mmla_fn *const tiles[TILE_M / 2] = {tile_1, tile_2, tile_3};
    tiles[(m - 1) / 2](x, ldx, w, ldw, steps, c, ldc, add, ahead);
}

/* As many instructions as steps. */
INLINE void mmla_spin(long steps)
{
    enum { CHAINS = 16 };
    int32x4_t s[CHAINS];
    int8x16_t a = vdupq_n_s8(0);
    UNROLL
    for (int i = 0; i < CHAINS; i++)
        s[i] = vdupq_n_s32(0);
    for (long l = 0; l < steps; l += CHAINS) {
        UNROLL
        for (int i = 0; i < CHAINS; i++) {
            s[i] = mmla(s[i], a, a);
            __asm__ volatile("" : VECTOR_OPERAND(s[i])); /* each is wanted */
        }
    }
}
