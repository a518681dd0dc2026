/* bfloat16 values on NEON, and their matrix products (BFMMLA). */
#pragma once

#include "kernels/simd_neon.h"

/* 4 values, rounded as quantise.h does. */
static inline uint16x4_t bf16_of_vf(vf a)
{
    return vshrn_n_u32(vreinterpretq_u32_f32(vf_round_bf16(a)), 16);
}

/* Sums are the bits of floats. */
static inline int32x4_t mmla(int32x4_t sums, int8x16_t a, int8x16_t b)
{
    return vreinterpretq_s32_f32(vbfmmlaq_f32(vreinterpretq_f32_s32(sums), vreinterpretq_bf16_s8(a),
                                              vreinterpretq_bf16_s8(b)));
}
