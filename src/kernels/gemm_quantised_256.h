/* Products with quantised weights, 256-bit vectors: 32 codes in the order of the values. Codes are
 * unsigned, below 64; Q8_0 moves the signs of w to x. An including file defines KERNELS, the name
 * of its table, and two products of 32 codes with 32 values of x, each in 8 sums of 4:
 * DOT(sums, codes, x) adds them to sums, SCALED_DOT(sums, codes, x, scale) times a scale that all
 * 16-bit lanes have. */
#pragma once

#include "kernels/simd_avx2.h"

#include "kernels/gemm_quantised_x86.h"

enum { TILE_M = 4, TILE_N = 1 };

static void quantise(enum quantised_type type, const float *x, int k, void *chunks)
{
    static const uint8_t in_order[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    quantise_row(type, true, in_order, x, k, chunks);
}

INLINE __m256i load_32(const void *p)
{
    return _mm256_loadu_si256(p);
}

INLINE __m256i and_bits(__m256i a, int bits)
{
    return _mm256_and_si256(a, _mm256_set1_epi8((char)bits));
}

/* Bits from `from` on as bits 0 and on; bits of the neighbour come in above and must be masked. */
INLINE __m256i shift(__m256i a, int from)
{
    return from < 0 ? _mm256_slli_epi16(a, -from) : _mm256_srli_epi16(a, from);
}

/* 16 bytes of two codes each. */
INLINE __m256i nibbles(const uint8_t *p)
{
    __m128i both = _mm_loadu_si128((const void *)p);
    return and_bits(_mm256_set_m128i(_mm_srli_epi16(both, 4), both), 15);
}

/* 16 in each byte whose bit is set. */
INLINE __m256i fifth_bits(const uint8_t *p)
{
    const __m256i byte_of =
        _mm256_setr_epi64x(0, 0x0101010101010101, 0x0202020202020202, 0x0303030303030303);
    const __m256i bit_of = _mm256_set1_epi64x((long long)0x8040201008040201u);
    __m256i bytes = _mm256_shuffle_epi8(_mm256_set1_epi32((int)read_u32(p)), byte_of);
    bytes = _mm256_and_si256(bytes, bit_of);
    return and_bits(_mm256_cmpeq_epi8(bytes, bit_of), 16);
}

INLINE __m256i small_codes(enum quantised_type type, const uint8_t *p)
{
    switch (type) {
    case QUANTISED_Q4_0:
        return nibbles(p + 2);
    case QUANTISED_Q4_1:
        return nibbles(p + 4);
    case QUANTISED_Q5_0:
        return _mm256_or_si256(nibbles(p + 6), fifth_bits(p + 2));
    case QUANTISED_Q5_1:
        return _mm256_or_si256(nibbles(p + 8), fifth_bits(p + 4));
    default:
        return load_32(p + 2);
    }
}

/* The codes and x as DOT takes them. */
INLINE __m256i codes_of(enum quantised_type type, __m256i codes)
{
    return type == QUANTISED_Q8_0 ? _mm256_abs_epi8(codes) : codes;
}

INLINE __m256i values_of(enum quantised_type type, __m256i codes, const int8_t *x)
{
    return type == QUANTISED_Q8_0 ? _mm256_sign_epi8(load_32(x), codes) : load_32(x);
}

/* Four lanes, and zeros. */
INLINE __m256i four_of(const int32_t *p)
{
    return _mm256_zextsi128_si256(_mm_load_si128((const void *)p));
}

/* A block of a column with m rows. */
INLINE void small_block(enum quantised_type type, int m, const uint8_t *w, const char *chunks,
                        size_t row_size, int b, __m256 *sums)
{
    __m256i codes = small_codes(type, w);
    float d = _cvtsh_ss(read_u16(w));
    bool has_m = type == QUANTISED_Q4_1 || type == QUANTISED_Q5_1;
    UNROLL
    for (int i = 0; i < m; i++) {
        const x_small *x = (const x_small *)(const void *)(chunks + (size_t)i * row_size) + b / 4;
        __m256i dot = DOT(four_of(x->start + b % 4 * 4), codes_of(type, codes),
                          values_of(type, codes, x->q + b % 4 * 32));
        __m256 scale = _mm256_set1_ps(d * x->d[b % 4 * 4]);
        sums[i] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(dot), scale, sums[i]);
        if (has_m) {
            __m256 sum = _mm256_zextps128_ps256(_mm_load_ps(x->sum + b % 4 * 4));
            sums[i] = _mm256_fmadd_ps(_mm256_set1_ps(_cvtsh_ss(read_u16(w + 2))), sum, sums[i]);
        }
    }
}

INLINE const uint8_t *small_blocks(enum quantised_type type, int m, const uint8_t *w,
                                   const char *chunks, size_t row_size, int k, vf *sums)
{
    const int bytes = block_bytes(type);
    for (int b = 0; b < k / 32; b++, w += bytes) {
        fetch_blocks(w, bytes);
        small_block(type, m, w, chunks, row_size, b, sums);
    }
    return w;
}

QUANTISED_ROW(small_row, small_blocks)

/* 16 bits each, those of the even parts in the lower lane, of the odd ones in the upper one. */
typedef __m256i wide_scales;

INLINE wide_scales wide_eight(__m128i scales)
{
    __m128i eight = _mm_cvtepu8_epi16(scales);
    return _mm256_set_m128i(eight, eight);
}

INLINE wide_scales wide_sixteen(__m128i scales)
{
    const __m128i even_odd = _mm_setr_epi8(0, 2, 4, 6, 8, 10, 12, 14, 1, 3, 5, 7, 9, 11, 13, 15);
    return _mm256_cvtepi8_epi16(_mm_shuffle_epi8(scales, even_odd));
}

#include "kernels/gemm_quantised_super.h"

/* Codes of the values 32 i .. 32 i + 31. */
INLINE __m256i large_codes(enum quantised_type type, const uint8_t *p, int i)
{
    __m256i low, high;
    switch (type) {
    case QUANTISED_Q2_K:
        return and_bits(shift(load_32(p + 16 + i / 4 * 32), i % 4 * 2), 3);
    case QUANTISED_Q3_K:
        low = and_bits(shift(load_32(p + 32 + i / 4 * 32), i % 4 * 2), 3);
        high = and_bits(shift(load_32(p), i - 2), 4);
        break;
    case QUANTISED_Q4_K:
        return and_bits(shift(load_32(p + 16 + i / 2 * 32), i % 2 * 4), 15);
    case QUANTISED_Q5_K:
        low = and_bits(shift(load_32(p + 48 + i / 2 * 32), i % 2 * 4), 15);
        high = and_bits(shift(load_32(p + 16), i - 4), 16);
        break;
    default:
        low = and_bits(shift(load_32(p + i / 4 * 64 + i % 2 * 32), i % 4 / 2 * 4), 15);
        high = and_bits(shift(load_32(p + 128 + i / 4 * 32), i % 4 * 2 - 4), 48);
        break;
    }
    return _mm256_or_si256(low, high);
}

INLINE void large_block(enum quantised_type type, int m, const uint8_t *w, const char *chunks,
                        size_t row_size, int b, __m256 *sums)
{
    super s = read_super(type, w);
    __m256i dots[TILE_M];
    UNROLL
    for (int i = 0; i < m; i++)
        dots[i] = _mm256_setzero_si256();
    UNROLL
    for (int v = 0; v < 8; v++) {
        __m256i codes = large_codes(type, w, v);
        __m256i scale =
            _mm256_shuffle_epi8(s.scales, _mm256_set1_epi16((short)((2 * v + 1) << 8 | 2 * v)));
        UNROLL
        for (int i = 0; i < m; i++) {
            const x_large *x = (const x_large *)(const void *)(chunks + (size_t)i * row_size) + b;
            dots[i] = SCALED_DOT(dots[i], codes, load_32(x->q + v * 32), scale);
        }
    }
    UNROLL
    for (int i = 0; i < m; i++) {
        const x_large *x = (const x_large *)(const void *)(chunks + (size_t)i * row_size) + b;
        _Alignas(16) float d[4];
        scale_both(s.d, x, d);
        __m256 minima = _mm256_cvtepi32_ps(_mm256_madd_epi16(s.minima, load_32(x->sums)));
        sums[i] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(dots[i]), _mm256_set1_ps(d[0]), sums[i]);
        sums[i] = _mm256_fnmadd_ps(minima, _mm256_set1_ps(d[1]), sums[i]);
    }
}

INLINE const uint8_t *large_blocks(enum quantised_type type, int m, const uint8_t *w,
                                   const char *chunks, size_t row_size, int k, vf *sums)
{
    const int bytes = block_bytes(type);
    for (int b = 0; b < k / 256; b++, w += bytes) {
        fetch_blocks(w, bytes);
        large_block(type, m, w, chunks, row_size, b, sums);
    }
    return w;
}

QUANTISED_ROW(large_row, large_blocks)

ALL_ROWS(ROWS_4, NAMES_4)

static void dot(enum quantised_type type, const void *chunks, size_t row_size, int m,
                const uint8_t *w, size_t w_size, int n, int k, float *c, long ldc, bool add)
{
    dot_rows(rows[type], type, chunks, row_size, m, w, w_size, n, k, c, ldc, add);
}

const gemm_quantised_kernels KERNELS = {TILE_M, TILE_N, quantise, dot};
