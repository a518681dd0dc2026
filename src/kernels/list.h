/* The list of kernels: one row for each variant of a family, weakest first.
 *
 * A row gives the family (a member of kernel_table and the tests and benchmarks of that name), the
 * variant (its functions are in <family, f32 left out>_<variant>.c, in a const struct
 * <family>_<variant>), the CPU flags that it needs, its tile (rows x columns; 1 x lanes for row
 * kernels), and how it relates to the portable variant. To add one for another instruction set,
 * write the file and add the row. */
#pragma once

#include "kernels/cpu.h"
#include "kernels/table.h"

enum kernel_exactness {
    KERNEL_REFERENCE, /* the portable variant, which the others are held against */
    KERNEL_ROUNDED,   /* other roundings: within a bound from the summed magnitudes */
    KERNEL_BITS,      /* the same bits as the portable variant, but for those of an activation */
};

#if defined(__x86_64__)
#define KERNEL_ROWS_X86(ROW)                                                                       \
    ROW(gemm_f32, avx2, CPU_AVX2, 3, 8, KERNEL_ROUNDED)                                            \
    ROW(gemm_f32, avx512, CPU_AVX512, 6, 16, KERNEL_ROUNDED)                                       \
    ROW(gemm_i8, avx2, CPU_AVX2, 4, 16, KERNEL_BITS)                                               \
    ROW(gemm_i8, avxvnni, CPU_AVX2 | CPU_AVX_VNNI, 6, 16, KERNEL_BITS)                             \
    ROW(gemm_i8, vnni256, CPU_AVX512 | CPU_AVX512_VNNI, 6, 16, KERNEL_BITS)                        \
    ROW(gemm_i8, vnni, CPU_AVX512 | CPU_AVX512_VNNI, 12, 32, KERNEL_BITS)                          \
    ROW(gemm_i8, amx, CPU_AVX512 | CPU_AMX_INT8, 32, 32, KERNEL_BITS)                              \
    ROW(gemm_bf16, avx2, CPU_AVX2, 5, 16, KERNEL_BITS)                                             \
    ROW(gemm_bf16, avx512, CPU_AVX512, 12, 32, KERNEL_BITS)                                        \
    ROW(gemm_bf16, dpbf16, CPU_AVX512 | CPU_AVX512_BF16, 12, 32, KERNEL_BITS)                      \
    ROW(gemm_bf16, amx, CPU_AVX512 | CPU_AVX512_BF16 | CPU_AMX_BF16, 32, 32, KERNEL_ROUNDED)       \
    ROW(attention_f32, avx2, CPU_AVX2, 6, 16, KERNEL_ROUNDED)                                      \
    ROW(attention_f32, avx512, CPU_AVX512, 12, 32, KERNEL_ROUNDED)                                 \
    ROW(attention_bf16, dpbf16, CPU_AVX512 | CPU_AVX512_BF16, 12, 32, KERNEL_ROUNDED)              \
    ROW(attention_bf16, amx, CPU_AVX512 | CPU_AVX512_BF16 | CPU_AMX_BF16, 32, 32, KERNEL_ROUNDED)  \
    ROW(rows_f32, avx2, CPU_AVX2, 1, 8, KERNEL_ROUNDED)                                            \
    ROW(rows_f32, avx512, CPU_AVX512, 1, 16, KERNEL_ROUNDED)                                       \
    ROW(conv_f32, avx2, CPU_AVX2, 1, 8, KERNEL_ROUNDED)                                            \
    ROW(conv_f32, avx512, CPU_AVX512, 1, 16, KERNEL_ROUNDED)                                       \
    ROW(gemm_quantised, avx2, CPU_AVX2, 4, 1, KERNEL_ROUNDED)                                      \
    ROW(gemm_quantised, avxvnni, CPU_AVX2 | CPU_AVX_VNNI, 4, 1, KERNEL_ROUNDED)                    \
    ROW(gemm_quantised, vnni256, CPU_AVX512 | CPU_AVX512_VNNI, 4, 1, KERNEL_ROUNDED)               \
    ROW(gemm_quantised, vnni, CPU_AVX512 | CPU_AVX512_VNNI, 8, 1, KERNEL_ROUNDED)
#else
#define KERNEL_ROWS_X86(ROW)
#endif

#if defined(__aarch64__)
#define KERNEL_ROWS_ARM(ROW)                                                                       \
    ROW(gemm_f32, neon, CPU_NEON, 3, 8, KERNEL_ROUNDED)                                            \
    ROW(gemm_i8, neon, CPU_NEON, 4, 16, KERNEL_BITS)                                               \
    ROW(gemm_i8, dotprod, CPU_NEON | CPU_DOTPROD, 6, 16, KERNEL_BITS)                              \
    ROW(gemm_i8, i8mm, CPU_NEON | CPU_I8MM, 6, 16, KERNEL_BITS)                                    \
    ROW(gemm_bf16, neon, CPU_NEON, 5, 16, KERNEL_BITS)                                             \
    ROW(gemm_bf16, bfmmla, CPU_NEON | CPU_BF16, 6, 16, KERNEL_ROUNDED)                             \
    ROW(attention_f32, neon, CPU_NEON, 6, 16, KERNEL_ROUNDED)                                      \
    ROW(attention_bf16, bfmmla, CPU_NEON | CPU_BF16, 6, 16, KERNEL_ROUNDED)                        \
    ROW(rows_f32, neon, CPU_NEON, 1, 4, KERNEL_ROUNDED)                                            \
    ROW(conv_f32, neon, CPU_NEON, 1, 4, KERNEL_ROUNDED)                                            \
    ROW(gemm_quantised, neon, CPU_NEON, 4, 1, KERNEL_ROUNDED)                                      \
    ROW(gemm_quantised, dotprod, CPU_NEON | CPU_DOTPROD, 4, 1, KERNEL_ROUNDED)
#else
#define KERNEL_ROWS_ARM(ROW)
#endif

#define KERNEL_ROWS(ROW)                                                                           \
    ROW(gemm_f32, scalar, 0, 2, 4, KERNEL_REFERENCE)                                               \
    ROW(gemm_i8, scalar, 0, 4, 16, KERNEL_REFERENCE)                                               \
    ROW(gemm_bf16, scalar, 0, 4, 16, KERNEL_REFERENCE)                                             \
    ROW(attention_f32, scalar, 0, 4, 4, KERNEL_REFERENCE)                                          \
    ROW(attention_bf16, scalar, 0, 4, 4, KERNEL_REFERENCE)                                         \
    ROW(rows_f32, scalar, 0, 1, 1, KERNEL_REFERENCE)                                               \
    ROW(conv_f32, scalar, 0, 1, 1, KERNEL_REFERENCE)                                               \
    ROW(gemm_quantised, scalar, 0, 2, 1, KERNEL_REFERENCE)                                         \
    KERNEL_ROWS_X86(ROW)                                                                           \
    KERNEL_ROWS_ARM(ROW)

typedef struct kernel_row {
    const char *family, *variant;
    unsigned cpu_flags;
    int tile_m, tile_n;
    enum kernel_exactness exactness;
    const void *functions; /* e.g. const gemm_f32_kernels * */
    const void **slot;     /* the member of `kernels` that it can fill */
} kernel_row;

/* All rows, in the order in which they are tried. */
const kernel_row *kernel_rows(int *count);

#define KERNEL_DECLARE(family, variant, flags, m, n, exactness)                                    \
    extern const family##_kernels family##_##variant;
KERNEL_ROWS(KERNEL_DECLARE)
#undef KERNEL_DECLARE
