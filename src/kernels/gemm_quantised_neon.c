/* Products with quantised weights, NEON without dot products: two products of bytes fit into 16
 * bits, those of Q8_0, 128 times 127, too. */
#include "kernels/simd_neon.h"

static inline __attribute__((always_inline)) int32x4_t dot_16(int32x4_t sums, int8x16_t codes,
                                                              int8x16_t x)
{
    int16x8_t pairs = vmull_s8(vget_low_s8(codes), vget_low_s8(x));
    return vpadalq_s16(sums, vmlal_s8(pairs, vget_high_s8(codes), vget_high_s8(x)));
}

#define KERNELS gemm_quantised_neon
#include "kernels/gemm_quantised_neon_simd.h"
