/* The f32 GEMM kernels, NEON: a tile of 3 rows and 8 columns, 24 sums of 1 column x 4 values of k,
 * which with 3 registers of x and one or two of the panel fit into the 32. A vector is a quad of
 * one column: what table.h calls group g, lane c, is vector 2 g + c here. */
#include "kernels/simd_neon.h"

#include "kernels/list.h"
#include "kernels/math_simd.h"
#include "kernels/unroll.h"

enum { TILE_M = 3, TILE_N = 8, QUAD = 4 };

#define INLINE static inline __attribute__((always_inline))

/* The column of a vector of a quad. */
INLINE int column(int vector)
{
    return 4 * (vector % 2) + vector / 2;
}

static void pack(const float *w, long ldw, int n, int k, float *panel)
{
    for (int l = 0; l < k; l += QUAD) {
        int values = k - l < QUAD ? k - l : QUAD;
        UNROLL
        for (int j = 0; j < TILE_N; j++, panel += QUAD) {
            bool there = column(j) < n;
            vf_store(panel, there ? vf_load_n(w + column(j) * ldw + l, values) : vf_zero());
        }
    }
}

/* (s0 + s2) + (s1 + s3) of four columns. */
INLINE vf sum_columns(vf a, vf b, vf c, vf d)
{
    float64x2_t a2 = vreinterpretq_f64_f32(a), b2 = vreinterpretq_f64_f32(b);
    float64x2_t c2 = vreinterpretq_f64_f32(c), d2 = vreinterpretq_f64_f32(d);
    vf ab = vf_add(vreinterpretq_f32_f64(vzip1q_f64(a2, b2)),
                   vreinterpretq_f32_f64(vzip2q_f64(a2, b2)));
    vf cd = vf_add(vreinterpretq_f32_f64(vzip1q_f64(c2, d2)),
                   vreinterpretq_f32_f64(vzip2q_f64(c2, d2)));
    return vpaddq_f32(ab, cd);
}

INLINE void store_sums(int rows, vf s[][TILE_N], float *c, bool add)
{
    UNROLL
    for (int i = 0; i < rows; i++, c += TILE_N) {
        UNROLL
        for (int half = 0; half < 2; half++) {
            const vf *v = s[i] + half;
            vf sum = sum_columns(v[0], v[2], v[4], v[6]);
            vf_store(c + 4 * half, add ? vf_add(vf_load(c + 4 * half), sum) : sum);
        }
    }
}

INLINE void clear(int rows, vf s[][TILE_N])
{
    UNROLL
    for (int i = 0; i < rows; i++) {
        UNROLL
        for (int j = 0; j < TILE_N; j++)
            s[i][j] = vf_zero();
    }
}

/* `values` values of k, 4 but for the last ones. */
INLINE void tile_quad(int rows, const float *x, long ldx, int values, const float *panel,
                      vf s[][TILE_N])
{
    vf v[TILE_M];
    UNROLL
    for (int i = 0; i < rows; i++)
        v[i] = vf_load_n(x + i * ldx, values);
    UNROLL
    for (int j = 0; j < TILE_N; j++) {
        vf w = vf_load(panel + j * QUAD);
        UNROLL
        for (int i = 0; i < rows; i++)
            s[i][j] = vf_fma(v[i], w, s[i][j]);
    }
}

INLINE void tile_rows(int rows, const float *x, long ldx, const float *panel, int k, float *c,
                      bool add)
{
    vf s[TILE_M][TILE_N];
    clear(rows, s);
    int l = 0;
    for (; l + QUAD <= k; l += QUAD, panel += TILE_N * QUAD)
        tile_quad(rows, x + l, ldx, QUAD, panel, s);
    if (l < k)
        tile_quad(rows, x + l, ldx, k - l, panel, s);
    store_sums(rows, s, c, add);
}

/* A function for each height, so that each loop has the registers to itself. */
#define TILE(rows)                                                                                 \
    static __attribute__((noinline)) void tile_##rows(                                             \
        const float *x, long ldx, const float *panel, int k, float *c, bool add)                   \
    {                                                                                              \
        tile_rows(rows, x, ldx, panel, k, c, add);                                                 \
    }
TILE(1)
TILE(2)
TILE(3)

static void tile(const float *x, long ldx, int m, const float *panel, int k, float *c, bool add,
                 const gemm_ahead *ahead)
{
    (void)ahead;
    for (; m >= TILE_M; m -= TILE_M, x += TILE_M * ldx, c += TILE_M * TILE_N)
        tile_3(x, ldx, panel, k, c, add);
    if (m == 2)
        tile_2(x, ldx, panel, k, c, add);
    else if (m == 1)
        tile_1(x, ldx, panel, k, c, add);
}

/* The next panel's values, a cache line at a time: its rows are other streams to the prefetcher. */
INLINE void fetch_next(const float *w, long ldw, int l)
{
    if (l % 16 == 0) {
        UNROLL
        for (int j = 0; j < TILE_N; j++)
            __builtin_prefetch(w + (TILE_N + j) * ldw + l, 0, 2);
    }
}

INLINE void stream_quad(int rows, const float *x, long ldx, int values, const float *w, long ldw,
                        int n, vf s[][TILE_N])
{
    vf v[TILE_M];
    UNROLL
    for (int i = 0; i < rows; i++)
        v[i] = vf_load_n(x + i * ldx, values);
    UNROLL
    for (int j = 0; j < TILE_N; j++) {
        if (column(j) >= n)
            continue;
        vf u = vf_load_n(w + column(j) * ldw, values);
        UNROLL
        for (int i = 0; i < rows; i++)
            s[i][j] = vf_fma(v[i], u, s[i][j]);
    }
}

INLINE void stream_rows(int rows, const float *x, long ldx, const float *w, long ldw, int n, int k,
                        float *c, bool add, bool next)
{
    vf s[TILE_M][TILE_N];
    clear(rows, s);
    int l = 0;
    for (; l + QUAD <= k; l += QUAD) {
        if (next)
            fetch_next(w, ldw, l);
        stream_quad(rows, x + l, ldx, QUAD, w + l, ldw, n, s);
    }
    if (l < k)
        stream_quad(rows, x + l, ldx, k - l, w + l, ldw, n, s);
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
    for (int i = row; i < row + rows; i++, c += TILE_N) {
        float *out = a->out + i * a->ldo + col;
        for (int j = 0; j < cols; j += LANES) {
            vf y = vf_load(c + j);
            y = vf_activate(act, a->bias ? vf_add(y, vf_load_n(a->bias + col + j, cols - j)) : y);
            if (a->factor)
                y = vf_mul(y, vf_load_n(a->factor + i * a->ldf + col + j, cols - j));
            if (a->residual)
                y = vf_add(y, vf_load_n(a->residual + i * a->ldr + col + j, cols - j));
            vf_store_n(out + j, y, cols - j);
        }
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

/* Sixteen chains: up to four FMAs a cycle of latency 4. */
static double spin(long steps)
{
    enum { CHAINS = 16 };
    vf s[CHAINS], a = vf_set(0.999f);
    UNROLL
    for (int i = 0; i < CHAINS; i++)
        s[i] = a;
    for (long l = 0; l < steps; l++) {
        UNROLL
        for (int i = 0; i < CHAINS; i++) {
            s[i] = vf_fma(s[i], a, a);
            __asm__ volatile("" : VECTOR_OPERAND(s[i])); /* each is wanted */
        }
    }
    return 2.0 * (double)steps * CHAINS * LANES;
}

const gemm_f32_kernels gemm_f32_neon = {TILE_M, TILE_N, 1,      2 * TILE_M, false,
                                        pack,   tile,   stream, finish,     spin};
