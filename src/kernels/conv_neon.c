/* The convolution kernels, NEON. */
#include "kernels/simd_neon.h"

#include "kernels/conv_simd.h"

const conv_f32_kernels conv_f32_neon = CONV_F32_KERNELS;
