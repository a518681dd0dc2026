/* Vectors of 8 floats, AVX2 with FMA and F16C. What each does is said in simd_avx512.h. */
#pragma once

#include <immintrin.h>
#include <stdint.h>

typedef __m256 vf;
enum { LANES = 8, SCALE_TO_ZERO = -127 };
#define VECTOR_OPERAND(a) "+x"(a)

/* All bits of the first n lanes. */
static inline __m256i first_lanes(long n)
{
    const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), lane);
}

static inline vf vf_load(const float *p)
{
    return _mm256_loadu_ps(p);
}
static inline vf vf_load_n(const float *p, long n)
{
    return _mm256_maskload_ps(p, first_lanes(n));
}
static inline void vf_store(float *p, vf a)
{
    _mm256_storeu_ps(p, a);
}
static inline void vf_store_n(float *p, vf a, long n)
{
    _mm256_maskstore_ps(p, first_lanes(n), a);
}
static inline vf vf_set(float a)
{
    return _mm256_set1_ps(a);
}
static inline vf vf_zero(void)
{
    return _mm256_setzero_ps();
}
static inline vf vf_add(vf a, vf b)
{
    return _mm256_add_ps(a, b);
}
static inline vf vf_sub(vf a, vf b)
{
    return _mm256_sub_ps(a, b);
}
static inline vf vf_mul(vf a, vf b)
{
    return _mm256_mul_ps(a, b);
}
static inline vf vf_div(vf a, vf b)
{
    return _mm256_div_ps(a, b);
}
static inline vf vf_fma(vf a, vf b, vf c)
{
    return _mm256_fmadd_ps(a, b, c);
}
static inline vf vf_fnma(vf a, vf b, vf c)
{
    return _mm256_fnmadd_ps(a, b, c);
}
static inline vf vf_max(vf a, vf b)
{
    return _mm256_max_ps(a, b);
}
static inline vf vf_min(vf a, vf b)
{
    return _mm256_min_ps(a, b);
}
static inline vf vf_twice(vf a)
{
    return _mm256_permutevar8x32_ps(a, _mm256_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3));
}
static inline vf vf_swap(vf a)
{
    return _mm256_permute_ps(a, 0xb1);
}
static inline vf vf_negate_even(vf a)
{
    return _mm256_xor_ps(a, _mm256_castsi256_ps(_mm256_set1_epi64x(INT64_C(1) << 31)));
}
static inline vf vf_sqrt(vf a)
{
    return _mm256_sqrt_ps(a);
}
static inline vf vf_abs(vf a)
{
    return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a);
}
static inline vf vf_round(vf a)
{
    return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
static inline vf power_of_two(__m256i n)
{
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(n, _mm256_set1_epi32(127)), 23));
}
static inline vf vf_scale(vf a, vf n)
{
    __m256i whole = _mm256_cvtps_epi32(n), half = _mm256_srai_epi32(whole, 1);
    vf scaled = _mm256_mul_ps(a, power_of_two(half));
    return _mm256_mul_ps(scaled, power_of_two(_mm256_sub_epi32(whole, half)));
}
static inline vf vf_scale_down(vf a, vf n)
{
    return _mm256_mul_ps(a, power_of_two(_mm256_cvtps_epi32(n))); /* -127 has the bits of 0 */
}
static inline vf vf_if_less(vf a, vf b, vf yes, vf no)
{
    return _mm256_blendv_ps(no, yes, _mm256_cmp_ps(a, b, _CMP_LT_OQ));
}
static inline vf vf_first(vf a, long n, vf b)
{
    return _mm256_blendv_ps(b, a, _mm256_castsi256_ps(first_lanes(n)));
}
static inline __m128 vf_quarter_sums(vf a)
{
    return _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
}
static inline float vf_sum(vf a)
{
    __m128 c = vf_quarter_sums(a);
    c = _mm_add_ps(c, _mm_movehl_ps(c, c));
    return _mm_cvtss_f32(_mm_add_ss(c, _mm_movehdup_ps(c)));
}
static inline float vf_largest(vf a)
{
    __m128 c = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    c = _mm_max_ps(c, _mm_movehl_ps(c, c));
    return _mm_cvtss_f32(_mm_max_ss(c, _mm_movehdup_ps(c)));
}
static inline vf vf_load_f16(const void *p)
{
    return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)p));
}
static inline vf vf_load_bf16(const void *p)
{
    __m256i bits = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)p));
    return _mm256_castsi256_ps(_mm256_slli_epi32(bits, 16));
}
static inline vf vf_max_bits(vf a, vf b)
{
    return _mm256_castsi256_ps(_mm256_max_epu32(_mm256_castps_si256(a), _mm256_castps_si256(b)));
}
static inline uint32_t vf_largest_bits(vf a)
{
    __m256i bits = _mm256_castps_si256(a);
    __m128i b = _mm_max_epu32(_mm256_castsi256_si128(bits), _mm256_extracti128_si256(bits, 1));
    b = _mm_max_epu32(b, _mm_shuffle_epi32(b, 0x4e));
    return (uint32_t)_mm_cvtsi128_si32(_mm_max_epu32(b, _mm_shuffle_epi32(b, 0xb1)));
}
static inline __m256i vi_load(const int32_t *p)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}
static inline vf vf_of_difference(const int32_t *a, const int32_t *b)
{
    return _mm256_cvtepi32_ps(_mm256_sub_epi32(vi_load(a), vi_load(b)));
}
static inline vf vf_of_integers(const int32_t *a)
{
    return _mm256_cvtepi32_ps(vi_load(a));
}
static inline __m128i bytes_of_16(const float *x, float factor)
{
    __m256i a = _mm256_cvtps_epi32(_mm256_mul_ps(vf_load(x), vf_set(factor)));
    __m256i b = _mm256_cvtps_epi32(_mm256_mul_ps(vf_load(x + 8), vf_set(factor)));
    __m256i words = _mm256_permute4x64_epi64(_mm256_packs_epi32(a, b), 0xd8);
    return _mm_packs_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
}
static inline vf vf_round_bf16(vf a)
{
    __m256i bits = _mm256_castps_si256(a), magnitude = _mm256_castps_si256(vf_abs(a));
    __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
    __m256i up = _mm256_add_epi32(_mm256_add_epi32(bits, _mm256_set1_epi32(0x7fff)), odd);
    __m256i nan = _mm256_cmpgt_epi32(magnitude, _mm256_set1_epi32(0x7f800000));
    __m256i normal = _mm256_cmpgt_epi32(magnitude, _mm256_set1_epi32(0x007fffff));
    up = _mm256_blendv_epi8(up, _mm256_or_si256(bits, _mm256_set1_epi32(0x400000)), nan);
    up = _mm256_and_si256(up, _mm256_set1_epi32((int)0xffff0000));
    __m256i zero = _mm256_and_si256(bits, _mm256_set1_epi32(INT32_MIN));
    return _mm256_castsi256_ps(_mm256_blendv_epi8(zero, up, normal));
}
static inline void vf_load_bf16_pairs(const void *p, vf *first, vf *second)
{
    __m256i pairs = _mm256_loadu_si256((const __m256i *)p);
    *first = _mm256_castsi256_ps(_mm256_slli_epi32(pairs, 16));
    *second = _mm256_castsi256_ps(_mm256_and_si256(pairs, _mm256_set1_epi32((int)0xffff0000)));
}
static inline vf vf_pick(vf a, const int32_t *lanes)
{
    return _mm256_permutevar8x32_ps(a, vi_load(lanes));
}
