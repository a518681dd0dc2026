/* The attention kernels, AVX2 with FMA: tiles of 6 queries and 16 keys (or 16 values of a head),
 * 12 sums, two loads and 6 broadcasts for 12 FMAs. Values are read as they lie. */
#include "kernels/simd_avx2.h"

#include "kernels/attention_simd.h"
#include "kernels/unroll.h"

enum { TILE_M = 6, TILE_N = 16 };

#define INLINE static inline __attribute__((always_inline))

/* 8 keys (0 from n on), 8 values each (fewer: values) -> columns of a panel. */
static void transpose_keys(const float *k, long ldk, int n, int values, float *panel)
{
    __m256 r[8], t[8];
    UNROLL
    for (int i = 0; i < 8; i++) {
        if (i < n)
            r[i] = values == 8 ? vf_load(k + i * ldk) : vf_load_n(k + i * ldk, values);
        else
            r[i] = _mm256_setzero_ps();
    }
    UNROLL
    for (int i = 0; i < 8; i += 4) { /* 4 x 4 blocks within the halves */
        __m256 a = _mm256_unpacklo_ps(r[i], r[i + 1]), b = _mm256_unpackhi_ps(r[i], r[i + 1]);
        __m256 c = _mm256_unpacklo_ps(r[i + 2], r[i + 3]);
        __m256 d = _mm256_unpackhi_ps(r[i + 2], r[i + 3]);
        t[i] = _mm256_shuffle_ps(a, c, 0x44);
        t[i + 1] = _mm256_shuffle_ps(a, c, 0xee);
        t[i + 2] = _mm256_shuffle_ps(b, d, 0x44);
        t[i + 3] = _mm256_shuffle_ps(b, d, 0xee);
    }
    UNROLL
    for (int i = 0; i < 4; i++) {
        r[i] = _mm256_permute2f128_ps(t[i], t[i + 4], 0x20);
        r[i + 4] = _mm256_permute2f128_ps(t[i], t[i + 4], 0x31);
    }
    UNROLL
    for (int i = 0; i < 8; i++) {
        if (i < values)
            vf_store(panel + i * TILE_N, r[i]);
    }
}

static void pack_keys(const float *k, long ldk, int n_keys, int head_dim, float *panels)
{
    for (int key = 0; key < n_keys; key += TILE_N, panels += (long)head_dim * TILE_N) {
        for (int half = 0; half < TILE_N; half += 8) {
            int n = n_keys - key - half;
            for (int l = 0; l < head_dim; l += 8) {
                int values = head_dim - l < 8 ? head_dim - l : 8;
                transpose_keys(n > 0 ? k + (key + half) * ldk + l : k, ldk, n, values,
                               panels + l * TILE_N + half);
            }
        }
    }
}

/* s[rows][vectors] = x[rows][k] * b[k][vectors * 8], the last vector of `last` lanes. */
INLINE void multiply(int rows, int vectors, const float *x, long ldx, int k, const float *b,
                     long ldb, int last, __m256 s[][2])
{
    UNROLL
    for (int i = 0; i < rows; i++)
        s[i][0] = s[i][1] = _mm256_setzero_ps();
    for (int l = 0; l < k; l++, b += ldb) {
        __m256 b0 = vectors == 2 || last == 8 ? vf_load(b) : vf_load_n(b, last);
        __m256 b1 = vectors < 2 ? b0 : last == 8 ? vf_load(b + 8) : vf_load_n(b + 8, last);
        UNROLL
        for (int i = 0; i < rows; i++) {
            __m256 v = _mm256_broadcast_ss(x + i * ldx + l);
            s[i][0] = _mm256_fmadd_ps(v, b0, s[i][0]);
            if (vectors == 2)
                s[i][1] = _mm256_fmadd_ps(v, b1, s[i][1]);
        }
    }
}

/* The scores of up to a panel of keys, in one or two vectors. */
INLINE void scores_panel(int rows, int vectors, const float *q, long ldq, const float *panel,
                         int head_dim, float scale, float *scores)
{
    __m256 s[TILE_M][2];
    multiply(rows, vectors, q, ldq, head_dim, panel, TILE_N, LANES, s);
    UNROLL
    for (int i = 0; i < rows; i++, scores += ATTENTION_KEYS) {
        vf_store(scores, vf_mul(s[i][0], vf_set(scale)));
        if (vectors == 2)
            vf_store(scores + LANES, vf_mul(s[i][1], vf_set(scale)));
    }
}

INLINE void scores_rows(int rows, const float *q, long ldq, const float *panel, int n_keys,
                        int head_dim, float scale, float *scores)
{
    for (; n_keys > LANES; n_keys -= TILE_N, panel += (long)head_dim * TILE_N, scores += TILE_N)
        scores_panel(rows, 2, q, ldq, panel, head_dim, scale, scores);
    if (n_keys > 0)
        scores_panel(rows, 1, q, ldq, panel, head_dim, scale, scores);
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

static void scores(const float *q, long ldq, int rows, const float *panels, int n_keys,
                   int head_dim, float scale, float *scores){
#define SCORES(n)                                                                                  \
    scores_rows(n, q + i * ldq, ldq, panels, n_keys, head_dim, scale, scores + i * ATTENTION_KEYS)
    FOR_ROWS(i, rows, SCORES)}

INLINE void values_columns(int rows, int vectors, const float *p, int n_keys, const float *v,
                           long ldv, int last, const float *keep, float *out, long ldo)
{
    __m256 s[TILE_M][2];
    multiply(rows, vectors, p, ATTENTION_KEYS, n_keys, v, ldv, last, s);
    UNROLL
    for (int i = 0; i < rows; i++, out += ldo) {
        UNROLL
        for (int j = 0; j < vectors; j++) {
            int n = j == vectors - 1 ? last : 8;
            __m256 old = n == 8 ? vf_load(out + 8 * j) : vf_load_n(out + 8 * j, n);
            __m256 y = vf_fma(old, vf_set(keep[i]), s[i][j]);
            if (n == 8)
                vf_store(out + 8 * j, y);
            else
                vf_store_n(out + 8 * j, y, n);
        }
    }
}

INLINE void values_rows(int rows, const float *p, int n_keys, const float *v, long ldv,
                        int head_dim, const float *keep, float *out, long ldo)
{
    int l = 0;
    for (; head_dim - l >= 16; l += 16)
        values_columns(rows, 2, p, n_keys, v + l, ldv, 8, keep, out + l, ldo);
    for (; l < head_dim; l += 8) {
        int last = head_dim - l < 8 ? head_dim - l : 8;
        values_columns(rows, 1, p, n_keys, v + l, ldv, last, keep, out + l, ldo);
    }
}

static void values(const float *p, int rows, int n_keys, const float *v, long ldv, int head_dim,
                   const float *keep, float *out, long ldo)
{
#define VALUES(n)                                                                                  \
    values_rows(n, p + i * ATTENTION_KEYS, n_keys, v, ldv, head_dim, keep + i, out + i * ldo, ldo)
    FOR_ROWS(i, rows, VALUES)
}

const attention_f32_kernels attention_f32_avx2 = {
    TILE_M, TILE_N, pack_keys, scores, attention_softmax, values};
