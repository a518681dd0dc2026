/* Keys of attention by columns, with AVX-512.
 *
 * What is multiplied comes in elements of 4 bytes, a float or a pair of bfloat16 values. A file
 * that includes this defines VALUES_OF_ELEMENT before it, and then load_key(k, values): up to 16
 * elements of that many values of a key, the others 0. */
#pragma once

#include "kernels/simd_avx512.h"

#include "kernels/attention_simd.h"
#include "kernels/unroll.h"

#ifndef INLINE
#define INLINE static inline __attribute__((always_inline))
#endif

INLINE __m512 load_key(const float *k, int values);

INLINE int elements_of(int values)
{
    return (values + VALUES_OF_ELEMENT - 1) / VALUES_OF_ELEMENT;
}

/* Transposes the four 4 x 4 blocks that four rows have in each lane. */
INLINE void transpose_in_lanes(__m512 r[4])
{
    __m512 a = _mm512_unpacklo_ps(r[0], r[1]), b = _mm512_unpackhi_ps(r[0], r[1]);
    __m512 c = _mm512_unpacklo_ps(r[2], r[3]), d = _mm512_unpackhi_ps(r[2], r[3]);
    r[0] = _mm512_shuffle_ps(a, c, 0x44);
    r[1] = _mm512_shuffle_ps(a, c, 0xee);
    r[2] = _mm512_shuffle_ps(b, d, 0x44);
    r[3] = _mm512_shuffle_ps(b, d, 0xee);
}

/* 16 keys (0 from n on), up to 16 elements each, of `values` values and then 0 -> columns of a
 * panel, whose elements are `stride` floats apart. */
static void transpose_keys(const float *k, long ldk, int n, int values, int elements, float *panel,
                           long stride)
{
    __m512 by_element[4][4]; /* [elements l mod 4][keys / 4], lane c: l = 4 c + .. */
    UNROLL
    for (int a = 0; a < 4; a++) {
        __m512 r[4];
        UNROLL
        for (int i = 0; i < 4; i++) {
            int key = 4 * a + i;
            r[i] = load_key(k + (key < n ? key : 0) * ldk, key < n ? values : 0);
        }
        transpose_in_lanes(r);
        UNROLL
        for (int i = 0; i < 4; i++)
            by_element[i][a] = r[i];
    }
    UNROLL
    for (int i = 0; i < 4; i++) {
        transpose_lanes(by_element[i]);
        UNROLL
        for (int c = 0; c < 4; c++) {
            if (4 * c + i < elements)
                _mm512_storeu_ps(panel + (4 * c + i) * stride, by_element[i][c]);
        }
    }
}
