/* Processor detection. x86-64: the features of CPUID, each only if XCR0 says that the operating
 * system saves the registers it needs. AArch64: what the kernel tells in the auxiliary vector. */
#include "kernels/cpu.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

typedef struct cpu_level {
    const char *name;
    unsigned adds; /* flags that this level has over the one before it */
} cpu_level;

static const cpu_level levels[] = {
    {"scalar", 0},
#if defined(__aarch64__)
    {"neon", CPU_NEON}, {"dotprod", CPU_DOTPROD}, {"i8mm", CPU_I8MM}, {"bf16", CPU_BF16},
#else
    {"avx2", CPU_AVX2 | CPU_AVX_VNNI},
    {"avx512", CPU_AVX512},
    {"vnni", CPU_AVX512_VNNI},
    {"bf16", CPU_AVX512_BF16},
    {"amx", CPU_AMX_BF16 | CPU_AMX_INT8},
#endif
};
enum { N_LEVELS = sizeof levels / sizeof levels[0] };

#if defined(__x86_64__)
#include <cpuid.h>

typedef struct cpuid_regs {
    unsigned a, b, c, d;
} cpuid_regs;

static cpuid_regs cpuid(unsigned leaf, unsigned subleaf)
{
    cpuid_regs r = {0, 0, 0, 0};
    if (!__get_cpuid_count(leaf, subleaf, &r.a, &r.b, &r.c, &r.d))
        r = (cpuid_regs){0, 0, 0, 0};
    return r;
}

static uint64_t read_xcr0(void)
{
    unsigned low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}

static bool all(uint64_t value, uint64_t bits)
{
    return (value & bits) == bits;
}

static unsigned detect(void)
{
    enum { F16C = 1 << 29, OSXSAVE = 1 << 27, AVX = 1 << 28, FMA = 1 << 12 }; /* leaf 1, ECX */
    const uint64_t saves_ymm = 0x6, saves_zmm = 0xe6, saves_tiles = 0x60000;
    cpuid_regs basic = cpuid(1, 0);
    if (!all(basic.c, OSXSAVE))
        return 0;
    uint64_t xcr0 = read_xcr0();
    cpuid_regs more = cpuid(7, 0), most = cpuid(7, 1);
    unsigned flags = 0;
    if (all(basic.c, AVX | FMA | F16C) && all(more.b, 1u << 5) && all(xcr0, saves_ymm))
        flags |= CPU_AVX2;
    if (!flags)
        return 0;
    if (all(most.a, 1u << 4))
        flags |= CPU_AVX_VNNI;
    if (all(more.b, 1u << 16 | 1u << 17 | 1u << 30 | 1u << 31) && all(xcr0, saves_zmm))
        flags |= CPU_AVX512; /* F, DQ, BW, VL */
    if ((flags & CPU_AVX512) && all(more.c, 1u << 11))
        flags |= CPU_AVX512_VNNI;
    if ((flags & CPU_AVX512) && all(most.a, 1u << 5))
        flags |= CPU_AVX512_BF16;
    if (all(more.d, 1u << 24) && all(xcr0, saves_tiles)) {
        flags |= all(more.d, 1u << 22) ? CPU_AMX_BF16 : 0;
        flags |= all(more.d, 1u << 25) ? CPU_AMX_INT8 : 0;
    }
    return flags;
}

#elif defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>

static unsigned detect(void)
{
    unsigned long first = getauxval(AT_HWCAP), second = getauxval(AT_HWCAP2);
    unsigned flags = CPU_NEON; /* a part of the architecture, and of its calling convention */
    flags |= first & HWCAP_ASIMDDP ? CPU_DOTPROD : 0;
    flags |= second & HWCAP2_I8MM ? CPU_I8MM : 0;
    flags |= second & HWCAP2_BF16 ? CPU_BF16 : 0;
    return flags;
}

#else

static unsigned detect(void)
{
    return 0;
}

#endif

unsigned cpu_detect(void)
{
    return detect();
}

const char *cpu_level_at(int i)
{
    return i < N_LEVELS ? levels[i].name : NULL;
}

bool cpu_permit_tiles(void)
{
#if defined(__x86_64__)
    enum { REQUEST_PERMISSION = 0x1023, TILE_DATA = 18 }; /* ARCH_REQ_XCOMP_PERM, Linux 5.16 */
    return syscall(SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA) == 0;
#else
    return false;
#endif
}

bool cpu_lower(unsigned *flags, const char *level, error *e)
{
    unsigned allowed = 0;
    char names[128] = "";
    for (int i = 0; i < N_LEVELS; i++) {
        allowed |= levels[i].adds;
        if (strcmp(levels[i].name, level) == 0) {
            *flags &= allowed;
            return true;
        }
        const char *comma = i == 0 ? "" : i < N_LEVELS - 1 ? ", " : " or ";
        size_t n = strlen(names);
        snprintf(names + n, sizeof names - n, "%s%s", comma, levels[i].name);
    }
    return fail(e, ERR_INVALID, "unknown CPU level '%s', expected %s", level, names);
}

const char *cpu_level_name(unsigned flags)
{
    int level = N_LEVELS - 1;
    while (level > 0 && (flags & levels[level].adds) == 0)
        level--;
    return levels[level].name;
}
