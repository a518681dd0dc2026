/* The int8 GEMM kernels, NEON without dot products: 8 products of bytes become 16-bit values, those
 * of two steps are added (2 * 127 * 127 fits), and pairs of them go to 32-bit sums.
 *
 * A tile has 4 rows and a panel, taken in halves of 8 columns: for each half 4 x 4 sums of 2
 * columns by 2 pairs of k. */
#include "kernels/simd_neon.h"

#include "kernels/gemm_i8_neon_simd.h"

enum { TILE_M = 4, HALVES = 2, HALF = 8, QUARTERS = 4 };

/* The 4 values of a step, twice. */
INLINE int8x8_t broadcast_step(const char *x)
{
    int32_t four;
    memcpy(&four, x, sizeof four);
    return vreinterpret_s8_s32(vdup_n_s32(four));
}

INLINE void half_rows(int rows, const char *x, long ldx, const char *w, int steps, int32_t *c,
                      bool add, long ahead)
{
    int32x4_t s[TILE_M][QUARTERS];
    UNROLL
    for (int i = 0; i < rows; i++) {
        UNROLL
        for (int q = 0; q < QUARTERS; q++)
            s[i][q] = vdupq_n_s32(0);
    }
    for (int l = 0; l < steps; l += 2, w += 2 * PANEL_STEP_BYTES, x += 2 * STEP_BYTES) {
        int8x8_t first[TILE_M], second[TILE_M];
        __builtin_prefetch(w + ahead, 0, 2);
        UNROLL
        for (int i = 0; i < rows; i++) {
            first[i] = broadcast_step(x + i * ldx);
            second[i] = broadcast_step(x + i * ldx + STEP_BYTES);
        }
        UNROLL
        for (int q = 0; q < QUARTERS; q++) {
            int8x8_t a = vld1_s8((const int8_t *)w + 8 * q);
            int8x8_t b = vld1_s8((const int8_t *)w + 8 * q + PANEL_STEP_BYTES);
            UNROLL
            for (int i = 0; i < rows; i++) {
                int16x8_t products = vmlal_s8(vmull_s8(a, first[i]), b, second[i]);
                s[i][q] = vpadalq_s16(s[i][q], products);
            }
        }
    }
    UNROLL
    for (int i = 0; i < rows; i++) {
        UNROLL
        for (int q = 0; q < QUARTERS; q += 2)
            store_sums(c + i * TILE_N + 2 * q, vpaddq_s32(s[i][q], s[i][q + 1]), add);
    }
}

/* A function for each height, so that each loop has the registers to itself. */
#define TILE(rows)                                                                                 \
    static __attribute__((noinline)) void tile_##rows(const char *x, long ldx, const char *w,      \
                                                      int steps, int32_t *c, bool add, long ahead) \
    {                                                                                              \
        for (int half = 0; half < HALVES; half++)                                                  \
            half_rows(rows, x, ldx, w + half * HALF * STEP_BYTES, steps, c + half * HALF, add,     \
                      ahead);                                                                      \
    }
TILE(1)
TILE(2)
TILE(3)
TILE(4)

static void tile(const void *x, long ldx, int m, const void *w, long panel_bytes, int n_panels,
                 int steps, void *c, bool add, long ahead)
{
    static tile_fn *const tiles[TILE_M] = {tile_1, tile_2, tile_3, tile_4};
    (void)panel_bytes, (void)n_panels;
    tiles[m - 1](x, ldx, w, steps, c, add, ahead);
}

static double spin(long steps)
{
    enum { CHAINS = 12 };
    int32x4_t s[CHAINS];
    int8x8_t a = vdup_n_s8(0);
    UNROLL
    for (int i = 0; i < CHAINS; i++)
        s[i] = vdupq_n_s32(0);
    for (long l = 0; l < steps; l += CHAINS) {
        UNROLL
        for (int i = 0; i < CHAINS; i++) {
            __asm__ volatile("" : VECTOR_OPERAND(a)); /* the products are wanted anew */
            s[i] = vpadalq_s16(s[i], vmlal_s8(vmull_s8(a, a), a, a));
            __asm__ volatile("" : VECTOR_OPERAND(s[i])); /* each is wanted */
        }
    }
    return 2.0 * (double)steps * 16;
}

const gemm_i8_kernels gemm_i8_neon = GEMM_I8_KERNELS;
