/* Vectors of 4 floats, NEON of AArch64. What each does is said in simd_avx512.h. */
#pragma once

#include <arm_neon.h>
#include <stdint.h>

typedef float32x4_t vf;
enum { LANES = 4, SCALE_TO_ZERO = -127 };
#define VECTOR_OPERAND(a) "+w"(a)

static inline vf vf_load(const float *p)
{
    return vld1q_f32(p);
}
static inline vf vf_load_n(const float *p, long n)
{
    if (n >= LANES)
        return vld1q_f32(p);
    vf a = vdupq_n_f32(0);
    if (n > 0)
        a = vld1q_lane_f32(p, a, 0);
    if (n > 1)
        a = vld1q_lane_f32(p + 1, a, 1);
    if (n > 2)
        a = vld1q_lane_f32(p + 2, a, 2);
    return a;
}
static inline void vf_store(float *p, vf a)
{
    vst1q_f32(p, a);
}
static inline void vf_store_n(float *p, vf a, long n)
{
    if (n >= LANES) {
        vst1q_f32(p, a);
        return;
    }
    if (n > 0)
        vst1q_lane_f32(p, a, 0);
    if (n > 1)
        vst1q_lane_f32(p + 1, a, 1);
    if (n > 2)
        vst1q_lane_f32(p + 2, a, 2);
}
static inline vf vf_set(float a)
{
    return vdupq_n_f32(a);
}
static inline vf vf_zero(void)
{
    return vdupq_n_f32(0);
}
static inline vf vf_add(vf a, vf b)
{
    return vaddq_f32(a, b);
}
static inline vf vf_sub(vf a, vf b)
{
    return vsubq_f32(a, b);
}
static inline vf vf_mul(vf a, vf b)
{
    return vmulq_f32(a, b);
}
static inline vf vf_div(vf a, vf b)
{
    return vdivq_f32(a, b);
}
static inline vf vf_fma(vf a, vf b, vf c)
{
    return vfmaq_f32(c, a, b);
}
static inline vf vf_fnma(vf a, vf b, vf c)
{
    return vfmsq_f32(c, a, b);
}
/* Not FMAX and FMIN, which make NaN of a NaN in either. */
static inline vf vf_max(vf a, vf b)
{
    return vbslq_f32(vcgtq_f32(a, b), a, b);
}
static inline vf vf_min(vf a, vf b)
{
    return vbslq_f32(vcltq_f32(a, b), a, b);
}
static inline vf vf_twice(vf a)
{
    return vzip1q_f32(a, a);
}
static inline vf vf_swap(vf a)
{
    return vrev64q_f32(a);
}
static inline vf vf_negate_even(vf a)
{
    uint32x4_t sign = vreinterpretq_u32_u64(vdupq_n_u64(UINT64_C(1) << 31));
    return vreinterpretq_f32_u32(veorq_u32(vreinterpretq_u32_f32(a), sign));
}
static inline vf vf_sqrt(vf a)
{
    return vsqrtq_f32(a);
}
static inline vf vf_abs(vf a)
{
    return vabsq_f32(a);
}
static inline vf vf_round(vf a)
{
    return vrndnq_f32(a);
}
static inline vf power_of_two(int32x4_t n)
{
    return vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(n, vdupq_n_s32(127)), 23));
}
static inline vf vf_scale(vf a, vf n)
{
    int32x4_t whole = vcvtq_s32_f32(n), half = vshrq_n_s32(whole, 1);
    return vmulq_f32(vmulq_f32(a, power_of_two(half)), power_of_two(vsubq_s32(whole, half)));
}
static inline vf vf_scale_down(vf a, vf n)
{
    return vmulq_f32(a, power_of_two(vcvtq_s32_f32(n))); /* -127 has the bits of 0 */
}
static inline vf vf_if_less(vf a, vf b, vf yes, vf no)
{
    return vbslq_f32(vcltq_f32(a, b), yes, no);
}
static inline vf vf_first(vf a, long n, vf b)
{
    static const int32_t lane[LANES] = {0, 1, 2, 3};
    return vbslq_f32(vcltq_s32(vld1q_s32(lane), vdupq_n_s32((int32_t)n)), a, b);
}
static inline float vf_sum(vf a)
{
    float32x2_t b = vadd_f32(vget_low_f32(a), vget_high_f32(a));
    return vget_lane_f32(b, 0) + vget_lane_f32(b, 1);
}
static inline float vf_largest(vf a)
{
    return vmaxvq_f32(a);
}
static inline vf vf_load_f16(const void *p)
{
    return vcvt_f32_f16(vreinterpret_f16_u8(vld1_u8(p)));
}
static inline vf vf_load_bf16(const void *p)
{
    return vreinterpretq_f32_u32(vshll_n_u16(vreinterpret_u16_u8(vld1_u8(p)), 16));
}
/* The larger of the bits of each lane, as whole numbers. */
static inline vf vf_max_bits(vf a, vf b)
{
    return vreinterpretq_f32_u32(vmaxq_u32(vreinterpretq_u32_f32(a), vreinterpretq_u32_f32(b)));
}
static inline uint32_t vf_largest_bits(vf a)
{
    return vmaxvq_u32(vreinterpretq_u32_f32(a));
}
static inline vf vf_of_difference(const int32_t *a, const int32_t *b)
{
    return vcvtq_f32_s32(vsubq_s32(vld1q_s32(a), vld1q_s32(b)));
}
static inline vf vf_of_integers(const int32_t *a)
{
    return vcvtq_f32_s32(vld1q_s32(a));
}
static inline int8x16_t bytes_of_16(const float *x, float factor)
{
    int16x8_t words[2];
    for (int i = 0; i < 2; i++, x += 8) {
        int32x4_t low = vcvtnq_s32_f32(vmulq_n_f32(vld1q_f32(x), factor));
        int32x4_t high = vcvtnq_s32_f32(vmulq_n_f32(vld1q_f32(x + 4), factor));
        words[i] = vcombine_s16(vmovn_s32(low), vmovn_s32(high));
    }
    return vcombine_s8(vmovn_s16(words[0]), vmovn_s16(words[1]));
}
static inline vf vf_round_bf16(vf a)
{
    uint32x4_t bits = vreinterpretq_u32_f32(a), magnitude = vreinterpretq_u32_f32(vabsq_f32(a));
    uint32x4_t odd = vandq_u32(vshrq_n_u32(bits, 16), vdupq_n_u32(1));
    uint32x4_t up = vaddq_u32(vaddq_u32(bits, vdupq_n_u32(0x7fff)), odd);
    uint32x4_t nan = vcgtq_u32(magnitude, vdupq_n_u32(0x7f800000));
    uint32x4_t normal = vcgtq_u32(magnitude, vdupq_n_u32(0x007fffff));
    up = vbslq_u32(nan, vorrq_u32(bits, vdupq_n_u32(0x400000)), up);
    up = vandq_u32(up, vdupq_n_u32(0xffff0000));
    return vreinterpretq_f32_u32(vbslq_u32(normal, up, vandq_u32(bits, vdupq_n_u32(0x80000000))));
}
static inline void vf_load_bf16_pairs(const void *p, vf *first, vf *second)
{
    uint32x4_t pairs = vld1q_u32(p);
    *first = vreinterpretq_f32_u32(vshlq_n_u32(pairs, 16));
    *second = vreinterpretq_f32_u32(vandq_u32(pairs, vdupq_n_u32(0xffff0000)));
}
static inline vf vf_pick(vf a, const int32_t *lanes)
{
    uint32x4_t bytes = vmulq_n_u32(vreinterpretq_u32_s32(vld1q_s32(lanes)), 0x04040404);
    uint8x16_t from = vreinterpretq_u8_u32(vaddq_u32(bytes, vdupq_n_u32(0x03020100)));
    return vreinterpretq_f32_u8(vqtbl1q_u8(vreinterpretq_u8_f32(a), from));
}
