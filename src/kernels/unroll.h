/* Loops over registers: an array of vectors lives in registers only if every index is a constant,
 * that is, if every loop over it is unrolled before the optimiser looks at the array. */
#pragma once

#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif
