/* The kernels of gemm_i8_avxvnni.c in the encoding that AVX512-VNNI has: the wider ones are always
 * preferred to these, which are here to be tested and measured on machines without AVX-VNNI. */
#include <immintrin.h>

#define DOT(sums, x, w) _mm256_dpbusd_epi32(sums, x, w)
#define KERNELS         gemm_i8_vnni256
#include "kernels/gemm_i8_vnni_simd.h"
