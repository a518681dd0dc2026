/* Products with quantised weights, NEON's dot products (SDOT). */
#if defined(__aarch64__)
#include "kernels/simd_neon.h"

static inline __attribute__((always_inline)) int32x4_t dot_16(int32x4_t sums, int8x16_t codes,
                                                              int8x16_t x)
{
    return vdotq_s32(sums, codes, x);
}

#define KERNELS gemm_quantised_dotprod
#include "kernels/gemm_quantised_neon_simd.h"
#endif
