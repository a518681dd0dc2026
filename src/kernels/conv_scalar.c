/* The portable convolution kernels: what the others are held against. */
#include "kernels/list.h"

#include <math.h>

static void depthwise(const float *const *x, const float *const *w, int n_taps, const float *bias,
                      float *out, int channels)
{
    for (int c = 0; c < channels; c++) {
        float sum = bias ? bias[c] : 0;
        for (int t = 0; t < n_taps; t++)
            sum += x[t][c] * w[t][c];
        out[c] = sum;
    }
}

static void mix(const float *const *x, const float *w, int n_taps, float *out, long width)
{
    for (long c = 0; c < width; c++) {
        float sum = 0;
        for (int t = 0; t < n_taps; t++)
            sum += x[t][c] * w[t];
        out[c] = sum;
    }
}

static void most(const float *const *x, int n_taps, float *out, long width)
{
    for (long c = 0; c < width; c++) {
        float found = x[0][c];
        for (int t = 1; t < n_taps; t++)
            found = x[t][c] > found || isnan(x[t][c]) ? x[t][c] : found;
        out[c] = found;
    }
}

const conv_f32_kernels conv_f32_scalar = {depthwise, mix, most};
