/* The portable attention kernels, with operands rounded as ROUNDED says, which an including file
 * defines before this. */
#pragma once

#include "kernels/list.h"

#include <math.h>
#include <string.h>

enum { TILE_M = 4, TILE_N = 4 };

static void pack_keys(const float *k, long ldk, int n_keys, int head_dim, void *to)
{
    float *panels = to;
    for (int key = 0; key < n_keys; key += TILE_N) {
        for (int l = 0; l < head_dim; l++) {
            for (int j = 0; j < TILE_N; j++)
                *panels++ = key + j < n_keys ? ROUNDED(k[(key + j) * ldk + l]) : 0;
        }
    }
}

static void scores(const float *q, long ldq, int rows, const void *packed, int n_keys, int head_dim,
                   float *scores)
{
    const float *panels = packed;
    for (int key = 0; key < n_keys; key += TILE_N, panels += head_dim * TILE_N) {
        for (int i = 0; i < rows; i++) {
            float sums[TILE_N] = {0};
            for (int l = 0; l < head_dim; l++) {
                for (int j = 0; j < TILE_N; j++)
                    sums[j] += ROUNDED(q[i * ldq + l]) * panels[l * TILE_N + j];
            }
            for (int j = 0; j < TILE_N; j++)
                scores[i * ATTENTION_KEYS + key + j] = sums[j];
        }
    }
}

static float softmax(attention_row *row)
{
    float *s = row->scores, before = row->max, most = before;
    for (int i = row->begin; i < row->end; i++) {
        s[i] *= row->scale;
        if (row->bias)
            s[i] += row->bias[i] * 1.44269504f;
        most = s[i] > most ? s[i] : most;
    }
    bool nothing = most == -INFINITY; /* not even a NaN is left out: they are not below it */
    float sum = 0;
    for (int i = 0; i < row->n_keys; i++) {
        bool seen = i >= row->begin && i < row->end && !(nothing && s[i] == -INFINITY);
        s[i] = seen ? exp2f(s[i] - most) : 0;
        sum += s[i];
        s[i] = ROUNDED(s[i]);
    }
    float keep = nothing ? 1 : exp2f(before - most);
    row->max = most;
    row->sum = row->sum * keep + sum;
    return keep;
}

static void values(const float *p, int rows, int n_keys, const void *rows_of_v, long ldv,
                   int head_dim, const float *keep, float *out, long ldo)
{
    const float *v = rows_of_v;
    for (int i = 0; i < rows; i++, p += ATTENTION_KEYS, out += ldo) {
        for (int l = 0; l < head_dim; l += TILE_N) {
            int n = head_dim - l < TILE_N ? head_dim - l : TILE_N;
            float sums[TILE_N] = {0};
            for (int key = 0; key < n_keys; key++) {
                for (int j = 0; j < n; j++)
                    sums[j] += p[key] * ROUNDED(v[key * ldv + l + j]);
            }
            for (int j = 0; j < n; j++)
                out[l + j] = out[l + j] * keep[i] + sums[j];
        }
    }
}

/* The family's row. */
#define ATTENTION_SCALAR_KERNELS                                                                   \
    {                                                                                              \
        .tile_m = TILE_M, .tile_n = TILE_N, .value_bytes = sizeof(float), .pack_keys = pack_keys,  \
        .scores = scores, .softmax = softmax, .values = values                                     \
    }
