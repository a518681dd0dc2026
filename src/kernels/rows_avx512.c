/* The row kernels, AVX-512. */
#include "kernels/simd_avx512.h"

#include "kernels/rows_simd.h"

const rows_f32_kernels rows_f32_avx512 = ROWS_F32_KERNELS;
