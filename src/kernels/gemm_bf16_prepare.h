/* Preparing rows as bfloat16 values with AVX512-BF16: for its own kernels and for AMX. Its
 * conversion rounds as quantise.h does. Include gemm_packed_simd.h before this. */
#pragma once

static void prepare_bf16(const float *x, int k, void *to, float *scale)
{
    enum { MULTIPLE = 2 * PANEL_STEP_MULTIPLE };
    (void)scale;
    char *p = to;
    for (int l = 0; l % MULTIPLE != 0 || l < k; l += LANES) {
        int left = k - l < 0 ? 0 : k - l;
        vf v = left >= LANES ? vf_load(x + l) : vf_load_n(x + k - left, left);
        _mm256_store_si256((__m256i *)(void *)(p + 2 * l), (__m256i)_mm512_cvtneps_pbh(v));
    }
}
