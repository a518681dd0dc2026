/* The convolution kernels on vectors, for every simd_<isa>.h (include one before this). */
#pragma once

#include "kernels/list.h"
#include "kernels/unroll.h"

#include <math.h>

#define INLINE static inline __attribute__((always_inline))

/* Outputs and vectors of channels of a tile. Each vector of weights serves all outputs, and the
 * sums fill the registers; the sides of images are multiples of 7 more often than not. */
enum { DIRECT_VECTORS = LANES == 8 ? 2 : 3, DIRECT_OUTPUTS = 7 };

/* The same for taps side by side, whose weights are in registers too. */
enum { SIDE_VECTORS = LANES == 8 ? 1 : 2, SIDE_TAPS = 7 };

/* Which inputs the lanes of a vector see. */
enum direct_inputs {
    INPUTS_OWN,    /* a channel its own: groups of 1 */
    INPUTS_PICKED, /* groups within the vector: j of each lane's group */
    INPUTS_SHARED, /* groups of whole vectors: j for all lanes */
};

/* x: the pixel. */
INLINE vf direct_input(enum direct_inputs inputs, const conv_run *r, const float *x, int c, int j,
                       const int32_t *picks, int lanes)
{
    if (inputs == INPUTS_SHARED)
        return vf_set(x[c / r->group * r->group + j]);
    vf all = lanes < LANES ? vf_load_n(x + c, lanes) : vf_load(x + c);
    return inputs == INPUTS_PICKED ? vf_pick(all, picks + j * LANES) : all;
}

typedef vf direct_sums[DIRECT_OUTPUTS][DIRECT_VECTORS];

INLINE void direct_start(const conv_run *r, int n_out, int c, int n_vectors, int lanes,
                         direct_sums sums)
{
    UNROLL
    for (int v = 0; v < n_vectors; v++) {
        vf start = r->bias ? vf_load_n(r->bias + c + v * LANES, lanes) : vf_zero();
        UNROLL
        for (int i = 0; i < n_out; i++)
            sums[i][v] = start;
    }
}

INLINE void direct_store(const conv_run *r, long first, int n_out, int c, int n_vectors, int lanes,
                         direct_sums sums)
{
    UNROLL
    for (int i = 0; i < n_out; i++) {
        UNROLL
        for (int v = 0; v < n_vectors; v++) {
            float *out = r->out + (first + i) * r->ldo + c + v * LANES;
            if (lanes < LANES)
                vf_store_n(out, sums[i][v], lanes);
            else
                vf_store(out, sums[i][v]);
        }
    }
}

/* n_out outputs from `first` on, the channels c .. of n_vectors vectors, of `lanes` lanes each. */
INLINE void direct_tile(enum direct_inputs inputs, const conv_run *r, long first, int n_out, int c,
                        int n_vectors, int lanes, const int32_t *picks)
{
    direct_sums sums;
    vf weights[DIRECT_VECTORS];
    const int group = inputs == INPUTS_OWN ? 1 : r->group;
    direct_start(r, n_out, c, n_vectors, lanes, sums);
    for (int t = 0; t < r->n_taps; t++) {
        const float *const *x = r->x + first * r->step + r->taps[t].x;
        const float *w = r->w + (long)r->taps[t].w * group * r->channels + c;
        for (int j = 0; j < group; j++, w += r->channels) {
            UNROLL
            for (int v = 0; v < n_vectors; v++)
                weights[v] = lanes < LANES ? vf_load_n(w, lanes) : vf_load(w + v * LANES);
            UNROLL
            for (int i = 0; i < n_out; i++) {
                UNROLL
                for (int v = 0; v < n_vectors; v++)
                    sums[i][v] = vf_fma(direct_input(inputs, r, x[(long)i * r->step], c + v * LANES,
                                                     j, picks, lanes),
                                        weights[v], sums[i][v]);
            }
        }
    }
    direct_store(r, first, n_out, c, n_vectors, lanes, sums);
}

/* Adds the products of n taps whose pixels are side by side, for DIRECT_OUTPUTS outputs that are
 * too: each pixel is loaded once for all taps, in their order. */
INLINE void side_taps(const conv_run *r, const conv_tap *taps, int n, long first, int c,
                      int n_vectors, direct_sums sums)
{
    const float *const *x = r->x + first + taps->x;
    vf weights[SIDE_TAPS][DIRECT_VECTORS];
    UNROLL
    for (int t = 0; t < n; t++) {
        UNROLL
        for (int v = 0; v < n_vectors; v++)
            weights[t][v] = vf_load(r->w + (long)taps[t].w * r->channels + c + v * LANES);
    }
    UNROLL
    for (int p = 0; p < DIRECT_OUTPUTS + n - 1; p++) {
        UNROLL
        for (int v = 0; v < n_vectors; v++) {
            vf input = vf_load(x[p] + c + v * LANES);
            UNROLL
            for (int t = 0; t < n; t++) {
                if (p >= t && p - t < DIRECT_OUTPUTS)
                    sums[p - t][v] = vf_fma(input, weights[t][v], sums[p - t][v]);
            }
        }
    }
}

INLINE void side_tile(const conv_run *r, long first, int c, int n_vectors)
{
    direct_sums sums;
    direct_start(r, DIRECT_OUTPUTS, c, n_vectors, LANES, sums);
    for (int t = 0, n; t < r->n_taps; t += n) {
        const conv_tap *taps = r->taps + t;
        for (n = 1; n < SIDE_TAPS && t + n < r->n_taps && taps[n].x == taps[0].x + n; n++)
            continue;
        n = n == 4 || n == 6 ? n - 1 : n;
        if (n == 7)
            side_taps(r, taps, 7, first, c, n_vectors, sums);
        else if (n == 5)
            side_taps(r, taps, 5, first, c, n_vectors, sums);
        else if (n == 3)
            side_taps(r, taps, 3, first, c, n_vectors, sums);
        else if (n == 2)
            side_taps(r, taps, 2, first, c, n_vectors, sums);
        else
            side_taps(r, taps, 1, first, c, n_vectors, sums);
    }
    direct_store(r, first, DIRECT_OUTPUTS, c, n_vectors, LANES, sums);
}

INLINE void direct_outputs(enum direct_inputs inputs, bool side, const conv_run *r, int c,
                           int n_vectors, int lanes, const int32_t *picks)
{
    long i = 0;
    for (; i + DIRECT_OUTPUTS <= r->n; i += DIRECT_OUTPUTS) {
        if (side) {
            UNROLL
            for (int v = 0; v < n_vectors; v += SIDE_VECTORS)
                side_tile(r, i, c + v * LANES, n_vectors < SIDE_VECTORS ? n_vectors : SIDE_VECTORS);
        } else {
            direct_tile(inputs, r, i, DIRECT_OUTPUTS, c, n_vectors, lanes, picks);
        }
    }
    for (; i + 2 <= r->n; i += 2)
        direct_tile(inputs, r, i, 2, c, n_vectors, lanes, picks);
    if (i < r->n)
        direct_tile(inputs, r, i, 1, c, n_vectors, lanes, picks);
}

INLINE void direct_as(enum direct_inputs inputs, bool side, const conv_run *r, const int32_t *picks)
{
    int c = 0, vectors = r->channels / LANES;
    for (; !side && vectors >= DIRECT_VECTORS && vectors != 4; vectors -= DIRECT_VECTORS) {
        direct_outputs(inputs, side, r, c, DIRECT_VECTORS, LANES, picks);
        c += DIRECT_VECTORS * LANES;
    }
    for (; vectors >= 2; vectors -= 2, c += 2 * LANES) /* 4 are 2 and 2, not 3 and 1 */
        direct_outputs(inputs, side, r, c, 2, LANES, picks);
    if (vectors) {
        direct_outputs(inputs, side, r, c, 1, LANES, picks);
        c += LANES;
    }
    if (c < r->channels)
        direct_outputs(inputs, false, r, c, 1, r->channels - c, picks);
}

/* Whether side_tile pays: not with vectors of less than a line for wide kernels, as the lines of so
 * many pixels are gone from the first cache when the next vector wants them. */
static bool side_by_side(const conv_run *r)
{
    enum { LINE = 16 };
    int n = 1;
    while (n < r->n_taps && r->taps[n].x == r->taps[0].x + n)
        n++;
    return r->step == 1 && n > 1 && (SIDE_VECTORS * LANES >= LINE || n <= 2 * SIDE_TAPS);
}

static void direct(const conv_run *r)
{
    int32_t picks[CONV_DIRECT_GROUP * LANES];
    if (r->group == 1 && side_by_side(r)) {
        direct_as(INPUTS_OWN, true, r, NULL);
    } else if (r->group == 1) {
        direct_as(INPUTS_OWN, false, r, NULL);
    } else if (r->group > LANES) {
        direct_as(INPUTS_SHARED, false, r, NULL);
    } else {
        for (int i = 0; i < r->group * LANES; i++)
            picks[i] = i % LANES / r->group * r->group + i / LANES;
        direct_as(INPUTS_PICKED, false, r, picks);
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
        direct, mix, most                                                                          \
    }
