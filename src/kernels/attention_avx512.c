/* The attention kernels, AVX-512. Values are read as they lie. */
#define VALUES_OF_ELEMENT 1
#include "kernels/attention_tiles512.h"

INLINE __m512 load_key(const float *k, int values)
{
    return _mm512_maskz_loadu_ps(first_lanes(values), k);
}

INLINE __m512 multiply_add(__m512 sums, __m512 x, __m512 b)
{
    return _mm512_fmadd_ps(x, b, sums);
}

static void scores(const float *q, long ldq, int rows, const void *panels, int n_keys, int head_dim,
                   float *scores)
{
#define SCORES(n)                                                                                  \
    scores_rows(n, q + i * ldq, ldq, panels, n_keys, head_dim, scores + i * ATTENTION_KEYS)
    FOR_ROWS(i, rows, SCORES)
}

static void values(const float *p, int rows, int n_keys, const void *values, long ldv, int head_dim,
                   const float *keep, float *out, long ldo)
{
    const float *v = values;
#define VALUES(n)                                                                                  \
    values_rows(n, p + i * ATTENTION_KEYS, n_keys, v, ldv, head_dim, keep + i, out + i * ldo, ldo)
    FOR_ROWS(i, rows, VALUES)
}

const attention_f32_kernels attention_f32_avx512 = {
    .tile_m = TILE_M,
    .tile_n = TILE_N,
    .value_bytes = sizeof(float),
    .pack_keys = pack_keys,
    .scores = scores,
    .softmax = attention_softmax,
    .values = values,
};
