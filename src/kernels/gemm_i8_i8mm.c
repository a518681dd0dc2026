/* The int8 GEMM kernels, matrix products of bytes (SMMLA): 2 rows of x by 2 columns, 8 values of k
 * each, in one instruction. A tile has 3 pairs of rows and a panel, 24 sums of 2 x 2; two steps of
 * the panel, put together lane by lane, are the 8 values of two columns. Of an odd last row the
 * next one is read and written too, as gemm_packed_kernels allows. */
#if defined(__aarch64__)
#include "kernels/simd_neon.h"

#include "kernels/gemm_i8_neon_simd.h"

enum { TILE_M = 6, QUADS = PANEL_COLUMNS / 4, COLUMN_PAIRS = PANEL_COLUMNS / 2 };

/* 8 values of two rows. */
INLINE int8x16_t row_pair(const char *x, long ldx)
{
    return vcombine_s8(vld1_s8((const int8_t *)x), vld1_s8((const int8_t *)x + ldx));
}

/* The values of columns 4 v .. 4 v + 3 in two steps, as two pairs of columns. */
INLINE void column_pairs(const char *w, int v, int8x16_t *first, int8x16_t *second)
{
    int32x4_t a = vld1q_s32((const int32_t *)(const void *)w + v * 4);
    int32x4_t b = vld1q_s32((const int32_t *)(const void *)(w + PANEL_STEP_BYTES) + v * 4);
    *first = vreinterpretq_s8_s32(vzip1q_s32(a, b));
    *second = vreinterpretq_s8_s32(vzip2q_s32(a, b));
}

INLINE void store_pair(int32_t *c, int32x4_t first, int32x4_t second, bool add)
{
    store_sums(c, vcombine_s32(vget_low_s32(first), vget_low_s32(second)), add);
    store_sums(c + TILE_N, vcombine_s32(vget_high_s32(first), vget_high_s32(second)), add);
}

INLINE void tile_pairs(int pairs, const char *x, long ldx, const char *w, int steps, int32_t *c,
                       bool add, long ahead)
{
    int32x4_t s[TILE_M / 2][COLUMN_PAIRS];
    UNROLL
    for (int i = 0; i < pairs; i++) {
        UNROLL
        for (int j = 0; j < COLUMN_PAIRS; j++)
            s[i][j] = vdupq_n_s32(0);
    }
    for (int l = 0; l < steps; l += 2, w += 2 * PANEL_STEP_BYTES, x += 2 * STEP_BYTES) {
        int8x16_t a[TILE_M / 2], first, second;
        __builtin_prefetch(w + ahead, 0, 2);
        __builtin_prefetch(w + ahead + PANEL_STEP_BYTES, 0, 2);
        UNROLL
        for (int i = 0; i < pairs; i++)
            a[i] = row_pair(x + 2 * i * ldx, ldx);
        UNROLL
        for (int v = 0; v < QUADS; v++) {
            column_pairs(w, v, &first, &second);
            UNROLL
            for (int i = 0; i < pairs; i++) {
                s[i][2 * v] = vmmlaq_s32(s[i][2 * v], a[i], first);
                s[i][2 * v + 1] = vmmlaq_s32(s[i][2 * v + 1], a[i], second);
            }
        }
    }
    UNROLL
    for (int i = 0; i < pairs; i++) {
        UNROLL
        for (int v = 0; v < QUADS; v++)
            store_pair(c + 2 * i * TILE_N + 4 * v, s[i][2 * v], s[i][2 * v + 1], add);
    }
}

/* A function for each height, so that each loop has the registers to itself. */
#define TILE(pairs)                                                                                \
    static __attribute__((noinline)) void tile_##pairs(                                            \
        const char *x, long ldx, const char *w, int steps, int32_t *c, bool add, long ahead)       \
    {                                                                                              \
        tile_pairs(pairs, x, ldx, w, steps, c, add, ahead);                                        \
    }
TILE(1)
TILE(2)
TILE(3)

static void tile(const void *x, long ldx, int m, const void *w, long panel_bytes, int n_panels,
                 int steps, void *c, bool add, long ahead)
{
    static tile_fn *const tiles[TILE_M / 2] = {tile_1, tile_2, tile_3};
    (void)panel_bytes, (void)n_panels;
    tiles[(m - 1) / 2](x, ldx, w, steps, c, add, ahead);
}

static double spin(long steps)
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
            s[i] = vmmlaq_s32(s[i], a, a);
            __asm__ volatile("" : VECTOR_OPERAND(s[i])); /* each is wanted */
        }
    }
    return 2.0 * (double)steps * 32;
}

const gemm_i8_kernels gemm_i8_i8mm = GEMM_I8_KERNELS;
#endif
