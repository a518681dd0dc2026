/* The attention kernels in AVX-512: tiles of 12 queries and 32 keys (or 32 values of a head), 24
 * sums, two loads and 12 broadcasts for 24 instructions.
 *
 * A file that includes this defines what attention_keys512.h asks for, and multiply_add(sums, x,
 * b): sums plus the products of the elements. */
#pragma once

#include "kernels/attention_keys512.h"

enum { TILE_M = 12, TILE_N = 32 };

INLINE __m512 multiply_add(__m512 sums, __m512 x, __m512 b);

static void pack_keys(const float *k, long ldk, int n_keys, int head_dim, void *to)
{
    enum { VALUES = 16 * VALUES_OF_ELEMENT };
    float *panels = to;
    for (int key = 0; key < n_keys; key += TILE_N) {
        for (int half = 0; half < TILE_N; half += 16) {
            int n = n_keys - key - half;
            for (int l = 0; l < head_dim; l += VALUES) {
                int values = head_dim - l < VALUES ? head_dim - l : VALUES;
                transpose_keys(n > 0 ? k + (key + half) * ldk + l : k, ldk, n > 0 ? n : 0, values,
                               elements_of(values), panels + l / VALUES_OF_ELEMENT * TILE_N + half,
                               TILE_N);
            }
        }
        panels += (long)elements_of(head_dim) * TILE_N;
    }
}

/* s[rows][vectors] = x[rows][k] * b[k][vectors * 16], the last vector under a mask; k elements. */
INLINE void multiply(int rows, int vectors, const float *x, long ldx, int k, const float *b,
                     long ldb, __mmask16 mask, __m512 s[][2])
{
    UNROLL
    for (int i = 0; i < rows; i++)
        s[i][0] = s[i][1] = _mm512_setzero_ps();
    for (int l = 0; l < k; l++, b += ldb) {
        __m512 b0 = vectors == 2 ? _mm512_loadu_ps(b) : _mm512_maskz_loadu_ps(mask, b);
        __m512 b1 = vectors == 2 ? _mm512_maskz_loadu_ps(mask, b + 16) : b0;
        UNROLL
        for (int i = 0; i < rows; i++) {
            __m512 v = _mm512_set1_ps(x[i * ldx + l]);
            s[i][0] = multiply_add(s[i][0], v, b0);
            if (vectors == 2)
                s[i][1] = multiply_add(s[i][1], v, b1);
        }
    }
}

/* The scores of up to a panel of keys, in one or two vectors. */
INLINE void scores_panel(int rows, int vectors, const float *q, long ldq, const float *panel,
                         int elements, float *scores)
{
    __m512 s[TILE_M][2];
    multiply(rows, vectors, q, ldq, elements, panel, TILE_N, 0xffff, s);
    UNROLL
    for (int i = 0; i < rows; i++, scores += ATTENTION_KEYS) {
        vf_store(scores, s[i][0]);
        if (vectors == 2)
            vf_store(scores + LANES, s[i][1]);
    }
}

INLINE void scores_rows(int rows, const float *q, long ldq, const float *panel, int n_keys,
                        int elements, float *scores)
{
    for (; n_keys > LANES; n_keys -= TILE_N, panel += (long)elements * TILE_N, scores += TILE_N)
        scores_panel(rows, 2, q, ldq, panel, elements, scores);
    if (n_keys > 0)
        scores_panel(rows, 1, q, ldq, panel, elements, scores);
}

/* Calls a function for 12, 6, 3, 2 or 1 rows, most first, until all are done. */
#define FOR_ROWS(i, rows, CALL)                                                                    \
    for (int i = 0, step_; i < rows; i += step_) {                                                 \
        int left_ = rows - i;                                                                      \
        step_ = left_ >= 12 ? 12 : left_ >= 6 ? 6 : left_ >= 3 ? 3 : left_;                        \
        switch (step_) {                                                                           \
        case 12:                                                                                   \
            CALL(12);                                                                              \
            break;                                                                                 \
        case 6:                                                                                    \
            CALL(6);                                                                               \
            break;                                                                                 \
        case 3:                                                                                    \
            CALL(3);                                                                               \
            break;                                                                                 \
        case 2:                                                                                    \
            CALL(2);                                                                               \
            break;                                                                                 \
        default:                                                                                   \
            CALL(1);                                                                               \
        }                                                                                          \
    }

INLINE void values_columns(int rows, int vectors, const float *p, int elements, const float *v,
                           long ldv, __mmask16 mask, const float *keep, float *out, long ldo)
{
    __m512 s[TILE_M][2];
    multiply(rows, vectors, p, ATTENTION_KEYS, elements, v, ldv, mask, s);
    UNROLL
    for (int i = 0; i < rows; i++, out += ldo) {
        __m512 factor = _mm512_set1_ps(keep[i]);
        UNROLL
        for (int j = 0; j < vectors; j++) {
            __mmask16 m = j == vectors - 1 ? mask : 0xffff;
            __m512 old = _mm512_maskz_loadu_ps(m, out + 16 * j);
            _mm512_mask_storeu_ps(out + 16 * j, m, _mm512_fmadd_ps(old, factor, s[i][j]));
        }
    }
}

INLINE void values_rows(int rows, const float *p, int elements, const float *v, long ldv,
                        int head_dim, const float *keep, float *out, long ldo)
{
    int l = 0;
    for (; head_dim - l > 16; l += 32) {
        __mmask16 mask = head_dim - l < 32 ? first_lanes(head_dim - l - 16) : 0xffff;
        values_columns(rows, 2, p, elements, v + l, ldv, mask, keep, out + l, ldo);
    }
    if (l < head_dim) {
        __mmask16 mask = first_lanes(head_dim - l);
        values_columns(rows, 1, p, elements, v + l, ldv, mask, keep, out + l, ldo);
    }
}
