/* The kernels of gemm_quantised_avxvnni.c in the encoding that AVX512-VNNI has: the wider ones are
 * always preferred to these, which are here to be tested and measured on machines without AVX-VNNI.
 */
#include <immintrin.h>

#define DOT(sums, codes, x)      _mm256_dpbusd_epi32(sums, codes, x)
#define MULTIPLY_ADD(sums, a, b) _mm256_dpwssd_epi32(sums, a, b)
#define KERNELS                  gemm_quantised_vnni256
#include "kernels/gemm_quantised_vnni_256.h"
