/* The attention kernels in tiles of 6 queries and 16 keys (or 16 values of a head), for vectors of
 * up to 8 floats with broadcasts that cost no more than a load. Include a simd_<isa>.h before this;
 * the file that does has a transpose_keys(k, ldk, n, values, panel): LANES keys (0 from n on),
 * LANES values each (fewer: values) -> columns of a panel. Values are read as they lie. */
#pragma once

#include "kernels/attention_simd.h"
#include "kernels/unroll.h"

enum { TILE_M = 6, TILE_N = 16, VECTORS = TILE_N / LANES };

#define INLINE static inline __attribute__((always_inline))

INLINE void transpose_keys(const float *k, long ldk, int n, int values, float *panel);

static void pack_keys(const float *k, long ldk, int n_keys, int head_dim, void *to)
{
    float *panels = to;
    for (int key = 0; key < n_keys; key += TILE_N, panels += (long)head_dim * TILE_N) {
        for (int part = 0; part < TILE_N; part += LANES) {
            int n = n_keys - key - part;
            for (int l = 0; l < head_dim; l += LANES) {
                int values = head_dim - l < LANES ? head_dim - l : LANES;
                transpose_keys(n > 0 ? k + (key + part) * ldk + l : k, ldk, n, values,
                               panels + l * TILE_N + part);
            }
        }
    }
}

/* s[rows][vectors] = x[rows][k] * b[k][vectors * LANES]; a vector alone may have fewer lanes: last.
 */
INLINE void multiply(int rows, int vectors, const float *x, long ldx, int k, const float *b,
                     long ldb, int last, vf s[][VECTORS])
{
    UNROLL
    for (int i = 0; i < rows; i++) {
        UNROLL
        for (int j = 0; j < vectors; j++)
            s[i][j] = vf_zero();
    }
    for (int l = 0; l < k; l++, b += ldb) {
        vf columns[VECTORS];
        UNROLL
        for (int j = 0; j < vectors; j++)
            columns[j] = vectors > 1 || last == LANES ? vf_load(b + j * LANES) : vf_load_n(b, last);
        UNROLL
        for (int i = 0; i < rows; i++) {
            vf v = vf_set(x[i * ldx + l]);
            UNROLL
            for (int j = 0; j < vectors; j++)
                s[i][j] = vf_fma(v, columns[j], s[i][j]);
        }
    }
}

INLINE void scores_vectors(int rows, int vectors, const float *q, long ldq, const float *panel,
                           int head_dim, float *scores)
{
    vf s[TILE_M][VECTORS];
    multiply(rows, vectors, q, ldq, head_dim, panel, TILE_N, LANES, s);
    UNROLL
    for (int i = 0; i < rows; i++, scores += ATTENTION_KEYS) {
        UNROLL
        for (int j = 0; j < vectors; j++)
            vf_store(scores + j * LANES, s[i][j]);
    }
}

/* Panels of keys, then what is left of one in vectors. */
INLINE void scores_rows(int rows, const float *q, long ldq, const float *panel, int n_keys,
                        int head_dim, float *scores)
{
    int key = 0;
    for (; n_keys - key > TILE_N - LANES; key += TILE_N, panel += (long)head_dim * TILE_N)
        scores_vectors(rows, VECTORS, q, ldq, panel, head_dim, scores + key);
    for (; key < n_keys; key += LANES, panel += LANES)
        scores_vectors(rows, 1, q, ldq, panel, head_dim, scores + key);
}

/* Calls a function for 6, 3, 2 or 1 rows, most first, until all are done. */
#define FOR_ROWS(i, rows, CALL)                                                                    \
    for (int i = 0, step_; i < rows; i += step_) {                                                 \
        int left_ = rows - i;                                                                      \
        step_ = left_ >= 6 ? 6 : left_ >= 3 ? 3 : left_;                                           \
        switch (step_) {                                                                           \
        case 6:                                                                                    \
            CALL(6);                                                                               \
            break;                                                                                 \
        case 3:                                                                                    \
            CALL(3);                                                                               \
            break;                                                                                 \
        case 2:                                                                                    \
            CALL(2);                                                                               \
            break;                                                                                 \
        default:                                                                                   \
            CALL(1);                                                                               \
        }                                                                                          \
    }

static void scores(const float *q, long ldq, int rows, const void *panels, int n_keys, int head_dim,
                   float *scores){
#define SCORES(n)                                                                                  \
    scores_rows(n, q + i * ldq, ldq, panels, n_keys, head_dim, scores + i * ATTENTION_KEYS)
    FOR_ROWS(i, rows, SCORES)}

INLINE void values_columns(int rows, int vectors, const float *p, int n_keys, const float *v,
                           long ldv, int last, const float *keep, float *out, long ldo)
{
    vf s[TILE_M][VECTORS];
    multiply(rows, vectors, p, ATTENTION_KEYS, n_keys, v, ldv, last, s);
    UNROLL
    for (int i = 0; i < rows; i++, out += ldo) {
        UNROLL
        for (int j = 0; j < vectors; j++) {
            float *o = out + j * LANES;
            bool full = vectors > 1 || last == LANES;
            vf y = vf_fma(full ? vf_load(o) : vf_load_n(o, last), vf_set(keep[i]), s[i][j]);
            if (full)
                vf_store(o, y);
            else
                vf_store_n(o, y, last);
        }
    }
}

INLINE void values_rows(int rows, const float *p, int n_keys, const float *v, long ldv,
                        int head_dim, const float *keep, float *out, long ldo)
{
    int l = 0;
    for (; head_dim - l >= TILE_N; l += TILE_N)
        values_columns(rows, VECTORS, p, n_keys, v + l, ldv, LANES, keep, out + l, ldo);
    for (; l < head_dim; l += LANES) {
        int last = head_dim - l < LANES ? head_dim - l : LANES;
        values_columns(rows, 1, p, n_keys, v + l, ldv, last, keep, out + l, ldo);
    }
}

static void values(const float *p, int rows, int n_keys, const void *rows_of_v, long ldv,
                   int head_dim, const float *keep, float *out, long ldo)
{
    const float *v = rows_of_v;
#define VALUES(n)                                                                                  \
    values_rows(n, p + i * ATTENTION_KEYS, n_keys, v, ldv, head_dim, keep + i, out + i * ldo, ldo)
    FOR_ROWS(i, rows, VALUES)
}

/* The family's row for this instruction set. */
#define ATTENTION_F32_KERNELS                                                                      \
    {                                                                                              \
        .tile_m = TILE_M, .tile_n = TILE_N, .value_bytes = sizeof(float), .pack_keys = pack_keys,  \
        .scores = scores, .softmax = attention_softmax, .values = values                           \
    }
