/* What a K block has besides its codes, read from its bytes. An including file defines
 * `wide_scales`, a vector of scales as its products want them, and makes one of 8 scales, unsigned
 * bytes in the lower half (wide_eight), and of 16, signed bytes (wide_sixteen). */
#pragma once

#include "kernels/gemm_quantised_x86.h"

/* minima: what the sums of x are multiplied by, 16 bits each. */
typedef struct super {
    wide_scales scales;
    __m256i minima;
    float d, dmin;
} super;

INLINE super super_wide(const uint8_t *p)
{
    uint32_t a = read_u32(p + 4), b = read_u32(p + 8), c = read_u32(p + 12);
    __m128i scales =
        _mm_cvtsi64_si128((long long)((uint64_t)(c & 0x0f0f0f0f) << 32 |
                                      (uint64_t)(a >> 2 & 0x30303030) << 32 | (a & 0x3f3f3f3f)));
    __m128i minima =
        _mm_cvtsi64_si128((long long)((uint64_t)(c >> 4 & 0x0f0f0f0f) << 32 |
                                      (uint64_t)(b >> 2 & 0x30303030) << 32 | (b & 0x3f3f3f3f)));
    super s = {.d = _cvtsh_ss(read_u16(p)), .dmin = _cvtsh_ss(read_u16(p + 2))};
    s.scales = wide_eight(scales);
    s.minima = _mm256_zextsi128_si256(_mm_cvtepu8_epi16(minima));
    return s;
}

INLINE super super_q2(const uint8_t *p)
{
    __m128i both = _mm_loadu_si128((const void *)p), low = _mm_set1_epi8(15);
    super s = {.d = _cvtsh_ss(read_u16(p + 80)), .dmin = _cvtsh_ss(read_u16(p + 82))};
    s.scales = wide_sixteen(_mm_and_si128(both, low));
    s.minima = _mm256_cvtepu8_epi16(_mm_and_si128(_mm_srli_epi16(both, 4), low));
    return s;
}

/* Codes of Q3_K are 4 too large, those of Q6_K 32. */
INLINE super super_q3(const uint8_t *p)
{
    uint32_t a = read_u32(p + 96), b = read_u32(p + 100), c = read_u32(p + 104);
    const uint32_t low = 0x0f0f0f0f, two = 0x03030303;
    __m128i scales = _mm_setr_epi32(
        (int)((a & low) | (c & two) << 4), (int)((b & low) | (c >> 2 & two) << 4),
        (int)((a >> 4 & low) | (c >> 4 & two) << 4), (int)((b >> 4 & low) | (c >> 6 & two) << 4));
    scales = _mm_sub_epi8(scales, _mm_set1_epi8(32));
    super s = {.d = _cvtsh_ss(read_u16(p + 108)), .scales = wide_sixteen(scales)};
    s.minima = _mm256_slli_epi16(_mm256_cvtepi8_epi16(scales), 2);
    s.dmin = s.d;
    return s;
}

INLINE super super_q6(const uint8_t *p)
{
    __m128i scales = _mm_loadu_si128((const void *)(p + 192));
    super s = {.d = _cvtsh_ss(read_u16(p + 208)), .scales = wide_sixteen(scales)};
    s.minima = _mm256_slli_epi16(_mm256_cvtepi8_epi16(scales), 5);
    s.dmin = s.d;
    return s;
}

INLINE super read_super(enum quantised_type type, const uint8_t *p)
{
    return type == QUANTISED_Q2_K   ? super_q2(p)
           : type == QUANTISED_Q3_K ? super_q3(p)
           : type == QUANTISED_Q6_K ? super_q6(p)
                                    : super_wide(p);
}
