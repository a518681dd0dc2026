/* Vectors of 16 floats, AVX-512. The names are those of every simd_<isa>.h, so that math_simd.h and
 * rows_simd.h are written once. Partial loads and stores touch n floats and no other memory; the
 * other lanes are loaded as 0. Reductions have a fixed order. */
#pragma once

#include <immintrin.h>
#include <stdint.h>

typedef __m512 vf;
typedef __mmask16 vmask;
enum { LANES = 16, SCALE_TO_ZERO = -160 };
/* For asm statements: read and written in a vector register. */
#define VECTOR_OPERAND(a) "+x"(a)

static inline vmask first_lanes(long n)
{
    return (vmask)((1u << n) - 1);
}

static inline vf vf_load(const float *p)
{
    return _mm512_loadu_ps(p);
}
static inline vf vf_load_n(const float *p, long n)
{
    return _mm512_maskz_loadu_ps(first_lanes(n), p);
}
static inline void vf_store(float *p, vf a)
{
    _mm512_storeu_ps(p, a);
}
static inline void vf_store_n(float *p, vf a, long n)
{
    _mm512_mask_storeu_ps(p, first_lanes(n), a);
}
static inline vf vf_set(float a)
{
    return _mm512_set1_ps(a);
}
static inline vf vf_zero(void)
{
    return _mm512_setzero_ps();
}
static inline vf vf_add(vf a, vf b)
{
    return _mm512_add_ps(a, b);
}
static inline vf vf_sub(vf a, vf b)
{
    return _mm512_sub_ps(a, b);
}
static inline vf vf_mul(vf a, vf b)
{
    return _mm512_mul_ps(a, b);
}
static inline vf vf_div(vf a, vf b)
{
    return _mm512_div_ps(a, b);
}
/* a b + c and c - a b, rounded once. */
static inline vf vf_fma(vf a, vf b, vf c)
{
    return _mm512_fmadd_ps(a, b, c);
}
static inline vf vf_fnma(vf a, vf b, vf c)
{
    return _mm512_fnmadd_ps(a, b, c);
}
/* b if one of them is NaN. */
static inline vf vf_max(vf a, vf b)
{
    return _mm512_max_ps(a, b);
}
static inline vf vf_min(vf a, vf b)
{
    return _mm512_min_ps(a, b);
}
/* Lanes 0, 0, 1, 1, .. of the first half. */
static inline vf vf_twice(vf a)
{
    const __m512i lanes = _mm512_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7);
    return _mm512_permutexvar_ps(lanes, a);
}
/* Lanes 1, 0, 3, 2, .. */
static inline vf vf_swap(vf a)
{
    return _mm512_permute_ps(a, 0xb1);
}
static inline vf vf_negate_even(vf a)
{
    return _mm512_xor_ps(a, _mm512_castsi512_ps(_mm512_set1_epi64(INT64_C(1) << 31)));
}
/* Transposes a 4 x 4 matrix of lanes. */
static inline __attribute__((always_inline)) void transpose_lanes(__m512 r[4])
{
    __m512 a = _mm512_shuffle_f32x4(r[0], r[1], 0x44), b = _mm512_shuffle_f32x4(r[2], r[3], 0x44);
    __m512 c = _mm512_shuffle_f32x4(r[0], r[1], 0xee), d = _mm512_shuffle_f32x4(r[2], r[3], 0xee);
    r[0] = _mm512_shuffle_f32x4(a, b, 0x88);
    r[1] = _mm512_shuffle_f32x4(a, b, 0xdd);
    r[2] = _mm512_shuffle_f32x4(c, d, 0x88);
    r[3] = _mm512_shuffle_f32x4(c, d, 0xdd);
}
static inline vf vf_sqrt(vf a)
{
    return _mm512_sqrt_ps(a);
}
static inline vf vf_abs(vf a)
{
    return _mm512_abs_ps(a);
}
static inline vf vf_round(vf a)
{
    return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
/* a 2^n for a near 1 and whole n in -160 .. 128, with gradual underflow. */
static inline vf vf_scale(vf a, vf n)
{
    return _mm512_scalef_ps(a, n);
}
/* The same for n in SCALE_TO_ZERO .. 0, cheaper where it can be: it may give 0 instead of a
 * denormal, and gives 0 for SCALE_TO_ZERO. */
static inline vf vf_scale_down(vf a, vf n)
{
    return _mm512_scalef_ps(a, n);
}
/* a < b ? yes : no, in each lane. */
static inline vf vf_if_less(vf a, vf b, vf yes, vf no)
{
    return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, b, _CMP_LT_OQ), no, yes);
}
/* The first n lanes of a, b in the others. */
static inline vf vf_first(vf a, long n, vf b)
{
    return _mm512_mask_blend_ps(first_lanes(n), b, a);
}
static inline __m256 upper_half(vf a)
{
    return _mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd(a), 1));
}
/* Lanes i, i + 4, .. together. */
static inline __m128 vf_quarter_sums(vf a)
{
    __m256 b = _mm256_add_ps(_mm512_castps512_ps256(a), upper_half(a));
    return _mm_add_ps(_mm256_castps256_ps128(b), _mm256_extractf128_ps(b, 1));
}
static inline float vf_sum(vf a)
{
    __m128 c = vf_quarter_sums(a);
    c = _mm_add_ps(c, _mm_movehl_ps(c, c));
    return _mm_cvtss_f32(_mm_add_ss(c, _mm_movehdup_ps(c)));
}
static inline float vf_largest(vf a)
{
    __m256 b = _mm256_max_ps(_mm512_castps512_ps256(a), upper_half(a));
    __m128 c = _mm_max_ps(_mm256_castps256_ps128(b), _mm256_extractf128_ps(b, 1));
    c = _mm_max_ps(c, _mm_movehl_ps(c, c));
    return _mm_cvtss_f32(_mm_max_ss(c, _mm_movehdup_ps(c)));
}
/* LANES halves or bfloat16 as floats; p needs no alignment. */
static inline vf vf_load_f16(const void *p)
{
    return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)p));
}
static inline vf vf_load_bf16(const void *p)
{
    __m512i bits = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)p));
    return _mm512_castsi512_ps(_mm512_slli_epi32(bits, 16));
}
/* The largest of a and b as unsigned integers: of magnitudes, NaN being the largest. */
static inline vf vf_max_bits(vf a, vf b)
{
    return _mm512_castsi512_ps(_mm512_max_epu32(_mm512_castps_si512(a), _mm512_castps_si512(b)));
}
static inline uint32_t vf_largest_bits(vf a)
{
    return _mm512_reduce_max_epu32(_mm512_castps_si512(a));
}
/* a[i] - b[i] as floats. */
static inline vf vf_of_difference(const int32_t *a, const int32_t *b)
{
    return _mm512_cvtepi32_ps(_mm512_sub_epi32(_mm512_loadu_si512(a), _mm512_loadu_si512(b)));
}
static inline vf vf_of_integers(const int32_t *a)
{
    return _mm512_cvtepi32_ps(_mm512_loadu_si512(a));
}
/* 16 values times factor as bytes, rounded to nearest, ties to even. */
static inline __m128i bytes_of_16(const float *x, float factor)
{
    __m512 y = _mm512_mul_ps(_mm512_loadu_ps(x), _mm512_set1_ps(factor));
    return _mm512_cvtepi32_epi8(_mm512_cvtps_epi32(y));
}
/* The same of 64 values, in one register. */
#define HAS_BYTES_OF_64
static inline __m512i bytes_of_64(const float *x, float factor)
{
    const __m512 f = _mm512_set1_ps(factor);
    const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    __m512i a = _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_loadu_ps(x), f));
    __m512i b = _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_loadu_ps(x + 16), f));
    __m512i c = _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_loadu_ps(x + 32), f));
    __m512i d = _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_loadu_ps(x + 48), f));
    __m512i bytes = _mm512_packs_epi16(_mm512_packs_epi32(a, b), _mm512_packs_epi32(c, d));
    return _mm512_permutexvar_epi32(order, bytes); /* packing goes lane by lane */
}
/* Lane i: table[n] with n in the lowest 4 bits of a's lane i. */
#define HAS_TABLES_OF_16
static inline vf vf_look_up(const float table[16], vf a)
{
    return _mm512_permutexvar_ps(_mm512_castps_si512(a), _mm512_loadu_ps(table));
}
/* Rounded to bfloat16: to nearest, ties to even; NaN stays, denormals become 0. */
static inline vf vf_round_bf16(vf a)
{
    __m512i bits = _mm512_castps_si512(a), magnitude = _mm512_castps_si512(vf_abs(a));
    __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
    __m512i up = _mm512_add_epi32(_mm512_add_epi32(bits, _mm512_set1_epi32(0x7fff)), odd);
    __mmask16 nan = _mm512_cmpgt_epi32_mask(magnitude, _mm512_set1_epi32(0x7f800000));
    __mmask16 normal = _mm512_cmpge_epi32_mask(magnitude, _mm512_set1_epi32(0x00800000));
    up = _mm512_mask_or_epi32(up, nan, bits, _mm512_set1_epi32(0x400000));
    up = _mm512_mask_and_epi32(_mm512_and_si512(bits, _mm512_set1_epi32(INT32_MIN)), normal, up,
                               _mm512_set1_epi32((int)0xffff0000));
    return _mm512_castsi512_ps(up);
}
/* LANES pairs of bfloat16 values as floats: the first of each pair, the second of each. */
static inline void vf_load_bf16_pairs(const void *p, vf *first, vf *second)
{
    __m512i pairs = _mm512_loadu_si512(p);
    *first = _mm512_castsi512_ps(_mm512_slli_epi32(pairs, 16));
    *second = _mm512_castsi512_ps(_mm512_and_si512(pairs, _mm512_set1_epi32((int)0xffff0000)));
}
/* Lane i is lane lanes[i] of a. */
static inline vf vf_pick(vf a, const int32_t *lanes)
{
    return _mm512_permutexvar_ps(_mm512_loadu_si512(lanes), a);
}
