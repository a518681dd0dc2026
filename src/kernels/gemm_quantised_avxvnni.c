/* Products with quantised weights, AVX-VNNI: for processors without AVX-512. */
#include <immintrin.h>

#define DOT(sums, codes, x)      _mm256_dpbusd_avx_epi32(sums, codes, x)
#define MULTIPLY_ADD(sums, a, b) _mm256_dpwssd_avx_epi32(sums, a, b)
#define KERNELS                  gemm_quantised_avxvnni
#include "kernels/gemm_quantised_vnni_256.h"
