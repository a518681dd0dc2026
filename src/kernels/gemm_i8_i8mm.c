/* The int8 GEMM kernels, matrix products of bytes (SMMLA): see gemm_mmla.h. */
#if defined(__aarch64__)
#include "kernels/simd_neon.h"

#include "kernels/gemm_i8_neon_simd.h"
#include "kernels/gemm_mmla.h"

INLINE int32x4_t mmla(int32x4_t sums, int8x16_t a, int8x16_t b)
{
    return vmmlaq_s32(sums, a, b);
}

static void tile(const void *x, long ldx, int m, const void *w, long panel_bytes, int n_panels,
                 int steps, void *c, bool add, long ahead)
{
    (void)panel_bytes, (void)n_panels;
    mmla_tile(x, ldx, m, w, PANEL_STEP_BYTES, steps, c, PANEL_COLUMNS, add, ahead);
}

static double spin(long steps)
{
    mmla_spin(steps);
    return 2.0 * (double)steps * 32;
}

const gemm_i8_kernels gemm_i8_i8mm = GEMM_I8_KERNELS;
#endif
