/* The convolution kernels, AVX2. */
#include "kernels/simd_avx2.h"

#include "kernels/conv_simd.h"

const conv_f32_kernels conv_f32_avx2 = CONV_F32_KERNELS;
