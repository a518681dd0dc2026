/* The int8 GEMM kernels, AVX-VNNI: for processors without AVX-512. */
#include <immintrin.h>

#define DOT(sums, x, w) _mm256_dpbusd_avx_epi32(sums, x, w)
#define KERNELS         gemm_i8_avxvnni
#include "kernels/gemm_i8_vnni_simd.h"
