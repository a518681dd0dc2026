/* The softmax of attention on vectors, for every simd_<isa>.h (include one before this). */
#pragma once

#include "kernels/list.h"
#include "kernels/math_simd.h"

#include <math.h>
#include <string.h>

/* Adds the bias to the scores, which have their scale then. */
static inline void attention_add_bias(attention_row *row)
{
    const vf log2_e = vf_set(1.44269504f), scale = vf_set(row->scale);
    int i = row->begin;
    for (; i + LANES <= row->end; i += LANES) {
        vf s = vf_mul(vf_load(row->scores + i), scale);
        vf_store(row->scores + i, vf_fma(vf_load(row->bias + i), log2_e, s));
    }
    if (i < row->end) {
        int n = row->end - i;
        vf s = vf_mul(vf_load_n(row->scores + i, n), scale);
        vf_store_n(row->scores + i, vf_fma(vf_load_n(row->bias + i, n), log2_e, s), n);
    }
    row->scale = 1;
}

/* Largest score of the keys that are seen, those of the blocks before among them; adds the bias to
 * the scores on the way. */
static inline float attention_max(attention_row *row)
{
    if (row->bias)
        attention_add_bias(row);
    vf most = vf_set(-INFINITY);
    int i = row->begin;
    for (; i + LANES <= row->end; i += LANES)
        most = vf_max(most, vf_load(row->scores + i));
    if (i < row->end)
        most = vf_max(most, vf_first(vf_load_n(row->scores + i, row->end - i), row->end - i, most));
    float largest = vf_largest(most) * row->scale;
    return row->max > largest ? row->max : largest; /* NaN stays */
}

/* What sums so far are multiplied by as the largest score grows; those of nothing are 0. */
static inline float attention_keep(float before, float most)
{
    return most == before ? 1 : before == -INFINITY ? 0 : exp2f(before - most);
}

static inline float attention_softmax(attention_row *row)
{
    float before = row->max, most = attention_max(row);
    /* With every score at -infinity, subtracting 0 instead gives 0 for each. */
    vf less = vf_set(most == -INFINITY ? 0 : -most), scale = vf_set(row->scale), sum = vf_zero();
    if (row->begin > 0)
        memset(row->scores, 0, (size_t)row->begin * sizeof(float));
    int i = row->begin;
    for (; i + LANES <= row->end; i += LANES) {
        vf e = vf_exp2_down(vf_fma(vf_load(row->scores + i), scale, less));
        vf_store(row->scores + i, e);
        sum = vf_add(sum, e);
    }
    if (i < row->end) {
        int n = row->end - i;
        vf e = vf_exp2_down(vf_fma(vf_load_n(row->scores + i, n), scale, less));
        e = vf_first(e, n, vf_zero());
        vf_store_n(row->scores + i, e, n);
        sum = vf_add(sum, e);
    }
    if (row->end < row->n_keys)
        memset(row->scores + row->end, 0, (size_t)(row->n_keys - row->end) * sizeof(float));
    float keep = attention_keep(before, most);
    row->max = most;
    row->sum = row->sum * keep + vf_sum(sum);
    return keep;
}
