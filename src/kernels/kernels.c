/* Fills the table of kernels from the list. */
#include "kernels/kernels.h"

#include "kernels/list.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

kernel_table kernels = {
    .gemm_f32 = &gemm_f32_scalar,
    .gemm_i8 = &gemm_i8_scalar,
    .gemm_bf16 = &gemm_bf16_scalar,
    .attention_f32 = &attention_f32_scalar,
    .attention_bf16 = &attention_bf16_scalar,
    .rows_f32 = &rows_f32_scalar,
    .gemm_quantised = &gemm_quantised_scalar,
    .conv_f32 = &conv_f32_scalar,
};

/* The slot is written through a pointer to pointer to const void: pointers to structs all have one
 * representation on every ABI that we build for, and strict aliasing is off. */
#define KERNEL_ROW(family, variant, flags, m, n, exactness)                                        \
    {#family,                                                                                      \
     #variant,                                                                                     \
     flags,                                                                                        \
     m,                                                                                            \
     n,                                                                                            \
     exactness,                                                                                    \
     &family##_##variant,                                                                          \
     (const void **)&kernels.family},

static const kernel_row rows[] = {KERNEL_ROWS(KERNEL_ROW)};

static unsigned flags_allowed, flags_in_use;

const kernel_row *kernel_rows(int *count)
{
    *count = (int)(sizeof rows / sizeof rows[0]);
    return rows;
}

/* Operations a second, with the clock of this thread: others on the processor do not count. */
static double rate(const gemm_packed_kernels *f)
{
    enum { STEPS = 4096 }; /* 1 to 4 us */
    struct timespec before, after;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before);
    double operations = f->spin(STEPS);
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &after);
    return operations / (1e9 * (double)(after.tv_sec - before.tv_sec) +
                         (double)(after.tv_nsec - before.tv_nsec) + 1);
}

/* Whether a row that `if_faster` or `with` speaks of is to be chosen. The best of some turns is
 * compared; what is chosen does not show in the results, as such variants have the same bits. A
 * table of processors would know those of today only. */
static bool pays(const kernel_row *row)
{
    enum { TURNS = 8 };
    if (row->slot == (const void **)&kernels.attention_bf16) {
        const attention_kernels *attention = row->functions;
        return !attention->with || attention->with == kernels.gemm_bf16;
    }
    const gemm_packed_kernels *f = row->functions, *before = *row->slot;
    bool packed = row->slot == (const void **)&kernels.gemm_i8 ||
                  row->slot == (const void **)&kernels.gemm_bf16;
    if (!packed || !f->if_faster)
        return true;
    double ours = 0, theirs = 0;
    for (int i = 0; i < TURNS; i++) {
        ours = fmax(ours, rate(f));
        theirs = fmax(theirs, rate(before));
    }
    return ours > theirs;
}

bool kernels_init_level(const char *level, error *e)
{
    unsigned flags = cpu_detect();
    if (level && !cpu_lower(&flags, level, e))
        return false;
    const unsigned tiles = CPU_AMX_BF16 | CPU_AMX_INT8;
    if ((flags & tiles) && !cpu_permit_tiles())
        flags &= ~tiles;
    int count;
    const kernel_row *row = kernel_rows(&count);
    flags_allowed = flags;
    flags_in_use = 0;
    for (const kernel_row *end = row + count; row < end; row++) {
        if ((row->cpu_flags & flags) != row->cpu_flags || !pays(row))
            continue;
        *row->slot = row->functions;
        flags_in_use |= row->cpu_flags;
    }
    return true;
}

bool kernels_init(error *e)
{
    const char *mask = getenv("CPU_MASK");
    if (!kernels_init_level(mask && *mask ? mask : NULL, e))
        return fail_in(e, "environment variable CPU_MASK");
    return true;
}

const char *kernels_variant(const char *family)
{
    int count;
    const char *found = NULL;
    const kernel_row *row = kernel_rows(&count);
    for (const kernel_row *end = row + count; row < end; row++)
        if (strcmp(row->family, family) == 0 && *row->slot == row->functions)
            found = row->variant;
    return found;
}

const char *kernels_lacking(const char *family)
{
    static const struct {
        const char *family;
        unsigned flags; /* one of them is enough */
        const char *x86, *arm;
    } made_for[] = {
        {"gemm_bf16", CPU_AVX512_BF16 | CPU_AMX_BF16 | CPU_BF16, "AVX512-BF16 and AMX", "BF16"},
        {"gemm_i8", CPU_AVX2 | CPU_AVX512 | CPU_NEON, "AVX2, VNNI and AMX", "NEON"},
    };
    int count;
    unsigned has = 0;
    const kernel_row *row = kernel_rows(&count);
    for (const kernel_row *end = row + count; row < end; row++)
        if (strcmp(row->family, family) == 0 && *row->slot == row->functions)
            has = row->cpu_flags;
    for (size_t i = 0; i < sizeof made_for / sizeof *made_for; i++)
        if (strcmp(made_for[i].family, family) == 0 && !(has & made_for[i].flags))
            return strcmp(cpu_level_at(1), "neon") == 0 ? made_for[i].arm : made_for[i].x86;
    return NULL;
}

unsigned kernels_cpu_flags(void)
{
    return flags_allowed;
}

const char *kernels_level(void)
{
    return cpu_level_name(flags_in_use);
}
