/* What the AVX2 and AVX-512 variants have in common, beside gemm_quantised_rows.h: an including
 * file has a simd_<isa>.h before this. */
#pragma once

#include "kernels/gemm_quantised_rows.h"

/* vf_sum of four vectors, whose quarter sums these are, with the very same additions. */
INLINE __m128 sums_of_four(const __m128 *b)
{
    __m128 first = _mm_add_ps(_mm_movelh_ps(b[0], b[1]), _mm_movehl_ps(b[1], b[0]));
    __m128 second = _mm_add_ps(_mm_movelh_ps(b[2], b[3]), _mm_movehl_ps(b[3], b[2]));
    return _mm_add_ps(_mm_shuffle_ps(first, second, 0x88), _mm_shuffle_ps(first, second, 0xdd));
}

/* Sums of m rows. */
INLINE void put_sums(int m, const vf *sums, float *c, long ldc, bool add)
{
    UNROLL
    for (int i = 0; i < m; i++)
        c[i * ldc] = add ? c[i * ldc] + vf_sum(sums[i]) : vf_sum(sums[i]);
}

/* Sums of a row's parts, one after the other. */
INLINE void put_parts(const __m128 *quarters, float *c, bool add)
{
    float parts[PARTS];
    _mm_storeu_ps(parts, sums_of_four(quarters));
    float sum = add ? *c + parts[0] : parts[0];
    for (int i = 1; i < PARTS; i++)
        sum += parts[i];
    *c = sum;
}

/* The two kinds of rows: `blocks` adds the products of a part. */
#define QUANTISED_ROW(name, blocks)                                                                \
    INLINE void name(enum quantised_type type, int m, int parts, const uint8_t *w,                 \
                     const char *chunks, size_t row_size, int k, float *c, long ldc, bool add)     \
    {                                                                                              \
        vf sums[TILE_M];                                                                           \
        __m128 quarters[PARTS];                                                                    \
        for (int p = 0; p < parts; p++) {                                                          \
            UNROLL                                                                                 \
            for (int i = 0; i < m; i++)                                                            \
                sums[i] = vf_zero();                                                               \
            w = blocks(type, m, w, chunks, row_size, k, sums);                                     \
            chunks += chunks_size(type, k);                                                        \
            quarters[p] = vf_quarter_sums(sums[0]);                                                \
        }                                                                                          \
        if (parts == PARTS)                                                                        \
            put_parts(quarters, c, add);                                                           \
        else                                                                                       \
            put_sums(m, sums, c, ldc, add);                                                        \
    }
