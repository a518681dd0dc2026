/* The attention kernels, NEON: 24 sums, 4 loads and 6 broadcasts for 24 FMAs. */
#include "kernels/simd_neon.h"

#include "kernels/attention_tiles.h"

INLINE void transpose_keys(const float *k, long ldk, int n, int values, float *panel)
{
    float64x2_t r[4];
    vf t[4];
    UNROLL
    for (int i = 0; i < 4; i++)
        t[i] = i < n ? vf_load_n(k + i * ldk, values) : vf_zero();
    UNROLL
    for (int i = 0; i < 4; i += 2) { /* 2 x 2 blocks */
        r[i] = vreinterpretq_f64_f32(vtrn1q_f32(t[i], t[i + 1]));
        r[i + 1] = vreinterpretq_f64_f32(vtrn2q_f32(t[i], t[i + 1]));
    }
    UNROLL
    for (int i = 0; i < 2; i++) {
        t[i] = vreinterpretq_f32_f64(vtrn1q_f64(r[i], r[i + 2]));
        t[i + 2] = vreinterpretq_f32_f64(vtrn2q_f64(r[i], r[i + 2]));
    }
    UNROLL
    for (int i = 0; i < 4; i++) {
        if (i < values)
            vf_store(panel + i * TILE_N, t[i]);
    }
}

const attention_f32_kernels attention_f32_neon = ATTENTION_F32_KERNELS;
