/* The int8 GEMM kernels, NEON's dot products (SDOT): a tile of 6 rows and a panel, 24 sums. A
 * vector of x is 4 steps of a row, a vector of w one step of 4 columns. */
#if defined(__aarch64__)
#include "kernels/simd_neon.h"

#include "kernels/gemm_i8_neon_simd.h"

enum { TILE_M = 6, VECTORS = PANEL_COLUMNS / LANES, STEPS = 4 };

/* The lane of x is a constant of the instruction. */
#define DOT_STEP(step)                                                                             \
    UNROLL                                                                                         \
    for (int v = 0; v < VECTORS; v++) {                                                            \
        int8x16_t b = vld1q_s8((const int8_t *)w + (step)*PANEL_STEP_BYTES + v * 16);              \
        UNROLL                                                                                     \
        for (int i = 0; i < rows; i++)                                                             \
            s[i][v] = vdotq_laneq_s32(s[i][v], b, a[i], step);                                     \
    }                                                                                              \
    __builtin_prefetch(w + (step)*PANEL_STEP_BYTES + ahead, 0, 2);

INLINE void tile_rows(int rows, const char *x, long ldx, const char *w, int steps, int32_t *c,
                      bool add, long ahead)
{
    int32x4_t s[TILE_M][VECTORS];
    UNROLL
    for (int i = 0; i < rows; i++) {
        UNROLL
        for (int v = 0; v < VECTORS; v++)
            s[i][v] = vdupq_n_s32(0);
    }
    for (int l = 0; l < steps; l += STEPS, w += STEPS * PANEL_STEP_BYTES, x += STEPS * STEP_BYTES) {
        int8x16_t a[TILE_M];
        UNROLL
        for (int i = 0; i < rows; i++)
            a[i] = vld1q_s8((const int8_t *)x + i * ldx);
        DOT_STEP(0)
        DOT_STEP(1)
        DOT_STEP(2)
        DOT_STEP(3)
    }
    UNROLL
    for (int i = 0; i < rows; i++) {
        UNROLL
        for (int v = 0; v < VECTORS; v++)
            store_sums(c + i * TILE_N + v * LANES, s[i][v], add);
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
    static tile_fn *const tiles[TILE_M] = {tile_1, tile_2, tile_3, tile_4, tile_5, tile_6};
    (void)panel_bytes, (void)n_panels;
    tiles[m - 1](x, ldx, w, steps, c, add, ahead);
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
            s[i] = vdotq_s32(s[i], a, a);
            __asm__ volatile("" : VECTOR_OPERAND(s[i])); /* each is wanted */
        }
    }
    return 2.0 * (double)steps * 16;
}

const gemm_i8_kernels gemm_i8_dotprod = GEMM_I8_KERNELS;
#endif
