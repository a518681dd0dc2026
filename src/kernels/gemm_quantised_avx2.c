/* Products with quantised weights, AVX2: two products of a code fit into 16 bits. */
#include <immintrin.h>

#define PAIRS(codes, x) _mm256_maddubs_epi16(codes, x)
#define DOT(sums, codes, x)                                                                        \
    _mm256_add_epi32(sums, _mm256_madd_epi16(PAIRS(codes, x), _mm256_set1_epi16(1)))
#define SCALED_DOT(sums, codes, x, scale)                                                          \
    _mm256_add_epi32(sums, _mm256_madd_epi16(PAIRS(codes, x), scale))
#define KERNELS gemm_quantised_avx2
#include "kernels/gemm_quantised_256.h"
