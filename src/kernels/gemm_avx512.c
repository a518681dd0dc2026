/* The f32 GEMM kernels, AVX-512: a tile of 6 rows and 16 columns, 24 sums of 4 columns x 4 values
 * of k. Each step of 4 values takes 4 loads of the panel and 6 broadcasts of x for 24 FMAs. */
#include "kernels/simd_avx512.h"

#include "kernels/list.h"
#include "kernels/math_simd.h"
#include "kernels/unroll.h"

enum { TILE_M = 6, TILE_N = 16, QUAD = 4, GROUPS = 4, STEP = 16, STREAM_M = TILE_M };

#define INLINE static inline __attribute__((always_inline))

/* Group g of 16 (fewer: mask) values at w as four quads: lane c of quad q is values 4 q .. 4 q + 3
 * of row 4 c + g. Rows from n on are 0. */
INLINE void load_group(const float *w, long ldw, int n, int g, __mmask16 mask, __m512 r[4])
{
    UNROLL
    for (int c = 0; c < 4; c++) {
        int row = 4 * c + g;
        r[c] = _mm512_maskz_loadu_ps(row < n ? mask : 0, w + (row < n ? row : 0) * ldw);
    }
    transpose_lanes(r);
}

/* One step of a panel: up to 16 values of k. */
INLINE void pack_step(const float *w, long ldw, int n, int values, float *panel)
{
    UNROLL
    for (int g = 0; g < GROUPS; g++) {
        __m512 r[4];
        load_group(w, ldw, n, g, first_lanes(values), r);
        UNROLL
        for (int q = 0; q < 4; q++) {
            if (q * QUAD < values)
                _mm512_store_ps(panel + (q * GROUPS + g) * 16, r[q]);
        }
    }
}

static void pack(const float *w, long ldw, int n, int k, float *panel)
{
    int l = 0;
    for (; n == TILE_N && l + STEP <= k; l += STEP)
        pack_step(w + l, ldw, TILE_N, STEP, panel + l * TILE_N);
    for (; l < k; l += STEP)
        pack_step(w + l, ldw, n, k - l < STEP ? k - l : STEP, panel + l * TILE_N);
}

/* (s0 + s2) + (s1 + s3) of each lane of the four groups: 16 columns in order. */
INLINE __m512 sum_groups(const __m512 s[GROUPS])
{
    __m512 ab = _mm512_add_ps(_mm512_unpacklo_ps(s[0], s[1]), _mm512_unpackhi_ps(s[0], s[1]));
    __m512 cd = _mm512_add_ps(_mm512_unpacklo_ps(s[2], s[3]), _mm512_unpackhi_ps(s[2], s[3]));
    return _mm512_add_ps(_mm512_shuffle_ps(ab, cd, 0x44), _mm512_shuffle_ps(ab, cd, 0xee));
}

INLINE void store_sums(int rows, __m512 s[][GROUPS], float *c, bool add)
{
    UNROLL
    for (int i = 0; i < rows; i++) {
        __m512 sum = sum_groups(s[i]);
        _mm512_store_ps(c + i * TILE_N,
                        add ? _mm512_add_ps(_mm512_load_ps(c + i * TILE_N), sum) : sum);
    }
}

INLINE __m512 broadcast_quad(const float *x)
{
    return _mm512_broadcast_f32x4(_mm_loadu_ps(x));
}

INLINE __m512 broadcast_part(const float *x, int n)
{
    return _mm512_broadcast_f32x4(_mm_maskz_loadu_ps((__mmask8)first_lanes(n), x));
}

/* Lines in their order, or a quarter of the rows with each of the four steps that a line of values
 * takes. */
INLINE void fetch_step(const gemm_ahead *ahead, int l)
{
    for (int i = 0; i < ahead->lines; i++)
        _mm_prefetch((const char *)(ahead->w + (l / QUAD * ahead->lines + i) * 16), _MM_HINT_T1);
    int share = ahead->rows / 4;
    if (share == 0)
        return;
    const float *w = ahead->w + (l / QUAD % 4) * share * ahead->ldw + l / STEP * STEP;
    for (int i = 0; i < share; i++)
        _mm_prefetch((const char *)(w + i * ahead->ldw), _MM_HINT_T1);
}

/* s = x * panel */
INLINE void multiply(int rows, const float *x, long ldx, const float *panel, int k,
                     __m512 s[][GROUPS], const gemm_ahead *ahead)
{
    UNROLL
    for (int i = 0; i < rows; i++) {
        UNROLL
        for (int g = 0; g < GROUPS; g++)
            s[i][g] = _mm512_setzero_ps();
    }
    int l = 0;
    for (; l + QUAD <= k; l += QUAD, panel += TILE_N * QUAD) {
        __m512 w0 = _mm512_load_ps(panel), w1 = _mm512_load_ps(panel + 16);
        __m512 w2 = _mm512_load_ps(panel + 32), w3 = _mm512_load_ps(panel + 48);
        if (ahead)
            fetch_step(ahead, l);
        UNROLL
        for (int i = 0; i < rows; i++) {
            __m512 v = broadcast_quad(x + i * ldx + l);
            s[i][0] = _mm512_fmadd_ps(v, w0, s[i][0]);
            s[i][1] = _mm512_fmadd_ps(v, w1, s[i][1]);
            s[i][2] = _mm512_fmadd_ps(v, w2, s[i][2]);
            s[i][3] = _mm512_fmadd_ps(v, w3, s[i][3]);
        }
    }
    if (l < k) {
        UNROLL
        for (int i = 0; i < rows; i++) {
            __m512 v = broadcast_part(x + i * ldx + l, k - l);
            UNROLL
            for (int g = 0; g < GROUPS; g++)
                s[i][g] = _mm512_fmadd_ps(v, _mm512_load_ps(panel + g * 16), s[i][g]);
        }
    }
}

INLINE void tile_rows(int rows, const float *x, long ldx, const float *panel, int k, float *c,
                      bool add, const gemm_ahead *ahead)
{
    __m512 s[TILE_M][GROUPS];
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
TILE(4)
TILE(5)
TILE(6)

static void tile(const float *x, long ldx, int m, const float *panel, int k, float *c, bool add,
                 const gemm_ahead *ahead)
{
    typedef void tile_fn(const float *x, long ldx, const float *panel, int k, float *c, bool add,
                         const gemm_ahead *ahead);
    static tile_fn *const rest[TILE_M] = {NULL, tile_1, tile_2, tile_3, tile_4, tile_5};
    for (; m >= TILE_M; m -= TILE_M, x += TILE_M * ldx, c += TILE_M * TILE_N)
        tile_6(x, ldx, panel, k, c, add, ahead);
    if (m > 0)
        rest[m](x, ldx, panel, k, c, add, ahead);
}

#include "kernels/gemm_end.h"

END(1)
END(2)
END(3)
END(4)
END(5)
END(6)

static void tile_end(const gemm_args *a, int row, int rows, int col, const float *x,
                     const float *panel, int k)
{
    typedef void end_fn(const gemm_args *a, int row, int col, const float *x, const float *panel,
                        int k);
    static end_fn *const rest[TILE_M] = {NULL, end_1, end_2, end_3, end_4, end_5};
    for (; rows >= TILE_M; rows -= TILE_M, row += TILE_M, x += TILE_M * a->ldx)
        end_6(a, row, col, x, panel, k);
    if (rows > 0)
        rest[rows](a, row, col, x, panel, k);
}

/* One group: 16 values of k of four columns, for all rows. */
INLINE void stream_group(int rows, const float *x, long ldx, const __m512 quads[4], int g,
                         __m512 s[][GROUPS])
{
    UNROLL
    for (int q = 0; q < 4; q++) {
        UNROLL
        for (int i = 0; i < rows; i++)
            s[i][g] = _mm512_fmadd_ps(broadcast_quad(x + i * ldx + q * QUAD), quads[q], s[i][g]);
    }
}

/* The last values of k, fewer than a step. */
INLINE void stream_rest(int rows, const float *x, long ldx, const float *w, long ldw, int n,
                        int left, __m512 s[][GROUPS])
{
    UNROLL
    for (int g = 0; g < GROUPS; g++) {
        __m512 r[4];
        load_group(w, ldw, n, g, first_lanes(left), r);
        UNROLL
        for (int q = 0; q < 4; q++) {
            int values = left - q * QUAD < QUAD ? left - q * QUAD : QUAD;
            UNROLL
            for (int i = 0; i < rows && values > 0; i++) {
                __m512 v = broadcast_part(x + i * ldx + q * QUAD, values);
                s[i][g] = _mm512_fmadd_ps(v, r[q], s[i][g]);
            }
        }
    }
}

/* The next panel's values for a step of group g: its rows are other streams to the prefetcher. */
INLINE void fetch_group(const float *w, long ldw, int g)
{
    UNROLL
    for (int c = 0; c < 4; c++)
        _mm_prefetch((const char *)(w + (TILE_N + 4 * c + g) * ldw), _MM_HINT_T1);
}

INLINE void stream_rows(int rows, const float *x, long ldx, const float *w, long ldw, int n, int k,
                        float *c, bool add, bool next)
{
    __m512 s[TILE_M][GROUPS];
    UNROLL
    for (int i = 0; i < rows; i++) {
        UNROLL
        for (int g = 0; g < GROUPS; g++)
            s[i][g] = _mm512_setzero_ps();
    }
    int l = 0;
    for (; l + STEP <= k; l += STEP) {
        UNROLL
        for (int g = 0; g < GROUPS; g++) {
            __m512 r[4];
            if (next)
                fetch_group(w + l, ldw, g);
            load_group(w + l, ldw, n, g, 0xffff, r);
            stream_group(rows, x + l, ldx, r, g, s);
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
STREAM(4)
STREAM(5)
STREAM(6)

static void stream(const float *x, long ldx, int m, const float *w, long ldw, int n, int k,
                   float *c, bool add, bool next)
{
    typedef void stream_fn(const float *x, long ldx, const float *w, long ldw, int n, int k,
                           float *c, bool add, bool next);
    static stream_fn *const functions[TILE_M + 1] = {NULL,     stream_1, stream_2, stream_3,
                                                     stream_4, stream_5, stream_6};
    functions[m](x, ldx, w, ldw, n, k, c, add, next);
}

INLINE void finish_as(enum activation act, const gemm_args *a, const float *c, int row, int rows,
                      int col, int cols)
{
    __mmask16 mask = first_lanes(cols);
    __m512 bias = a->bias ? _mm512_maskz_loadu_ps(mask, a->bias + col) : _mm512_setzero_ps();
    for (int i = row; i < row + rows; i++, c += TILE_N) {
        __m512 y = _mm512_load_ps(c);
        y = vf_activate(act, a->bias ? _mm512_add_ps(y, bias) : y);
        if (a->factor)
            y = _mm512_mul_ps(y, _mm512_maskz_loadu_ps(mask, a->factor + i * a->ldf + col));
        if (a->residual)
            y = _mm512_add_ps(y, _mm512_maskz_loadu_ps(mask, a->residual + i * a->ldr + col));
        _mm512_mask_storeu_ps(a->out + i * a->ldo + col, mask, y);
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
    __m512 s[CHAINS], a = _mm512_set1_ps(0.999f);
    UNROLL
    for (int i = 0; i < CHAINS; i++)
        s[i] = a;
    for (long l = 0; l < steps; l++) {
        UNROLL
        for (int i = 0; i < CHAINS; i++) {
            s[i] = _mm512_fmadd_ps(s[i], a, a);
            __asm__ volatile("" : "+v"(s[i])); /* each is wanted */
        }
    }
    return 2.0 * (double)steps * CHAINS * LANES;
}

const gemm_f32_kernels gemm_f32_avx512 = {TILE_M, TILE_N, 1,      STREAM_M, true,    pack,
                                          tile,   stream, finish, spin,     tile_end};
