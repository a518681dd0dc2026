/* How the quantised rows of x are laid out for the dot products, and how they are made: included
 * by each variant, so that its compiler flags apply. The numbers are the same in all of them. */
#pragma once

#include "kernels/table.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* 128 values for types with blocks of 32: 4 blocks, with elements 4 i .. 4 i + 3 of the arrays of
 * 16 for block i. */
typedef struct x_small {
    int8_t q[128];
    float d[16];       /* the scale, four times */
    int32_t start[16]; /* what the codes of w are too large by, taken off: element l of a block for
                        * the values 4 l .. 4 l + 3 of its first and of its second half */
    float sum[16];     /* d times sum of q, once: what the m of a block of w is multiplied by */
} x_small;

/* 256 values for the K types. */
typedef struct x_large {
    int8_t q[256];
    int16_t sums[16]; /* of q, by parts of w; those of 32 values fill the first 8 */
    float d;
    float pad[7];
} x_large;

static_assert(sizeof(x_small) == GEMM_QUANTISED_CHUNK && sizeof(x_large) == GEMM_QUANTISED_CHUNK,
              "chunks keep their alignment");

/* Whether a type's blocks have 32 values: known when compiling, unlike quantised_formats. */
static inline bool small_type(enum quantised_type type)
{
#define SMALL_TYPE(name, values, bytes)                                                            \
    if (type == QUANTISED_##name)                                                                  \
        return (values) == 32;
    QUANTISED_FORMATS(SMALL_TYPE)
#undef SMALL_TYPE
    return false;
}

/* Bytes of a row of k >= 0 values in chunks. */
static inline size_t chunks_size(enum quantised_type type, int k)
{
    unsigned chunk = small_type(type) ? 128 : 256;
    return ((unsigned)k + chunk - 1) / chunk * GEMM_QUANTISED_CHUNK;
}

/* What the codes of a type's small blocks are too large by. */
static inline int code_offset(enum quantised_type type, bool signed_codes)
{
    switch (type) {
    case QUANTISED_Q4_0:
        return 8;
    case QUANTISED_Q5_0:
        return 16;
    case QUANTISED_Q8_0:
        return signed_codes ? 0 : 128;
    default:
        return 0;
    }
}

/* Returns the scale. By way of the float's own rounding, which every processor does alike. */
static inline float quantise_block(const float *x, int n, int8_t *q)
{
    uint32_t most = 0;
    for (int i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, &x[i], sizeof bits);
        bits &= 0x7fffffff;
        most = bits > most ? bits : most;
    }
    float largest;
    memcpy(&largest, &most, sizeof largest);
    if (!(largest >= 0x1p-100f && largest < INFINITY)) {
        for (int i = 0; i < n; i++)
            q[i] = 0;
        return largest < 1 ? 0 : NAN;
    }
    float factor = 127.0f / largest;
    for (int i = 0; i < n; i++) {
        float y = x[i] * factor + 0x1.8p23f; /* the last bits are the whole number */
        uint32_t bits;
        memcpy(&bits, &y, sizeof bits);
        q[i] = (int8_t)bits;
    }
    return largest / 127.0f;
}

static inline int sum_of(const int8_t *q, int n)
{
    int sum = 0;
    for (int i = 0; i < n; i++)
        sum += q[i];
    return sum;
}

/* Runs of 16 values in the order in which the dot products take them; units[i] is where the i-th of
 * them comes from. */
static inline void arrange(const int8_t *from, const uint8_t *units, int n_units, int8_t *to)
{
    for (int i = 0; i < n_units; i++)
        memcpy(to + 16 * i, from + 16 * units[i], 16);
}

static inline void quantise_small(const float *x, int n, int offset, const uint8_t *units,
                                  x_small *to)
{
    int8_t q[128] = {0};
    memset(to, 0, sizeof *to);
    for (int b = 0; 32 * b < n; b++) {
        float d = quantise_block(x + 32 * b, 32, q + 32 * b);
        int sum = 0;
        for (int i = 0; i < 4; i++) {
            const int8_t *quad = q + 32 * b + 4 * i;
            int part = sum_of(quad, 4) + sum_of(quad + 16, 4);
            to->d[4 * b + i] = d;
            to->start[4 * b + i] = -offset * part;
            sum += part;
        }
        to->sum[4 * b] = d * (float)sum;
    }
    arrange(q, units, 8, to->q);
}

static inline void quantise_large(const float *x, int part, const uint8_t *units, x_large *to)
{
    int8_t q[256];
    memset(to, 0, sizeof *to);
    to->d = quantise_block(x, 256, q);
    for (int i = 0; i < 256 / part; i++)
        to->sums[i] = (int16_t)sum_of(q + i * part, part);
    arrange(q, units, 16, to->q);
}

/* A row of k values as chunks. units: of the type. */
static inline void quantise_row(enum quantised_type type, bool signed_codes, const uint8_t *units,
                                const float *x, int k, void *chunks)
{
    if (small_type(type)) {
        x_small *to = chunks;
        for (int i = 0; i < k; i += 128)
            quantise_small(x + i, k - i < 128 ? k - i : 128, code_offset(type, signed_codes), units,
                           to++);
        return;
    }
    x_large *to = chunks;
    int part = type == QUANTISED_Q4_K || type == QUANTISED_Q5_K ? 32 : 16;
    for (int i = 0; i < k; i += 256)
        quantise_large(x + i, part, units, to++);
}
