/* The bfloat16 GEMM kernels without bfloat16 instructions, for every simd_<isa>.h (include one, and
 * define TILE_M and PANELS, before this): the weights become floats as they are loaded, by a shift
 * or a mask, and x is prepared as floats. A panel is VECTORS vectors wide; the order of the sums is
 * that of gemm_bf16.h, as the products are exact. */
#pragma once

#include "kernels/gemm_packed_simd.h"

enum { VECTORS = PANEL_COLUMNS / LANES * PANELS, TILE_N = PANEL_COLUMNS * PANELS, X_SIZE = 4 };

INLINE void tile_rows(int rows, int vectors, const float *x, long ldx, const char *w,
                      long panel_bytes, int steps, float *c, bool add, long ahead)
{
    vf s[TILE_M][VECTORS];
    UNROLL
    for (int i = 0; i < rows; i++) {
        UNROLL
        for (int v = 0; v < vectors; v++)
            s[i][v] = add ? vf_load(c + i * TILE_N + v * LANES) : vf_zero();
    }
    for (long l = 0; l < steps; l++, w += PANEL_STEP_BYTES, x += 2) {
        vf even[VECTORS], odd[VECTORS];
        UNROLL
        for (int v = 0; v < vectors; v++) {
            int panel = v * LANES / PANEL_COLUMNS, lane = v * LANES % PANEL_COLUMNS;
            vf_load_bf16_pairs(w + panel * panel_bytes + lane * STEP_BYTES, &even[v], &odd[v]);
            if (lane == 0)
                __builtin_prefetch(w + panel * panel_bytes + ahead, 0, 2);
        }
        UNROLL
        for (int i = 0; i < rows; i++) {
            vf first = vf_set(x[i * ldx]), second = vf_set(x[i * ldx + 1]);
            UNROLL
            for (int v = 0; v < vectors; v++)
                s[i][v] = vf_fma(second, odd[v], s[i][v]);
            UNROLL
            for (int v = 0; v < vectors; v++)
                s[i][v] = vf_fma(first, even[v], s[i][v]);
        }
    }
    UNROLL
    for (int i = 0; i < rows; i++) {
        UNROLL
        for (int v = 0; v < vectors; v++)
            vf_store(c + i * TILE_N + v * LANES, s[i][v]);
    }
}

/* The multiplications with the conversions that a full tile shares among its rows. */
static double spin(long steps)
{
    enum { CHAINS = 10 };
    vf s[CHAINS], a = vf_zero(), even = a, odd = a;
    char w[LANES * STEP_BYTES] = {0};
    UNROLL
    for (int i = 0; i < CHAINS; i++)
        s[i] = a;
    for (long l = 0; l < steps; l += CHAINS) {
        __asm__ volatile("" : : : "memory"); /* the weights are loaded anew */
        vf_load_bf16_pairs(w, &even, &odd);
        UNROLL
        for (int i = 0; i < CHAINS; i++) {
            s[i] = vf_fma(a, odd, s[i]);
            __asm__ volatile("" : VECTOR_OPERAND(s[i])); /* each is wanted */
        }
        UNROLL
        for (int i = 0; i < CHAINS; i++) {
            s[i] = vf_fma(a, even, s[i]);
            __asm__ volatile("" : VECTOR_OPERAND(s[i]));
        }
    }
    return 2.0 * (double)steps * LANES * 2;
}

typedef void tile_fn(const float *x, long ldx, const char *w, long panel_bytes, int steps, float *c,
                     bool add, long ahead);

/* A function for each shape, so that each loop has the registers to itself. */
#define TILE(rows, vectors)                                                                        \
    static __attribute__((noinline)) void tile_##rows##_##vectors(                                 \
        const float *x, long ldx, const char *w, long panel_bytes, int steps, float *c, bool add,  \
        long ahead)                                                                                \
    {                                                                                              \
        tile_rows(rows, vectors, x, ldx, w, panel_bytes, steps, c, add, ahead);                    \
    }

static void finish(const gemm_args *a, const gemm_sums *s, int row, int rows, int col, int cols)
{
    finish_tile(FLOAT_SUMS, TILE_N, a, s, row, rows, col, cols);
}
