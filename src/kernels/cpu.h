/* What the processor can do, as far as the kernels care. */
#pragma once

#include "base/error.h"

/* Instruction sets that both the processor has and the operating system has switched on (XCR0). */
enum cpu_flag {
    CPU_AVX2 = 1 << 0,        /* with FMA and F16C */
    CPU_AVX512 = 1 << 1,      /* F, BW, DQ, VL, and CPU_AVX2 */
    CPU_AVX_VNNI = 1 << 2,    /* 256-bit VEX encoded int8 dot products */
    CPU_AVX512_VNNI = 1 << 3, /* 512-bit int8 dot products */
    CPU_AVX512_BF16 = 1 << 4,
    CPU_AMX_BF16 = 1 << 5, /* tile registers saved by the system; see cpu_permit_tiles */
    CPU_AMX_INT8 = 1 << 6,
    CPU_NEON = 1 << 16,    /* AArch64's ASIMD */
    CPU_DOTPROD = 1 << 17, /* int8 dot products: SDOT, UDOT */
    CPU_I8MM = 1 << 18,    /* int8 matrix products: SMMLA */
    CPU_BF16 = 1 << 19,    /* BFDOT, BFMMLA */
};

/* Flags of this machine, unlowered. */
unsigned cpu_detect(void);

/* Asks the system for the tile registers of AMX, for all threads of the process and those to come;
 * nothing else may use them before. False when it does not give them. */
bool cpu_permit_tiles(void);

/* Lowers flags to what a level of the CPU_MASK list has, each including those before it: "scalar",
 * then "avx2", "avx512", "vnni", "bf16", "amx" on x86-64 and "neon", "dotprod", "i8mm", "bf16" on
 * AArch64. A level above the machine's changes nothing. An unknown name fails with ERR_INVALID and
 * the list of names. */
bool cpu_lower(unsigned *flags, const char *level, error *e);

/* The names of that list, weakest first; NULL at its end. */
const char *cpu_level_at(int i);

/* The strongest level that flags reach, of the names above. */
const char *cpu_level_name(unsigned flags);
