/* The softmax of attention on vectors, for every simd_<isa>.h (include one before this). */
#pragma once

#include "kernels/list.h"
#include "kernels/math_simd.h"

#include <math.h>
#include <string.h>

/* Largest score of the keys that are seen; adds the bias to the scores on the way. */
static inline float attention_max(attention_row *row)
{
    const vf log2_e = vf_set(1.44269504f);
    vf most = vf_set(row->max);
    int i = row->begin;
    for (; i + LANES <= row->end; i += LANES) {
        vf s = vf_load(row->scores + i);
        if (row->bias) {
            s = vf_fma(vf_load(row->bias + i), log2_e, s);
            vf_store(row->scores + i, s);
        }
        most = vf_max(most, s);
    }
    if (i < row->end) {
        int n = row->end - i;
        vf s = vf_load_n(row->scores + i, n);
        if (row->bias) {
            s = vf_fma(vf_load_n(row->bias + i, n), log2_e, s);
            vf_store_n(row->scores + i, s, n);
        }
        most = vf_max(most, vf_first(s, n, most));
    }
    return vf_largest(most);
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
    vf subtract = vf_set(most == -INFINITY ? 0 : most), sum = vf_zero();
    memset(row->scores, 0, (size_t)row->begin * sizeof(float));
    int i = row->begin;
    for (; i + LANES <= row->end; i += LANES) {
        vf e = vf_exp2_down(vf_sub(vf_load(row->scores + i), subtract));
        vf_store(row->scores + i, e);
        sum = vf_add(sum, e);
    }
    if (i < row->end) {
        int n = row->end - i;
        vf e = vf_exp2_down(vf_sub(vf_load_n(row->scores + i, n), subtract));
        e = vf_first(e, n, vf_zero());
        vf_store_n(row->scores + i, e, n);
        sum = vf_add(sum, e);
    }
    memset(row->scores + row->end, 0, (size_t)(row->n_keys - row->end) * sizeof(float));
    float keep = attention_keep(before, most);
    row->max = most;
    row->sum = row->sum * keep + vf_sum(sum);
    return keep;
}
