/* The loops over columns, for the variants with vectors: a function for each type and number of
 * rows, and one for a single row and PARTS blocks of k at once, whose sums are put together at
 * once. (Several columns at once would share x too, but then memory is read in several streams,
 * which halves its speed.) An including file has a simd_<isa>.h and TILE_M, 4 or 8, before this. */
#pragma once

#include "kernels/gemm_quantised_x.h"
#include "kernels/list.h"
#include "kernels/unroll.h"

enum { PARTS = 4, FETCH_BYTES = 1024 };

#ifndef INLINE
#define INLINE static inline __attribute__((always_inline))
#endif

/* c[m] (+)= of one column: parts of k values each, one after the other. */
typedef void row_fn(const uint8_t *w, const char *chunks, size_t row_size, int k, float *c,
                    long ldc, bool add);

/* Known when compiling, unlike quantised_formats. */
INLINE int block_bytes(enum quantised_type type)
{
#define BLOCK_BYTES(name, values, bytes)                                                           \
    if (type == QUANTISED_##name)                                                                  \
        return bytes;
    QUANTISED_FORMATS(BLOCK_BYTES)
#undef BLOCK_BYTES
    return 0;
}

INLINE uint16_t read_u16(const uint8_t *p)
{
    uint16_t value;
    memcpy(&value, p, sizeof value);
    return value;
}

INLINE uint32_t read_u32(const uint8_t *p)
{
    uint32_t value;
    memcpy(&value, p, sizeof value);
    return value;
}

/* All lines of blocks that come FETCH_BYTES later. */
INLINE void fetch_blocks(const uint8_t *w, int bytes)
{
    UNROLL
    for (int at = 0; at < bytes; at += 64)
        __builtin_prefetch(w + FETCH_BYTES + at, 0, 3);
}

/* Sums of m rows. */
INLINE void put_sums(int m, const vf *sums, float *c, long ldc, bool add)
{
    UNROLL
    for (int i = 0; i < m; i++)
        c[i * ldc] = add ? c[i * ldc] + vf_sum(sums[i]) : vf_sum(sums[i]);
}

/* small_row and large_row: `blocks` adds the products of a part. How the sum of a part is kept,
 * part_sum, part_of and put_parts, belongs to the instruction set. */
#define QUANTISED_ROW(name, blocks)                                                                \
    INLINE void name(enum quantised_type type, int m, int parts, const uint8_t *w,                 \
                     const char *chunks, size_t row_size, int k, float *c, long ldc, bool add)     \
    {                                                                                              \
        vf sums[TILE_M];                                                                           \
        part_sum part[PARTS];                                                                      \
        k = parts == PARTS ? GEMM_QUANTISED_BLOCK : k;                                             \
        for (int p = 0; p < parts; p++) {                                                          \
            UNROLL                                                                                 \
            for (int i = 0; i < m; i++)                                                            \
                sums[i] = vf_zero();                                                               \
            w = blocks(type, m, w, chunks, row_size, k, sums);                                     \
            chunks += chunks_size(type, k);                                                        \
            part[p] = part_of(sums[0]);                                                            \
        }                                                                                          \
        if (parts == PARTS)                                                                        \
            put_parts(part, c, add);                                                               \
        else                                                                                       \
            put_sums(m, sums, c, ldc, add);                                                        \
    }

#define ROW(size, type, m, parts)                                                                  \
    static __attribute__((noinline)) void row_##type##_##m##_##parts(                              \
        const uint8_t *w, const char *chunks, size_t row_size, int k, float *c, long ldc,          \
        bool add)                                                                                  \
    {                                                                                              \
        size##_row(QUANTISED_##type, m, parts, w, chunks, row_size, k, c, ldc, add);               \
    }
#define ROWS_4(size, type)                                                                         \
    ROW(size, type, 1, 4)                                                                          \
    ROW(size, type, 1, 1)                                                                          \
    ROW(size, type, 2, 1)                                                                          \
    ROW(size, type, 3, 1)                                                                          \
    ROW(size, type, 4, 1)
#define ROWS_8(size, type)                                                                         \
    ROWS_4(size, type)                                                                             \
    ROW(size, type, 5, 1)                                                                          \
    ROW(size, type, 6, 1)                                                                          \
    ROW(size, type, 7, 1)                                                                          \
    ROW(size, type, 8, 1)
#define NAMES_4(type)                                                                              \
    row_##type##_1_4, row_##type##_1_1, row_##type##_2_1, row_##type##_3_1, row_##type##_4_1
#define NAMES_8(type)                                                                              \
    NAMES_4(type), row_##type##_5_1, row_##type##_6_1, row_##type##_7_1, row_##type##_8_1

/* The functions of all types, and `rows`, the table of them. */
#define ALL_ROWS(R, NAMES)                                                                         \
    R(small, Q4_0)                                                                                 \
    R(small, Q4_1)                                                                                 \
    R(small, Q5_0)                                                                                 \
    R(small, Q5_1)                                                                                 \
    R(small, Q8_0)                                                                                 \
    R(large, Q2_K)                                                                                 \
    R(large, Q3_K)                                                                                 \
    R(large, Q4_K)                                                                                 \
    R(large, Q5_K)                                                                                 \
    R(large, Q6_K)                                                                                 \
    static row_fn *const rows[N_QUANTISED_TYPES][TILE_M + 1] = {                                   \
        {NAMES(Q4_0)}, {NAMES(Q4_1)}, {NAMES(Q5_0)}, {NAMES(Q5_1)}, {NAMES(Q8_0)},                 \
        {NAMES(Q2_K)}, {NAMES(Q3_K)}, {NAMES(Q4_K)}, {NAMES(Q5_K)}, {NAMES(Q6_K)},                 \
    };

/* A column by m rows: one sum for each GEMM_QUANTISED_BLOCK values of k, added in order. fns: by
 * rows, the one for PARTS such blocks first. */
static inline void dot_column(row_fn *const *fns, enum quantised_type type, const char *chunks,
                              size_t row_size, int m, const uint8_t *w, int k, float *c, long ldc,
                              bool add)
{
    const quantised_format *f = &quantised_formats[type];
    for (int l = 0, values; l < k; l += values, add = true) {
        const uint8_t *at = w + l / f->values * f->bytes;
        const char *x = chunks + chunks_size(type, l);
        bool parts = m == 1 && k - l >= PARTS * GEMM_QUANTISED_BLOCK;
        values = k - l < GEMM_QUANTISED_BLOCK ? k - l : GEMM_QUANTISED_BLOCK;
        fns[parts ? 0 : m](at, x, row_size, values, c, ldc, add);
        values = parts ? PARTS * GEMM_QUANTISED_BLOCK : values;
    }
}

static inline void dot_rows(row_fn *const *fns, enum quantised_type type, const void *chunks,
                            size_t row_size, int m, const uint8_t *w, size_t w_size, int n, int k,
                            float *c, long ldc, bool add)
{
    for (int i = 0; k == 0 && !add && i < m; i++)
        memset(c + i * ldc, 0, (size_t)n * sizeof *c);
    for (int j = 0; j < n; j++)
        dot_column(fns, type, chunks, row_size, m, w + (size_t)j * w_size, k, c + j, ldc, add);
}
