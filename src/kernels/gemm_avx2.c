/* The f32 GEMM kernels, AVX2 with FMA: a tile of 3 rows and 8 columns, 12 sums of 2 columns x 4
 * values of k, which with 3 broadcasts of x and one register of the panel fill the 16 registers. */
#include "kernels/simd_avx2.h"

#include "kernels/list.h"
#include "kernels/math_simd.h"
#include "kernels/unroll.h"

enum { TILE_M = 3, TILE_N = 8, QUAD = 4, GROUPS = 4, STEP = 8 };

#define INLINE static inline __attribute__((always_inline))

/* Group g of 8 (fewer: values) values at w as two quads; rows from n on are 0. */
INLINE void load_group(const float *w, long ldw, int n, int g, int values, __m256 r[2])
{
    __m256 a = _mm256_setzero_ps(), b = a;
    if (g < n)
        a = values == STEP ? vf_load(w + g * ldw) : vf_load_n(w + g * ldw, values);
    if (4 + g < n)
        b = values == STEP ? vf_load(w + (4 + g) * ldw) : vf_load_n(w + (4 + g) * ldw, values);
    r[0] = _mm256_permute2f128_ps(a, b, 0x20);
    r[1] = _mm256_permute2f128_ps(a, b, 0x31);
}

INLINE void pack_rows(const float *w, long ldw, int n, int k, float *panel)
{
    for (int l = 0; l < k; l += STEP, panel += TILE_N * STEP) {
        int values = k - l < STEP ? k - l : STEP;
        UNROLL
        for (int g = 0; g < GROUPS; g++) {
            __m256 r[2];
            load_group(w + l, ldw, n, g, values, r);
            _mm256_store_ps(panel + g * 8, r[0]);
            if (values > QUAD)
                _mm256_store_ps(panel + (GROUPS + g) * 8, r[1]);
        }
    }
}

static void pack(const float *w, long ldw, int n, int k, float *panel)
{
    if (n == TILE_N)
        pack_rows(w, ldw, TILE_N, k, panel);
    else
        pack_rows(w, ldw, n, k, panel);
}

/* (s0 + s2) + (s1 + s3) of each lane of the four groups: 8 columns in order. Blends leave the units
 * that shuffle, which multiply as well, to others. */
INLINE __m256 sum_groups(const __m256 s[GROUPS])
{
    /* a0 + a2, a1 + a3, b0 + b2, b1 + b3 of each lane */
    __m256 ab =
        _mm256_add_ps(_mm256_blend_ps(s[0], s[1], 0xcc), _mm256_shuffle_ps(s[0], s[1], 0x4e));
    __m256 cd =
        _mm256_add_ps(_mm256_blend_ps(s[2], s[3], 0xcc), _mm256_shuffle_ps(s[2], s[3], 0x4e));
    return _mm256_add_ps(_mm256_shuffle_ps(ab, cd, 0x88), _mm256_shuffle_ps(ab, cd, 0xdd));
}

INLINE void store_sums(int rows, __m256 s[][GROUPS], float *c, bool add)
{
    UNROLL
    for (int i = 0; i < rows; i++, c += TILE_N) {
        __m256 sum = sum_groups(s[i]);
        _mm256_store_ps(c, add ? _mm256_add_ps(_mm256_load_ps(c), sum) : sum);
    }
}

INLINE __m256 broadcast_quad(const float *x)
{
    return _mm256_broadcast_ps((const __m128 *)x);
}

INLINE __m256 broadcast_part(const float *x, int n)
{
    __m128i mask = _mm_cmpgt_epi32(_mm_set1_epi32(n), _mm_setr_epi32(0, 1, 2, 3));
    __m128 v = _mm_maskload_ps(x, mask);
    return _mm256_set_m128(v, v);
}

INLINE void fetch_step(const gemm_ahead *ahead, int l)
{
    for (int i = 0; i < ahead->lines; i++)
        _mm_prefetch((const char *)(ahead->w + (l / QUAD * ahead->lines + i) * 16), _MM_HINT_T1);
}

/* s = x * panel */
INLINE void multiply(int rows, const float *x, long ldx, const float *panel, int k,
                     __m256 s[][GROUPS], const gemm_ahead *ahead)
{
    __m256 v[TILE_M];
    UNROLL
    for (int i = 0; i < rows; i++) {
        UNROLL
        for (int g = 0; g < GROUPS; g++)
            s[i][g] = _mm256_setzero_ps();
    }
    int l = 0;
    for (; l + QUAD <= k; l += QUAD, panel += TILE_N * QUAD) {
        if (ahead)
            fetch_step(ahead, l);
        UNROLL
        for (int i = 0; i < rows; i++)
            v[i] = broadcast_quad(x + i * ldx + l);
        UNROLL
        for (int g = 0; g < GROUPS; g++) {
            __m256 w = _mm256_load_ps(panel + g * 8);
            UNROLL
            for (int i = 0; i < rows; i++)
                s[i][g] = _mm256_fmadd_ps(v[i], w, s[i][g]);
        }
    }
    if (l < k) {
        UNROLL
        for (int i = 0; i < rows; i++) {
            __m256 part = broadcast_part(x + i * ldx + l, k - l);
            UNROLL
            for (int g = 0; g < GROUPS; g++)
                s[i][g] = _mm256_fmadd_ps(part, _mm256_load_ps(panel + g * 8), s[i][g]);
        }
    }
}

INLINE void tile_rows(int rows, const float *x, long ldx, const float *panel, int k, float *c,
                      bool add, const gemm_ahead *ahead)
{
    __m256 s[TILE_M][GROUPS];
    multiply(rows, x, ldx, panel, k, s, ahead);
    store_sums(rows, s, c, add);
}

/* A function for each height, so that each loop has the registers to itself, and a loop of its own
 * where nothing is asked for. */
#define TILE(height)                                                                               \
    static __attribute__((noinline)) void tile_##height(const float *x, long ldx,                  \
                                                        const float *panel, int k, float *c,       \
                                                        bool add, const gemm_ahead *ahead)         \
    {                                                                                              \
        if (ahead)                                                                                 \
            tile_rows(height, x, ldx, panel, k, c, add, ahead);                                    \
        else                                                                                       \
            tile_rows(height, x, ldx, panel, k, c, add, NULL);                                     \
    }
TILE(1)
TILE(2)
TILE(3)

static void tile(const float *x, long ldx, int m, const float *panel, int k, float *c, bool add,
                 const gemm_ahead *ahead)
{
    for (; m >= TILE_M; m -= TILE_M, x += TILE_M * ldx, c += TILE_M * TILE_N) {
        tile_3(x, ldx, panel, k, c, add, ahead);
        ahead = NULL;
    }
    if (m == 2)
        tile_2(x, ldx, panel, k, c, add, ahead);
    else if (m == 1)
        tile_1(x, ldx, panel, k, c, add, ahead);
}

#include "kernels/gemm_end.h"

END(1)
END(2)
END(3)

static void tile_end(const gemm_args *a, int row, int rows, int col, const float *x,
                     const float *panel, int k)
{
    for (; rows >= TILE_M; rows -= TILE_M, row += TILE_M, x += TILE_M * a->ldx)
        end_3(a, row, col, x, panel, k);
    if (rows == 2)
        end_2(a, row, col, x, panel, k);
    else if (rows == 1)
        end_1(a, row, col, x, panel, k);
}

/* The last values of k, fewer than a step. */
INLINE void stream_rest(int rows, const float *x, long ldx, const float *w, long ldw, int n,
                        int left, __m256 s[][GROUPS])
{
    UNROLL
    for (int g = 0; g < GROUPS; g++) {
        __m256 r[2];
        load_group(w, ldw, n, g, left, r);
        UNROLL
        for (int q = 0; q < 2; q++) {
            int values = left - q * QUAD < QUAD ? left - q * QUAD : QUAD;
            UNROLL
            for (int i = 0; i < rows && values > 0; i++) {
                __m256 v = broadcast_part(x + i * ldx + q * QUAD, values);
                s[i][g] = _mm256_fmadd_ps(v, r[q], s[i][g]);
            }
        }
    }
}

/* The next panel's values for a step of group g: its rows are other streams to the prefetcher. A
 * cache line is two steps. */
INLINE void fetch_group(const float *w, long ldw, int l, int g)
{
    if (l % 16 == 0) {
        _mm_prefetch((const char *)(w + (TILE_N + g) * ldw + l), _MM_HINT_T1);
        _mm_prefetch((const char *)(w + (TILE_N + 4 + g) * ldw + l), _MM_HINT_T1);
    }
}

INLINE void stream_rows(int rows, const float *x, long ldx, const float *w, long ldw, int n, int k,
                        float *c, bool add, bool next)
{
    __m256 s[TILE_M][GROUPS];
    UNROLL
    for (int i = 0; i < rows; i++) {
        UNROLL
        for (int g = 0; g < GROUPS; g++)
            s[i][g] = _mm256_setzero_ps();
    }
    int l = 0;
    for (; l + STEP <= k; l += STEP) {
        UNROLL
        for (int g = 0; g < GROUPS; g++) {
            __m256 r[2];
            if (next)
                fetch_group(w, ldw, l, g);
            load_group(w + l, ldw, n, g, STEP, r);
            UNROLL
            for (int q = 0; q < 2; q++) {
                UNROLL
                for (int i = 0; i < rows; i++) {
                    __m256 v = broadcast_quad(x + i * ldx + l + q * QUAD);
                    s[i][g] = _mm256_fmadd_ps(v, r[q], s[i][g]);
                }
            }
        }
    }
    if (l < k)
        stream_rest(rows, x + l, ldx, w + l, ldw, n, k - l, s);
    store_sums(rows, s, c, add);
}

/* Full panels know their number of rows of w at compile time. */
#define STREAM(rows)                                                                               \
    static __attribute__((noinline)) void stream_##rows(const float *x, long ldx, const float *w,  \
                                                        long ldw, int n, int k, float *c,          \
                                                        bool add, bool next)                       \
    {                                                                                              \
        if (n == TILE_N)                                                                           \
            stream_rows(rows, x, ldx, w, ldw, TILE_N, k, c, add, next);                            \
        else                                                                                       \
            stream_rows(rows, x, ldx, w, ldw, n, k, c, add, false);                                \
    }
STREAM(1)
STREAM(2)
STREAM(3)

static void stream(const float *x, long ldx, int m, const float *w, long ldw, int n, int k,
                   float *c, bool add, bool next)
{
    typedef void stream_fn(const float *x, long ldx, const float *w, long ldw, int n, int k,
                           float *c, bool add, bool next);
    static stream_fn *const functions[TILE_M + 1] = {NULL, stream_1, stream_2, stream_3};
    functions[m](x, ldx, w, ldw, n, k, c, add, next);
}

INLINE void finish_as(enum activation act, const gemm_args *a, const float *c, int row, int rows,
                      int col, int cols)
{
    bool full = cols == TILE_N;
    __m256 bias = a->bias ? vf_load_n(a->bias + col, cols) : _mm256_setzero_ps();
    for (int i = row; i < row + rows; i++, c += TILE_N) {
        float *out = a->out + i * a->ldo + col;
        __m256 y = _mm256_load_ps(c);
        y = vf_activate(act, a->bias ? _mm256_add_ps(y, bias) : y);
        if (a->factor) {
            const float *factor = a->factor + i * a->ldf + col;
            y = _mm256_mul_ps(y, full ? vf_load(factor) : vf_load_n(factor, cols));
        }
        if (a->residual) {
            const float *residual = a->residual + i * a->ldr + col;
            y = _mm256_add_ps(y, full ? vf_load(residual) : vf_load_n(residual, cols));
        }
        if (full)
            vf_store(out, y);
        else
            vf_store_n(out, y, cols);
    }
}

static void finish(const gemm_args *a, const float *c, int row, int rows, int col, int cols)
{
    switch (a->act) {
    case ACT_NONE:
        finish_as(ACT_NONE, a, c, row, rows, col, cols);
        break;
    case ACT_GELU_ERF:
        finish_as(ACT_GELU_ERF, a, c, row, rows, col, cols);
        break;
    default:
        finish_as(a->act, a, c, row, rows, col, cols);
    }
}

/* Twelve chains: two FMAs a cycle of latency 4 need 8. */
static double spin(long steps)
{
    enum { CHAINS = 12 };
    __m256 s[CHAINS], a = _mm256_set1_ps(0.999f);
    UNROLL
    for (int i = 0; i < CHAINS; i++)
        s[i] = a;
    for (long l = 0; l < steps; l++) {
        UNROLL
        for (int i = 0; i < CHAINS; i++) {
            s[i] = _mm256_fmadd_ps(s[i], a, a);
            __asm__ volatile("" : "+x"(s[i])); /* each is wanted */
        }
    }
    return 2.0 * (double)steps * CHAINS * LANES;
}

const gemm_f32_kernels gemm_f32_avx2 = {TILE_M, TILE_N, 2,      2 * TILE_M, false,   pack,
                                        tile,   stream, finish, spin,       tile_end};
