/* The row kernels, NEON. */
#include "kernels/simd_neon.h"

#include "kernels/rows_simd.h"

const rows_f32_kernels rows_f32_neon = ROWS_F32_KERNELS;
