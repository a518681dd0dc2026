/* What the kernel tests share: arrays that end at an unreadable page, levels, random values. */
#pragma once

/* Before cmocka.h, which has a macro of the name fail. */
#include "base/thread.h"
#include "kernels/kernels.h"
#include "kernels/list.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

/* Whether the tests of a level or of a variant are to run: INFERD_TEST_ONLY may name some, with
 * commas between them, where an emulator takes minutes for one. */
static inline bool wanted(const char *name)
{
    const char *only = getenv("INFERD_TEST_ONLY");
    size_t n = strlen(name);
    while (only && (strncmp(only, name, n) != 0 || (only[n] != ',' && only[n] != 0))) {
        const char *comma = strchr(only, ',');
        if (!comma)
            return false;
        only = comma + 1;
    }
    return true;
}

/* Names for CPU_MASK that this machine reaches and that are wanted, weakest first. */
static inline int reachable_levels(const char *names[8])
{
    int n = 0;
    for (int i = 0; cpu_level_at(i); i++) {
        const char *name = cpu_level_at(i);
        if (wanted(name) && kernels_init_level(name, NULL) && strcmp(kernels_level(), name) == 0)
            names[n++] = name;
    }
    return n;
}

/* Where a processor is emulated, which takes fifty times as long, the largest of the teams of 1 to
 * 3 threads and every other one of many sizes must do. */
static inline int first_team(void)
{
    return getenv("INFERD_TEST_EMULATED") ? 3 : 1;
}

static inline int sizes_step(void)
{
    return getenv("INFERD_TEST_EMULATED") ? 2 : 1;
}

/* Floats whose last one is followed by a page that may not be touched, and before whose first one
 * lie values of a pattern. Freed by edge_free, which checks the pattern. */
typedef struct edge {
    float *p;
    size_t n;
    char *map;
    size_t map_size;
} edge;

enum { EDGE_GUARD = 64 };

static inline edge edge_new(size_t n)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t used = (n + EDGE_GUARD) * sizeof(float);
    edge e = {.n = n, .map_size = (used + page - 1) / page * page + page};
    e.map = mmap(NULL, e.map_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(e.map, MAP_FAILED);
    assert_int_equal(mprotect(e.map + e.map_size - page, page, PROT_NONE), 0);
    e.p = (float *)(void *)(e.map + e.map_size - page) - n;
    for (int i = 1; i <= EDGE_GUARD; i++)
        e.p[-i] = 12345.0f;
    return e;
}

static inline void edge_free(edge *e)
{
    for (int i = 1; i <= EDGE_GUARD; i++)
        assert_true(e->p[-i] == 12345.0f);
    munmap(e->map, e->map_size);
}

static inline uint32_t random_bits(void)
{
    static uint64_t state = 88172645463325252u;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 32);
}

/* -1 .. 1 */
static inline float random_float(void)
{
    return (float)((double)random_bits() / 2147483648.0 - 1.0);
}

static inline edge edge_random(size_t n)
{
    edge e = edge_new(n);
    for (size_t i = 0; i < n; i++)
        e.p[i] = random_float();
    return e;
}

/* Fails with the place when two arrays differ in a bit. */
static inline void assert_same_bits(const float *a, const float *b, size_t n, const char *what)
{
    for (size_t i = 0; i < n; i++) {
        if (memcmp(&a[i], &b[i], sizeof a[i]) != 0)
            fail_msg("%s, level %s: value %zu of %zu: %.9g and %.9g", what, kernels_level(), i, n,
                     (double)a[i], (double)b[i]);
    }
}

/* Formats only when it fails: this runs for every value. */
__attribute__((format(printf, 4, 5))) static inline void
assert_near_at(double found, double expected, double bound, const char *format, ...)
{
    if (fabs(found - expected) <= bound)
        return;
    char what[200];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    fail_msg("%s, level %s: found %.9g, expected %.9g within %.3g", what, kernels_level(), found,
             expected, bound);
}

static inline void assert_near(double found, double expected, double bound, const char *what)
{
    assert_near_at(found, expected, bound, "%s", what);
}
