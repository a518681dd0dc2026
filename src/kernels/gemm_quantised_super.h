/* What a K block has besides its codes, read from its bytes. An including file defines
 * `wide_scales`, a vector of scales as its products want them, and makes one of 8 scales, unsigned
 * bytes in the lower half (wide_eight), and of 16, signed bytes (wide_sixteen). */
#pragma once

#include "kernels/gemm_quantised_x86.h"

/* minima: what the sums of x are multiplied by, 16 bits each. */
typedef struct super {
    wide_scales scales;
    __m256i minima;
    __m128 d; /* and dmin */
} super;

INLINE __m128 two_halves(uint32_t halves)
{
    return _mm_cvtph_ps(_mm_cvtsi32_si128((int)halves));
}

/* d and dmin times x's scale, in memory: from there they are broadcast without the units that
 * shuffle, which taking blocks apart needs. */
INLINE void scale_both(__m128 d, const x_large *x, float both[4])
{
    __m128 scaled = _mm_mul_ps(d, _mm_set1_ps(x->d));
    memcpy(both, &scaled, sizeof scaled);
    __asm__("" : "+m"(*(__m128 *)(void *)both));
}

INLINE super super_wide(const uint8_t *p)
{
    uint32_t a = read_u32(p + 4), b = read_u32(p + 8), c = read_u32(p + 12);
    __m128i scales =
        _mm_cvtsi64_si128((long long)((uint64_t)(c & 0x0f0f0f0f) << 32 |
                                      (uint64_t)(a >> 2 & 0x30303030) << 32 | (a & 0x3f3f3f3f)));
    __m128i minima =
        _mm_cvtsi64_si128((long long)((uint64_t)(c >> 4 & 0x0f0f0f0f) << 32 |
                                      (uint64_t)(b >> 2 & 0x30303030) << 32 | (b & 0x3f3f3f3f)));
    super s = {.d = two_halves(read_u32(p))};
    s.scales = wide_eight(scales);
    s.minima = _mm256_zextsi128_si256(_mm_cvtepu8_epi16(minima));
    return s;
}

INLINE super super_q2(const uint8_t *p)
{
    __m128i both = _mm_loadu_si128((const void *)p), low = _mm_set1_epi8(15);
    super s = {.d = two_halves(read_u32(p + 80))};
    s.scales = wide_sixteen(_mm_and_si128(both, low));
    s.minima = _mm256_cvtepu8_epi16(_mm_and_si128(_mm_srli_epi16(both, 4), low));
    return s;
}

/* Codes of Q3_K are 4 too large, those of Q6_K 32. */
INLINE super super_q3(const uint8_t *p)
{
    /* 4 bits in 8 bytes, then in the same ones; 2 bits in 4 bytes, four times. */
    __m128i low = _mm_loadl_epi64((const void *)(p + 96));
    low = _mm_and_si128(_mm_unpacklo_epi64(low, _mm_srli_epi16(low, 4)), _mm_set1_epi8(15));
    __m128i high = _mm_set1_epi32((int)read_u32(p + 104));
    high = _mm_srlv_epi32(high, _mm_setr_epi32(0, 2, 4, 6));
    high = _mm_slli_epi16(_mm_and_si128(high, _mm_set1_epi8(3)), 4);
    __m128i scales = _mm_sub_epi8(_mm_or_si128(low, high), _mm_set1_epi8(32));
    super s = {.d = two_halves(read_u16(p + 108) * 0x10001u), .scales = wide_sixteen(scales)};
    s.minima = _mm256_slli_epi16(_mm256_cvtepi8_epi16(scales), 2);
    return s;
}

INLINE super super_q6(const uint8_t *p)
{
    __m128i scales = _mm_loadu_si128((const void *)(p + 192));
    super s = {.d = two_halves(read_u16(p + 208) * 0x10001u), .scales = wide_sixteen(scales)};
    s.minima = _mm256_slli_epi16(_mm256_cvtepi8_epi16(scales), 5);
    return s;
}

INLINE super read_super(enum quantised_type type, const uint8_t *p)
{
    return type == QUANTISED_Q2_K   ? super_q2(p)
           : type == QUANTISED_Q3_K ? super_q3(p)
           : type == QUANTISED_Q6_K ? super_q6(p)
                                    : super_wide(p);
}
