/* The row kernels, AVX2. */
#include "kernels/simd_avx2.h"

#include "kernels/rows_simd.h"

const rows_f32_kernels rows_f32_avx2 = ROWS_F32_KERNELS;
