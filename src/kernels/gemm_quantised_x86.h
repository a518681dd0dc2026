/* What the AVX2 and AVX-512 variants have in common, beside gemm_quantised_rows.h: an including
 * file has a simd_<isa>.h before this. */
#pragma once

#include "kernels/gemm_quantised_rows.h"

typedef __m128 part_sum;

INLINE part_sum part_of(vf sums)
{
    return vf_quarter_sums(sums);
}

/* vf_sum of four vectors, whose quarter sums these are, with the very same additions. */
INLINE __m128 sums_of_four(const __m128 *b)
{
    __m128 first = _mm_add_ps(_mm_movelh_ps(b[0], b[1]), _mm_movehl_ps(b[1], b[0]));
    __m128 second = _mm_add_ps(_mm_movelh_ps(b[2], b[3]), _mm_movehl_ps(b[3], b[2]));
    return _mm_add_ps(_mm_shuffle_ps(first, second, 0x88), _mm_shuffle_ps(first, second, 0xdd));
}

/* Sums of a row's parts, one after the other. */
INLINE void put_parts(const part_sum *quarters, float *c, bool add)
{
    float parts[PARTS];
    _mm_storeu_ps(parts, sums_of_four(quarters));
    float sum = add ? *c + parts[0] : parts[0];
    for (int i = 1; i < PARTS; i++)
        sum += parts[i];
    *c = sum;
}
