/* Operands of attention as pairs of bfloat16 values, with AVX512-BF16: for its own kernels and for
 * AMX. Values are packed: pairs of keys by columns, padded to whole vectors. */
#pragma once

#define VALUES_OF_ELEMENT 2
#include "kernels/attention_keys512.h"

enum { HEAD_DIM = 512, PAIRS = HEAD_DIM / 2 };

/* Bochs 3.0 takes both halves from one operand; scripts/test-amx builds for it. */
INLINE __m512i rounded(__m512 first, __m512 second)
{
#ifdef WITHOUT_CVTNE2PS
    __m512i low = _mm512_castsi256_si512((__m256i)_mm512_cvtneps_pbh(first));
    return _mm512_inserti64x4(low, (__m256i)_mm512_cvtneps_pbh(second), 1);
#else
    return (__m512i)_mm512_cvtne2ps_pbh(second, first);
#endif
}

/* 32 values, 0 from n on, as pairs. */
INLINE __m512i load_pairs(const float *x, int n)
{
    int second = n - LANES;
    __m512 a = _mm512_maskz_loadu_ps(second >= 0 ? 0xffff : first_lanes(n), x);
    __m512 b = second > 0 ? _mm512_maskz_loadu_ps(first_lanes(second), x + LANES) : vf_zero();
    return rounded(a, b);
}

INLINE __m512 load_key(const float *k, int values)
{
    return _mm512_castsi512_ps(load_pairs(k, values));
}

/* Rows of q, whose pairs are `row` elements apart, padded with 0 to whole vectors. */
INLINE void query_pairs(const float *q, long ldq, int rows, int head_dim, float *pairs, long row)
{
    for (int i = 0; i < rows; i++) {
        for (int l = 0; l < head_dim; l += 2 * LANES) {
            int n = head_dim - l < 2 * LANES ? head_dim - l : 2 * LANES;
            _mm512_store_si512(pairs + i * row + l / 2, load_pairs(q + i * ldq + l, n));
        }
    }
}

/* Rows 2 i and 2 i + 1 of v as row i of pairs; rows of 0 up to a multiple of some keys. */
INLINE void pack_value_pairs(int multiple, const float *v, long ldv, int n_keys, int head_dim,
                             void *to)
{
    static const uint16_t places[] = {0, 16, 1, 17, 2,  18, 3,  19, 4,  20, 5,  21, 6,  22, 7,  23,
                                      8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31};
    __m512i order = _mm512_loadu_si512(places);
    char *pairs = to;
    for (int key = 0; key < n_keys || key % multiple != 0; key += 2, v += 2 * ldv) {
        for (int l = 0; l < head_dim; l += LANES, pairs += LANES * 4) {
            __mmask16 mask = first_lanes(head_dim - l < LANES ? head_dim - l : LANES);
            __m512 a = key < n_keys ? _mm512_maskz_loadu_ps(mask, v + l) : vf_zero();
            __m512 b = key + 1 < n_keys ? _mm512_maskz_loadu_ps(mask, v + ldv + l) : vf_zero();
            _mm512_store_si512(pairs, _mm512_permutexvar_epi16(order, rounded(a, b)));
        }
    }
}

/* 2^x for x <= 0 within 9e-5 of the value, a twentieth of what rounding it takes; NaN stays. */
INLINE __m512 power(__m512 x)
{
    enum { FLOOR = 0x09 }; /* what is left of the next whole number below; of an infinity, 0 */
    __m512 r = _mm512_reduce_ps(x, FLOOR);
    __m512 p = _mm512_set1_ps(0x1.3baa98p-4f);
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0x1.d23792p-3f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0x1.63e658p-1f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f));
    return _mm512_scalef_ps(p, x);
}

/* Weights take the place of scores at half the distance: what is written has been read. After the
 * last one come zeros up to a multiple of some keys. */
INLINE float softmax_pairs(int multiple, attention_row *row)
{
    float before = row->max, most = attention_max(row);
    /* With every score at -infinity, subtracting 0 instead gives 0 for each. */
    __m512 less = vf_set(most == -INFINITY ? 0 : -most), scale = vf_set(row->scale);
    __m512 sum = vf_zero();
    const float *s = row->scores;
    uint16_t *weights = (uint16_t *)(void *)row->scores;
    int i = row->begin, padded = (row->n_keys + multiple - 1) / multiple * multiple;
    for (; i + 2 * LANES <= row->end; i += 2 * LANES) {
        __m512 a = power(_mm512_fmadd_ps(vf_load(s + i), scale, less));
        __m512 b = power(_mm512_fmadd_ps(vf_load(s + i + LANES), scale, less));
        sum = _mm512_add_ps(sum, _mm512_add_ps(a, b));
        _mm512_storeu_si512(weights + i, rounded(a, b));
    }
    for (; i < row->end; i += LANES) {
        __mmask16 mask = first_lanes(row->end - i < LANES ? row->end - i : LANES);
        __m512 a = power(_mm512_fmadd_ps(_mm512_maskz_loadu_ps(mask, s + i), scale, less));
        sum = _mm512_mask_add_ps(sum, mask, sum, a);
        _mm256_mask_storeu_epi16(weights + i, mask, (__m256i)_mm512_cvtneps_pbh(a));
    }
    if (row->begin > 0)
        memset(weights, 0, (size_t)row->begin * sizeof *weights);
    if (row->end < padded)
        memset(weights + row->end, 0, (size_t)(padded - row->end) * sizeof *weights);
    float keep = attention_keep(before, most);
    row->max = most;
    row->sum = row->sum * keep + vf_sum(sum);
    return keep;
}
