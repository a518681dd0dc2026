/* The choice of kernels: one table of the variants in use, filled once at start. */
#pragma once

#include "base/error.h"

/* Detects the processor, lowers it by the environment variable CPU_MASK (see cpu.h) and fills the
 * table, weakest first. Call once, before other threads use a kernel. Without it, or when it
 * fails (ERR_INVALID: CPU_MASK has an unknown value), the portable kernels are in use. */
bool kernels_init(error *e);

/* The same for a given level; NULL is the machine's own. For tests and benchmarks. */
bool kernels_init_level(const char *level, error *e);

/* Name of the variant of a family ("gemm_i8") in use: "scalar", "vnni", ...; NULL when there is no
 * such family. */
const char *kernels_variant(const char *family);

/* The instruction sets that products of a family below f32 are for, "AVX512-BF16 and AMX", when the
 * variant in use has none of them, and so may be slower than f32; else NULL. */
const char *kernels_lacking(const char *family);

/* What the processor has, lowered by the level in use (cpu.h). */
unsigned kernels_cpu_flags(void);

/* Name of the level in use, the strongest that a kernel in the table was chosen for: "scalar",
 * "avx2", "avx512", "neon", ... */
const char *kernels_level(void);
