/* The portable convolution kernels: what the others are held against. */
#include "kernels/list.h"

#include <math.h>

/* Input j of the groups, times its weights. */
static void add_products(const float *x, const float *w, int j, int group, int channels, float *out)
{
    if (group == 1) {
        for (int c = 0; c < channels; c++)
            out[c] += x[c] * w[c];
        return;
    }
    for (int c = 0; c < channels; c++)
        out[c] += x[c / group * group + j] * w[c];
}

static void direct(const conv_run *r)
{
    for (int i = 0; i < r->n; i++) {
        float *out = r->out + i * r->ldo;
        for (int c = 0; c < r->channels; c++)
            out[c] = r->bias ? r->bias[c] : 0;
        for (int t = 0; t < r->n_taps; t++) {
            const float *w = r->w + (long)r->taps[t].w * r->group * r->channels;
            for (int j = 0; j < r->group; j++, w += r->channels)
                add_products(r->x[(long)i * r->step + r->taps[t].x], w, j, r->group, r->channels,
                             out);
        }
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

const conv_f32_kernels conv_f32_scalar = {direct, mix, most};
