/* The attention kernels, AVX512-BF16: queries, keys, weights and values in pairs of bfloat16. */
#include "kernels/attention_pairs512.h"

#include "kernels/attention_tiles512.h"

/* The instruction takes the second product of a pair first. */
INLINE __m512 multiply_add(__m512 sums, __m512 x, __m512 b)
{
    return _mm512_dpbf16_ps(sums, (__m512bh)_mm512_castps_si512(b),
                            (__m512bh)_mm512_castps_si512(x));
}

static void pack_values(const float *v, long ldv, int n_keys, int head_dim, void *to)
{
    pack_value_pairs(2, v, ldv, n_keys, head_dim, to);
}

static void scores(const float *q, long ldq, int rows, const void *panels, int n_keys, int head_dim,
                   float *scores)
{
    _Alignas(64) float pairs[TILE_M * PAIRS];
    int elements = elements_of(head_dim);
    long row = (elements + LANES - 1) / LANES * LANES;
    query_pairs(q, ldq, rows, head_dim, pairs, row);
#define SCORES(n)                                                                                  \
    scores_rows(n, pairs + i * row, row, panels, n_keys, elements, scores + i * ATTENTION_KEYS)
    FOR_ROWS(i, rows, SCORES)
}

static float softmax(attention_row *row)
{
    return softmax_pairs(2, row);
}

static void values(const float *p, int rows, int n_keys, const void *values, long ldv, int head_dim,
                   const float *keep, float *out, long ldo)
{
    const float *v = values;
    int elements = elements_of(n_keys);
    (void)ldv;
    long row = (head_dim + LANES - 1) / LANES * LANES;
#define VALUES(n)                                                                                  \
    values_rows(n, p + i * ATTENTION_KEYS, elements, v, row, head_dim, keep + i, out + i * ldo, ldo)
    FOR_ROWS(i, rows, VALUES)
}

const attention_bf16_kernels attention_bf16_dpbf16 = {
    .tile_m = TILE_M,
    .tile_n = TILE_N,
    .value_bytes = 2,
    .with = &gemm_bf16_dpbf16,
    .pack_keys = pack_keys,
    .pack_values = pack_values,
    .scores = scores,
    .softmax = softmax,
    .values = values,
};
