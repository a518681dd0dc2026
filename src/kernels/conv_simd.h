/* The convolution kernels on vectors, for every simd_<isa>.h (include one before this). */
#pragma once

#include "kernels/list.h"
#include "kernels/unroll.h"

#include <math.h>

enum { CONV_VECTORS = 4 };

/* The channels c .. c + LANES n_vectors - 1. */
static inline __attribute__((always_inline)) void depthwise_block(const float *const *x,
                                                                  const float *const *w, int n_taps,
                                                                  const float *bias, float *out,
                                                                  int c, int n_vectors)
{
    vf sums[CONV_VECTORS];
    UNROLL
    for (int i = 0; i < n_vectors; i++)
        sums[i] = bias ? vf_load(bias + c + i * LANES) : vf_zero();
    for (int t = 0; t < n_taps; t++) {
        UNROLL
        for (int i = 0; i < n_vectors; i++)
            sums[i] = vf_fma(vf_load(x[t] + c + i * LANES), vf_load(w[t] + c + i * LANES), sums[i]);
    }
    UNROLL
    for (int i = 0; i < n_vectors; i++)
        vf_store(out + c + i * LANES, sums[i]);
}

static void depthwise(const float *const *x, const float *const *w, int n_taps, const float *bias,
                      float *out, int channels)
{
    int c = 0;
    for (; c + CONV_VECTORS * LANES <= channels; c += CONV_VECTORS * LANES)
        depthwise_block(x, w, n_taps, bias, out, c, CONV_VECTORS);
    for (; c + LANES <= channels; c += LANES)
        depthwise_block(x, w, n_taps, bias, out, c, 1);
    if (c < channels) {
        int n = channels - c;
        vf sum = bias ? vf_load_n(bias + c, n) : vf_zero();
        for (int t = 0; t < n_taps; t++)
            sum = vf_fma(vf_load_n(x[t] + c, n), vf_load_n(w[t] + c, n), sum);
        vf_store_n(out + c, sum, n);
    }
}

static inline vf mix_vector(const float *const *x, const float *w, int n_taps, long c, long n)
{
    vf sum = vf_zero();
    for (int t = 0; t < n_taps; t++)
        sum = vf_fma(n < LANES ? vf_load_n(x[t] + c, n) : vf_load(x[t] + c), vf_set(w[t]), sum);
    return sum;
}

static void mix(const float *const *x, const float *w, int n_taps, float *out, long width)
{
    long c = 0;
    for (; c + LANES <= width; c += LANES)
        vf_store(out + c, mix_vector(x, w, n_taps, c, LANES));
    if (c < width)
        vf_store_n(out + c, mix_vector(x, w, n_taps, c, width - c), width - c);
}

/* NaN in either stays. */
static inline vf larger_of(vf most, vf a)
{
    vf larger = vf_if_less(most, a, a, most); /* the NaN if most is one */
    return vf_if_less(a, vf_set(INFINITY), larger, vf_add(a, vf_abs(most)));
}

static void most(const float *const *x, int n_taps, float *out, long width)
{
    for (long c = 0; c < width; c += LANES) {
        long n = width - c < LANES ? width - c : LANES;
        vf found = n < LANES ? vf_load_n(x[0] + c, n) : vf_load(x[0] + c);
        for (int t = 1; t < n_taps; t++)
            found = larger_of(found, n < LANES ? vf_load_n(x[t] + c, n) : vf_load(x[t] + c));
        if (n < LANES)
            vf_store_n(out + c, found, n);
        else
            vf_store(out + c, found);
    }
}

#define CONV_F32_KERNELS                                                                           \
    {                                                                                              \
        depthwise, mix, most                                                                       \
    }
