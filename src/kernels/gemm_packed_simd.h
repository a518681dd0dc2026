/* Preparing rows and finishing sums of products with packed weights, for every simd_<isa>.h
 * (include one before this). The roundings are those of quantise.h and of the portable variants. */
#pragma once

#include "kernels/gemm_packed.h"
#include "kernels/list.h"
#include "kernels/math_simd.h"
#include "kernels/quantise.h"
#include "kernels/unroll.h"

#include <assert.h>

#ifndef INLINE
#define INLINE static inline __attribute__((always_inline))
#endif

/* How a kernel takes the values of x. */
enum prepared {
    UNSIGNED_BYTES, /* int8 plus 128 */
    WORDS,          /* int8 in 16 bits */
    SIGNED_BYTES,
    FLOATS, /* rounded to bfloat16 */
};

enum {
    GROUP = 16,   /* values that are prepared together */
    STREAM_M = 4, /* 1 to 4 rows: 28 to 33 GB/s of weights by single panels, 15 to 24 by twos */
};

static inline float largest_of(const float *x, int k)
{
    vf largest = vf_zero(), second = vf_zero(); /* two, so that one need not wait for the other */
    int l = 0;
    for (; l + 2 * LANES <= k; l += 2 * LANES) {
        largest = vf_max_bits(largest, vf_abs(vf_load(x + l)));
        second = vf_max_bits(second, vf_abs(vf_load(x + l + LANES)));
    }
    largest = vf_max_bits(largest, second);
    for (; l + LANES <= k; l += LANES)
        largest = vf_max_bits(largest, vf_abs(vf_load(x + l)));
    if (l < k)
        largest = vf_max_bits(largest, vf_abs(vf_load_n(x + l, k - l)));
    return float_of_bits(vf_largest_bits(largest));
}

#if defined(__aarch64__)
INLINE void store_group(enum prepared form, const float *x, float inverse, char *to)
{
    assert(form == SIGNED_BYTES); /* what its instructions take */
    vst1q_s8((int8_t *)to, inverse > 0 ? bytes_of_16(x, inverse) : vdupq_n_s8(0));
}
#else
INLINE void store_group(enum prepared form, const float *x, float inverse, char *to)
{
    __m128i bytes = inverse > 0 ? bytes_of_16(x, inverse) : _mm_setzero_si128();
    if (form == UNSIGNED_BYTES)
        _mm_store_si128((__m128i *)(void *)to, _mm_xor_si128(bytes, _mm_set1_epi8(-128)));
    else
        _mm256_store_si256((__m256i *)(void *)to, _mm256_cvtepi8_epi16(bytes));
}
#endif

INLINE void prepare_i8(enum prepared form, const float *x, int k, void *to, float *scale)
{
    enum { MULTIPLE = 4 * PANEL_STEP_MULTIPLE };
    int size = form == WORDS ? 2 : 1, l = 0;
    char *p = to;
    float inverse;
    *scale = quantise_scale(largest_of(x, k), &inverse);
#ifdef HAS_BYTES_OF_64
    for (; form == UNSIGNED_BYTES && inverse > 0 && l + MULTIPLE <= k; l += MULTIPLE)
        _mm512_store_si512(p + l,
                           _mm512_xor_si512(bytes_of_64(x + l, inverse), _mm512_set1_epi8(-128)));
#endif
    for (; l + GROUP <= k; l += GROUP)
        store_group(form, x + l, inverse, p + l * size);
    for (; l % MULTIPLE != 0 || l < k; l += GROUP) {
        float rest[GROUP] = {0};
        if (l < k)
            memcpy(rest, x + l, (size_t)(k - l) * sizeof *rest);
        store_group(form, rest, inverse, p + l * size);
    }
}

static inline void prepare_bf16_floats(const float *x, int k, void *to, float *scale)
{
    enum { MULTIPLE = 2 * PANEL_STEP_MULTIPLE };
    (void)scale;
    float *p = to;
    int l = 0;
    for (; l + LANES <= k; l += LANES)
        vf_store(p + l, vf_round_bf16(vf_load(x + l)));
    for (; l % MULTIPLE != 0 || l < k; l += LANES)
        vf_store(p + l, l < k ? vf_round_bf16(vf_load_n(x + l, k - l)) : vf_zero());
}

/* How the sums become values. */
enum sums {
    FLOAT_SUMS,
    INTEGER_SUMS,
    OFFSET_SUMS, /* of UNSIGNED_BYTES */
};

/* c: LANES sums; w_scale and offset: of their columns. */
INLINE vf value_of(enum sums form, const void *c, float x_scale, vf w_scale, const int32_t *offset)
{
    if (form == FLOAT_SUMS)
        return vf_load(c);
    vf y = form == OFFSET_SUMS ? vf_of_difference(c, offset) : vf_of_integers(c);
    return vf_mul(vf_mul(y, vf_set(x_scale)), w_scale);
}

/* LANES columns, from the j-th of the tile. */
INLINE void finish_column(enum activation act, enum sums form, int tile_n, const gemm_args *a,
                          const gemm_sums *s, int row, int rows, int col, int j, long n)
{
    const char *c = (const char *)s->c + j * (long)sizeof(float);
    const float *x_scale = s->x_scale;
    const int32_t *offset = form == OFFSET_SUMS ? s->offset + j : NULL;
    vf w_scale = form == FLOAT_SUMS ? vf_zero() : vf_load(s->w_scale + j);
    bool biased = a->bias != NULL;
    vf bias = biased ? vf_load_n(a->bias + col + j, n) : vf_zero();
    long ldo = a->ldo, ldf = a->ldf, ldr = a->ldr;
    float *out = a->out + row * ldo + col + j;
    const float *factor = a->factor ? a->factor + row * ldf + col + j : NULL;
    const float *residual = a->residual ? a->residual + row * ldr + col + j : NULL;
    for (int i = 0; i < rows; i++, c += tile_n * (long)sizeof(float), out += ldo) {
        vf y = value_of(form, c, form == FLOAT_SUMS ? 0 : x_scale[i], w_scale, offset);
        y = biased ? vf_add(y, bias) : y;
        y = act == ACT_GELU_ERF ? vf_gelu_near(y) : vf_activate(act, y);
        if (factor)
            y = vf_mul(y, vf_load_n(factor + i * ldf, n));
        if (residual)
            y = vf_add(y, vf_load_n(residual + i * ldr, n));
        if (n == LANES)
            vf_store(out, y);
        else
            vf_store_n(out, y, n);
    }
}

INLINE void finish_as(enum activation act, enum sums form, int tile_n, const gemm_args *a,
                      const gemm_sums *s, int row, int rows, int col, int cols)
{
    for (int j = 0; j < cols; j += LANES)
        finish_column(act, form, tile_n, a, s, row, rows, col, j,
                      cols - j < LANES ? cols - j : LANES);
}

INLINE void finish_tile(enum sums form, int tile_n, const gemm_args *a, const gemm_sums *s, int row,
                        int rows, int col, int cols)
{
    switch (a->act) {
    case ACT_NONE:
        finish_as(ACT_NONE, form, tile_n, a, s, row, rows, col, cols);
        break;
    case ACT_GELU_ERF:
        finish_as(ACT_GELU_ERF, form, tile_n, a, s, row, rows, col, cols);
        break;
    default:
        finish_as(a->act, form, tile_n, a, s, row, rows, col, cols);
    }
}
