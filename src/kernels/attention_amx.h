/* Attention in bfloat16 on AMX: 32 queries with 32 keys, or with 32 values of a head, four tiles of
 * sums. Include simd_amx.h before this.
 *
 * Keys are packed as the weights of products are (gemm_packed.h). Of values, a row of a tile is 16
 * columns of a pair of keys, and rows are a head apart. Weights and keys are padded with zeros to
 * whole tiles. */
#pragma once

#include "kernels/attention_pairs512.h"
#include "kernels/gemm_amx.h"

enum {
    TILE_KEYS = 2 * AMX_ROWS
}; /* whose weights a row of a tile takes, and of a pair of panels */

static void pack_keys(const float *k, long ldk, int n_keys, int head_dim, void *to)
{
    float *panel = to;
    for (int key = 0; key < n_keys || key % TILE_KEYS != 0; key += PANEL_COLUMNS) {
        int n = n_keys - key > 0 ? n_keys - key : 0;
        for (int l = 0; l < head_dim; l += 2 * LANES, panel += LANES * PANEL_COLUMNS)
            transpose_keys(n > 0 ? k + key * ldk + l : k, ldk, n,
                           head_dim - l < 2 * LANES ? head_dim - l : 2 * LANES, LANES, panel,
                           PANEL_COLUMNS);
    }
}

static void pack_values(const float *v, long ldv, int n_keys, int head_dim, void *to)
{
    pack_value_pairs(TILE_KEYS, v, ldv, n_keys, head_dim, to);
}

/* Rows of pairs are an odd number of cache lines apart, see gemm_packed.c. */
static void scores(const float *q, long ldq, int rows, const void *panels, int n_keys, int head_dim,
                   float *scores)
{
    _Alignas(64) float pairs[AMX_TILE_M * (PAIRS + LANES)];
    int steps = (head_dim + 2 * LANES - 1) / (2 * LANES) * LANES;
    long row = (steps / LANES | 1) * LANES, panel_bytes = (long)steps * AMX_ROW_BYTES;
    int computed = rows > AMX_ROWS ? AMX_TILE_M : AMX_ROWS;
    query_pairs(q, ldq, rows, head_dim, pairs, row);
    memset(pairs + rows * row, 0, (size_t)((computed - rows) * row) * sizeof *pairs);
    const char *panel = panels;
    for (int key = 0; key < n_keys; key += AMX_TILE_N, panel += AMX_PANELS * panel_bytes)
        amx_tile(AMX_PAIRS, pairs, row * (long)sizeof *pairs, rows, panel, AMX_ROW_BYTES,
                 panel_bytes, n_keys - key > PANEL_COLUMNS ? 2 : 1, steps, scores + key,
                 ATTENTION_KEYS, false, 0);
}

static float softmax(attention_row *row)
{
    return softmax_pairs(TILE_KEYS, row);
}

INLINE void add_to(float *out, const float *sums, float keep, long n)
{
    vf y = vf_fma(vf_load_n(out, n), vf_set(keep), vf_load(sums));
    vf_store_n(out, y, n);
}

static void values(const float *p, int rows, int n_keys, const void *values, long ldv, int head_dim,
                   const float *keep, float *out, long ldo)
{
    _Alignas(64) float sums[AMX_TILE_M * AMX_TILE_N];
    int steps = (n_keys + TILE_KEYS - 1) / TILE_KEYS * AMX_ROWS;
    long row_bytes = (head_dim + LANES - 1) / LANES * AMX_ROW_BYTES;
    const char *v = values;
    (void)ldv;
    for (int l = 0; l < head_dim; l += AMX_TILE_N, v += AMX_PANELS * AMX_ROW_BYTES) {
        int left = head_dim - l, first = left < LANES ? left : LANES, second = left - first;
        amx_tile(AMX_PAIRS, p, ATTENTION_KEYS * sizeof *p, rows, v, row_bytes, AMX_ROW_BYTES,
                 second > 0 ? 2 : 1, steps, sums, AMX_TILE_N, false, 0);
        for (int i = 0; i < rows; i++) {
            float *to = out + i * ldo + l;
            add_to(to, sums + i * AMX_TILE_N, keep[i], first);
            if (second > 0)
                add_to(to + LANES, sums + i * AMX_TILE_N + LANES, keep[i],
                       second < LANES ? second : LANES);
        }
    }
}

/* The family's row for these tiles. */
#define ATTENTION_AMX_KERNELS                                                                      \
    {                                                                                              \
        .tile_m = AMX_TILE_M, .tile_n = AMX_TILE_N, .value_bytes = 2, .key_multiple = 2 * LANES,   \
        .with = &gemm_bf16_amx, .pack_keys = pack_keys, .pack_values = pack_values,                \
        .scores = scores, .softmax = softmax, .values = values, .enter = amx_enter,                \
        .leave = amx_leave,                                                                        \
    }
