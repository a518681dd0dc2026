/* The attention kernels, AVX2 with FMA: 12 sums, two loads and 6 broadcasts for 12 FMAs. */
#include "kernels/simd_avx2.h"

#include "kernels/attention_tiles.h"

INLINE void transpose_keys(const float *k, long ldk, int n, int values, float *panel)
{
    __m256 r[8], t[8];
    UNROLL
    for (int i = 0; i < 8; i++) {
        if (i < n)
            r[i] = values == 8 ? vf_load(k + i * ldk) : vf_load_n(k + i * ldk, values);
        else
            r[i] = _mm256_setzero_ps();
    }
    UNROLL
    for (int i = 0; i < 8; i += 4) { /* 4 x 4 blocks within the halves */
        __m256 a = _mm256_unpacklo_ps(r[i], r[i + 1]), b = _mm256_unpackhi_ps(r[i], r[i + 1]);
        __m256 c = _mm256_unpacklo_ps(r[i + 2], r[i + 3]);
        __m256 d = _mm256_unpackhi_ps(r[i + 2], r[i + 3]);
        t[i] = _mm256_shuffle_ps(a, c, 0x44);
        t[i + 1] = _mm256_shuffle_ps(a, c, 0xee);
        t[i + 2] = _mm256_shuffle_ps(b, d, 0x44);
        t[i + 3] = _mm256_shuffle_ps(b, d, 0xee);
    }
    UNROLL
    for (int i = 0; i < 4; i++) {
        r[i] = _mm256_permute2f128_ps(t[i], t[i + 4], 0x20);
        r[i + 4] = _mm256_permute2f128_ps(t[i], t[i + 4], 0x31);
    }
    UNROLL
    for (int i = 0; i < 8; i++) {
        if (i < values)
            vf_store(panel + i * TILE_N, r[i]);
    }
}

const attention_f32_kernels attention_f32_avx2 = ATTENTION_F32_KERNELS;
