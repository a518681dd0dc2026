/* The convolution kernels, AVX-512. */
#include "kernels/simd_avx512.h"

#include "kernels/conv_simd.h"

const conv_f32_kernels conv_f32_avx512 = CONV_F32_KERNELS;
