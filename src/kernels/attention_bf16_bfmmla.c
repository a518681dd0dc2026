/* The attention kernels in bfloat16, matrix products of bfloat16 values (BFMMLA): 6 queries with 16
 * keys, or with 16 values of a head. Keys are packed as the weights of products are
 * (gemm_packed.h); of values, a step is 16 columns of a pair of keys. head_dim, and the keys of the
 * weights, are padded with zeros to fours. */
#if defined(__aarch64__)
#include "kernels/simd_bfmmla.h"

#include "kernels/attention_simd.h"
#include "kernels/gemm_mmla.h"

enum { HEAD_DIM = 512, TILE_KEYS = 4, VALUES = 4 };

static int padded(int n, int multiple)
{
    return (n + multiple - 1) / multiple * multiple;
}

static void pack_keys(const float *k, long ldk, int n_keys, int head_dim, void *to)
{
    uint32_t *panel = to;
    for (int key = 0; key < n_keys; key += PANEL_COLUMNS) {
        for (int l = 0; l < head_dim; l += VALUES, panel += 2 * PANEL_COLUMNS) {
            for (int c = 0; c < PANEL_COLUMNS; c++) {
                bool is = key + c < n_keys;
                vf a = is ? vf_load_n(k + (key + c) * ldk + l, head_dim - l) : vf_zero();
                uint32x2_t pairs = vreinterpret_u32_u16(bf16_of_vf(a));
                vst1_lane_u32(panel + c, pairs, 0);
                vst1_lane_u32(panel + PANEL_COLUMNS + c, pairs, 1);
            }
        }
    }
}

static void pack_values(const float *v, long ldv, int n_keys, int head_dim, void *to)
{
    uint16_t *pairs = to;
    for (int key = 0; key < n_keys || key % TILE_KEYS != 0; key += 2, v += 2 * ldv) {
        for (int l = 0; l < head_dim || l % PANEL_COLUMNS != 0; l += LANES, pairs += 2 * LANES) {
            vf a = key < n_keys ? vf_load_n(v + l, head_dim - l) : vf_zero();
            vf b = key + 1 < n_keys ? vf_load_n(v + ldv + l, head_dim - l) : vf_zero();
            uint16x4_t first = bf16_of_vf(a), second = bf16_of_vf(b);
            vst1q_u16(pairs, vcombine_u16(vzip1_u16(first, second), vzip2_u16(first, second)));
        }
    }
}

static void scores(const float *q, long ldq, int rows, const void *panels, int n_keys, int head_dim,
                   float *scores)
{
    uint16_t pairs[TILE_M * HEAD_DIM];
    int row = padded(head_dim, VALUES), steps = row / 2;
    memset(pairs + rows * row, 0, (size_t)((TILE_M - rows) * row) * sizeof *pairs);
    for (int i = 0; i < rows; i++)
        for (int l = 0; l < head_dim; l += LANES)
            vst1_u16(pairs + i * row + l, bf16_of_vf(vf_load_n(q + i * ldq + l, head_dim - l)));
    const char *panel = panels;
    for (int key = 0; key < n_keys; key += PANEL_COLUMNS, panel += steps * PANEL_STEP_BYTES)
        mmla_tile(pairs, row * (long)sizeof *pairs, rows, panel, PANEL_STEP_BYTES, steps,
                  scores + key, ATTENTION_KEYS, false, 0);
}

/* Weights take the place of scores at half the distance: what is written has been read. */
static float softmax(attention_row *row)
{
    float keep = attention_softmax(row);
    uint16_t *weights = (uint16_t *)(void *)row->scores;
    int n = padded(row->n_keys, TILE_KEYS);
    for (int i = 0; i < n; i += LANES)
        vst1_u16(weights + i, bf16_of_vf(vf_load_n(row->scores + i, row->n_keys - i)));
    return keep;
}

static void values(const float *p, int rows, int n_keys, const void *values, long ldv, int head_dim,
                   const float *keep, float *out, long ldo)
{
    _Alignas(64) float sums[TILE_M * PANEL_COLUMNS];
    int steps = padded(n_keys, TILE_KEYS) / 2;
    long ldw = padded(head_dim, PANEL_COLUMNS) / PANEL_COLUMNS * PANEL_STEP_BYTES;
    const char *v = values;
    (void)ldv;
    for (int l = 0; l < head_dim; l += PANEL_COLUMNS, v += PANEL_STEP_BYTES) {
        mmla_tile(p, ATTENTION_KEYS * sizeof *p, rows, v, ldw, steps, sums, PANEL_COLUMNS, false,
                  0);
        int n = head_dim - l < PANEL_COLUMNS ? head_dim - l : PANEL_COLUMNS;
        for (int i = 0; i < rows; i++) {
            for (int j = 0; j < n; j += LANES) {
                float *o = out + i * ldo + l + j;
                vf y = vf_fma(vf_load_n(o, n - j), vf_set(keep[i]),
                              vf_load(sums + i * PANEL_COLUMNS + j));
                vf_store_n(o, y, n - j);
            }
        }
    }
}

const attention_bf16_kernels attention_bf16_bfmmla = {
    .tile_m = TILE_M,
    .tile_n = PANEL_COLUMNS,
    .value_bytes = 2,
    .key_multiple = VALUES,
    .with = &gemm_bf16_bfmmla,
    .pack_keys = pack_keys,
    .pack_values = pack_values,
    .scores = scores,
    .softmax = softmax,
    .values = values,
};
#endif
