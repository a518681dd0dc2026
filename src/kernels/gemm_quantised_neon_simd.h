/* Products with quantised weights, NEON: vectors of 16 codes in the order of the values. Codes are
 * below 64, those of Q8_0 signed. An including file has defined dot_16(sums, codes, x), which adds
 * 16 products to 4 sums, and KERNELS, the name of its table, before this. */
#pragma once

enum { TILE_M = 4, TILE_N = 1 };

#include "kernels/gemm_quantised_rows.h"

typedef float part_sum;

INLINE part_sum part_of(vf sums)
{
    return vf_sum(sums);
}

/* Sums of a row's parts, one after the other. */
INLINE void put_parts(const part_sum *parts, float *c, bool add)
{
    float sum = add ? *c + parts[0] : parts[0];
    for (int i = 1; i < PARTS; i++)
        sum += parts[i];
    *c = sum;
}

static void quantise(enum quantised_type type, const float *x, int k, void *chunks)
{
    static const uint8_t in_order[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    quantise_row(type, true, in_order, x, k, chunks);
}

INLINE float half_at(const uint8_t *p)
{
    __fp16 half;
    memcpy(&half, p, sizeof half);
    return (float)half;
}

/* Bits from `from` on as bits 0 and on, as many as the mask has; below 0: moved up. */
INLINE uint8x16_t bits_of(const uint8_t *p, int from, int mask)
{
    uint8x16_t bits = vshlq_u8(vld1q_u8(p), vdupq_n_s8((int8_t)-from));
    return vandq_u8(bits, vdupq_n_u8((uint8_t)mask));
}

/* 16 in each byte whose bit of 16 is set. */
INLINE uint8x16_t fifth_bits(const uint8_t *p)
{
    const uint8x8_t bit_of = vcreate_u8(0x8040201008040201u);
    uint8x16_t bytes = vcombine_u8(vdup_n_u8(p[0]), vdup_n_u8(p[1]));
    return vandq_u8(vtstq_u8(bytes, vcombine_u8(bit_of, bit_of)), vdupq_n_u8(16));
}

/* The codes of half h of a block. */
INLINE int8x16_t small_codes(enum quantised_type type, const uint8_t *p, int h)
{
    bool has_m = type == QUANTISED_Q4_1 || type == QUANTISED_Q5_1;
    bool five = type == QUANTISED_Q5_0 || type == QUANTISED_Q5_1;
    p += has_m ? 4 : 2;
    if (type == QUANTISED_Q8_0)
        return vreinterpretq_s8_u8(vld1q_u8(p + 16 * h));
    uint8x16_t codes = bits_of(five ? p + 4 : p, 4 * h, 15);
    return vreinterpretq_s8_u8(five ? vorrq_u8(codes, fifth_bits(p + 2 * h)) : codes);
}

INLINE const uint8_t *small_blocks(enum quantised_type type, int m, const uint8_t *w,
                                   const char *chunks, size_t row_size, int k, vf *sums)
{
    const int bytes = block_bytes(type);
    bool has_m = type == QUANTISED_Q4_1 || type == QUANTISED_Q5_1;
    for (int b = 0; b < k / 32; b++, w += bytes) {
        int8x16_t first = small_codes(type, w, 0), second = small_codes(type, w, 1);
        float d = half_at(w);
        fetch_blocks(w, bytes);
        UNROLL
        for (int i = 0; i < m; i++) {
            const x_small *x = (const x_small *)(const void *)(chunks + (size_t)i * row_size);
            x += b / 4;
            const int8_t *q = x->q + b % 4 * 32;
            int32x4_t dot = dot_16(vld1q_s32(x->start + b % 4 * 4), first, vld1q_s8(q));
            dot = dot_16(dot, second, vld1q_s8(q + 16));
            sums[i] = vfmaq_n_f32(sums[i], vcvtq_f32_s32(dot), d * x->d[b % 4 * 4]);
            if (has_m)
                sums[i] = vfmaq_n_f32(sums[i], vld1q_f32(x->sum + b % 4 * 4), half_at(w + 2));
        }
    }
    return w;
}

/* What a K block has besides its codes; min: what the sums of x are multiplied by. */
typedef struct super {
    int8_t scale[16];
    int16_t min[16];
    float d, dmin;
} super;

INLINE void put_minima(super *s, int8x16_t minima, int shift)
{
    int16x8_t by = vdupq_n_s16((int16_t)shift);
    vst1q_s16(s->min, vshlq_s16(vmovl_s8(vget_low_s8(minima)), by));
    vst1q_s16(s->min + 8, vshlq_s16(vmovl_s8(vget_high_s8(minima)), by));
}

INLINE void super_wide(const uint8_t *p, super *s)
{
    uint32_t a = read_u32(p + 4), b = read_u32(p + 8), c = read_u32(p + 12);
    uint32_t scales[4] = {a & 0x3f3f3f3f, (c & 0x0f0f0f0f) | (a >> 2 & 0x30303030)};
    uint32_t minima[4] = {b & 0x3f3f3f3f, (c >> 4 & 0x0f0f0f0f) | (b >> 2 & 0x30303030)};
    memcpy(s->scale, scales, sizeof scales);
    put_minima(s, vreinterpretq_s8_u32(vld1q_u32(minima)), 0);
    s->d = half_at(p);
    s->dmin = half_at(p + 2);
}

INLINE void super_q2(const uint8_t *p, super *s)
{
    vst1q_s8(s->scale, vreinterpretq_s8_u8(bits_of(p, 0, 15)));
    put_minima(s, vreinterpretq_s8_u8(bits_of(p, 4, 15)), 0);
    s->d = half_at(p + 80);
    s->dmin = half_at(p + 82);
}

/* Codes of Q3_K are 4 too large, those of Q6_K 32. */
INLINE void super_q3(const uint8_t *p, super *s)
{
    uint32_t a = read_u32(p + 96), b = read_u32(p + 100), c = read_u32(p + 104);
    const uint32_t low = 0x0f0f0f0f, two = 0x03030303;
    const uint32_t words[4] = {(a & low) | (c & two) << 4, (b & low) | (c >> 2 & two) << 4,
                               (a >> 4 & low) | (c >> 4 & two) << 4,
                               (b >> 4 & low) | (c >> 6 & two) << 4};
    int8x16_t scales = vsubq_s8(vreinterpretq_s8_u32(vld1q_u32(words)), vdupq_n_s8(32));
    vst1q_s8(s->scale, scales);
    put_minima(s, scales, 2);
    s->d = s->dmin = half_at(p + 108);
}

INLINE void super_q6(const uint8_t *p, super *s)
{
    int8x16_t scales = vreinterpretq_s8_u8(vld1q_u8(p + 192));
    vst1q_s8(s->scale, scales);
    put_minima(s, scales, 5);
    s->d = s->dmin = half_at(p + 208);
}

INLINE void read_super(enum quantised_type type, const uint8_t *p, super *s)
{
    if (type == QUANTISED_Q2_K)
        super_q2(p, s);
    else if (type == QUANTISED_Q3_K)
        super_q3(p, s);
    else if (type == QUANTISED_Q6_K)
        super_q6(p, s);
    else
        super_wide(p, s);
}

/* Codes of the values 16 u .. 16 u + 15: of 32 values i = u / 2, half h = u % 2. */
INLINE int8x16_t large_codes(enum quantised_type type, const uint8_t *p, int u)
{
    int i = u / 2;
    uint8x16_t low, high;
    p += u % 2 * 16;
    switch (type) {
    case QUANTISED_Q2_K:
        return vreinterpretq_s8_u8(bits_of(p + 16 + i / 4 * 32, i % 4 * 2, 3));
    case QUANTISED_Q3_K:
        low = bits_of(p + 32 + i / 4 * 32, i % 4 * 2, 3);
        high = bits_of(p, i - 2, 4);
        break;
    case QUANTISED_Q4_K:
        return vreinterpretq_s8_u8(bits_of(p + 16 + i / 2 * 32, i % 2 * 4, 15));
    case QUANTISED_Q5_K:
        low = bits_of(p + 48 + i / 2 * 32, i % 2 * 4, 15);
        high = bits_of(p + 16, i - 4, 16);
        break;
    default:
        low = bits_of(p + i / 4 * 64 + i % 2 * 32, i % 4 / 2 * 4, 15);
        high = bits_of(p + 128 + i / 4 * 32, i % 4 * 2 - 4, 48);
        break;
    }
    return vreinterpretq_s8_u8(vorrq_u8(low, high));
}

INLINE int32x4_t minima_of(const super *s, const x_large *x)
{
    int32x4_t sum = vdupq_n_s32(0);
    UNROLL
    for (int i = 0; i < 16; i += 4)
        sum = vmlal_s16(sum, vld1_s16(s->min + i), vld1_s16(x->sums + i));
    return sum;
}

INLINE void large_block(enum quantised_type type, int m, const uint8_t *w, const char *chunks,
                        size_t row_size, int b, vf *sums)
{
    super s;
    int32x4_t dots[TILE_M];
    bool wide = type == QUANTISED_Q4_K || type == QUANTISED_Q5_K;
    read_super(type, w, &s);
    UNROLL
    for (int i = 0; i < m; i++)
        dots[i] = vdupq_n_s32(0);
    UNROLL
    for (int u = 0; u < 16; u++) {
        int8x16_t codes = large_codes(type, w, u);
        UNROLL
        for (int i = 0; i < m; i++) {
            const x_large *x = (const x_large *)(const void *)(chunks + (size_t)i * row_size) + b;
            int32x4_t dot = dot_16(vdupq_n_s32(0), codes, vld1q_s8(x->q + u * 16));
            dots[i] = vmlaq_n_s32(dots[i], dot, s.scale[wide ? u / 2 : u]);
        }
    }
    UNROLL
    for (int i = 0; i < m; i++) {
        const x_large *x = (const x_large *)(const void *)(chunks + (size_t)i * row_size) + b;
        vf less = vmulq_n_f32(vcvtq_f32_s32(minima_of(&s, x)), s.dmin);
        vf dot = vsubq_f32(vmulq_n_f32(vcvtq_f32_s32(dots[i]), s.d), less);
        sums[i] = vfmaq_n_f32(sums[i], dot, x->d);
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

QUANTISED_ROW(small_row, small_blocks)
QUANTISED_ROW(large_row, large_blocks)

ALL_ROWS(ROWS_4, NAMES_4)

static void dot(enum quantised_type type, const void *chunks, size_t row_size, int m,
                const uint8_t *w, size_t w_size, int n, int k, float *c, long ldc, bool add)
{
    dot_rows(rows[type], type, chunks, row_size, m, w, w_size, n, k, c, ldc, add);
}

const gemm_quantised_kernels KERNELS = {TILE_M, TILE_N, quantise, dot};
