/* The row kernels on vectors, for every simd_<isa>.h (include one before this). */
#pragma once

#include "kernels/list.h"
#include "kernels/math_simd.h"
#include "kernels/unroll.h"

#include <math.h>
#include <string.h>

enum { COLUMN_VECTORS = 4 };

/* Sum of a row, in two running sums. */
static float row_sum(const float *x, int width)
{
    vf a = vf_zero(), b = vf_zero();
    int i = 0;
    for (; i + 2 * LANES <= width; i += 2 * LANES) {
        a = vf_add(a, vf_load(x + i));
        b = vf_add(b, vf_load(x + i + LANES));
    }
    for (; i < width; i += LANES)
        a = vf_add(a, width - i < LANES ? vf_load_n(x + i, width - i) : vf_load(x + i));
    return vf_sum(vf_add(a, b));
}

/* Sum of (x - mean)^2. */
static float row_squares(const float *x, float mean, int width)
{
    vf a = vf_zero(), b = vf_zero(), m = vf_set(mean);
    int i = 0;
    for (; i + 2 * LANES <= width; i += 2 * LANES) {
        vf p = vf_sub(vf_load(x + i), m), q = vf_sub(vf_load(x + i + LANES), m);
        a = vf_fma(p, p, a);
        b = vf_fma(q, q, b);
    }
    for (; i + LANES <= width; i += LANES) {
        vf p = vf_sub(vf_load(x + i), m);
        a = vf_fma(p, p, a);
    }
    if (i < width) {
        vf p = vf_first(vf_sub(vf_load_n(x + i, width - i), m), width - i, vf_zero());
        a = vf_fma(p, p, a);
    }
    return vf_sum(vf_add(a, b));
}

static void add(const float *a, const float *b, float *out, long n)
{
    long i = 0;
    for (; i + LANES <= n; i += LANES)
        vf_store(out + i, vf_add(vf_load(a + i), vf_load(b + i)));
    if (i < n)
        vf_store_n(out + i, vf_add(vf_load_n(a + i, n - i), vf_load_n(b + i, n - i)), n - i);
}

static void rotate_halves(float *x, const float *sines, const float *cosines, int n)
{
    for (int i = 0; i < n; i += LANES) {
        long some = n - i < LANES ? n - i : LANES;
        vf a = vf_load_n(x + i, some), b = vf_load_n(x + n + i, some);
        vf s = vf_load_n(sines + i, some), c = vf_load_n(cosines + i, some);
        vf_store_n(x + i, vf_sub(vf_mul(a, c), vf_mul(b, s)), some);
        vf_store_n(x + n + i, vf_add(vf_mul(b, c), vf_mul(a, s)), some);
    }
}

static void rotate_neighbours(float *x, const float *sines, const float *cosines, int n)
{
    for (int i = 0; i < n; i += LANES / 2) {
        long some = n - i < LANES / 2 ? n - i : LANES / 2;
        vf y = vf_load_n(x + 2 * i, 2 * some), s = vf_twice(vf_load_n(sines + i, some));
        vf turned = vf_mul(vf_swap(y), vf_negate_even(s));
        y = vf_mul(y, vf_twice(vf_load_n(cosines + i, some)));
        vf_store_n(x + 2 * i, vf_add(y, turned), 2 * some);
    }
}

static void scale(float factor, float *x, long n)
{
    vf f = vf_set(factor);
    long i = 0;
    for (; i + LANES <= n; i += LANES)
        vf_store(x + i, vf_mul(vf_load(x + i), f));
    if (i < n)
        vf_store_n(x + i, vf_mul(vf_load_n(x + i, n - i), f), n - i);
}

/* out = (x - mean) * factor * gamma + beta */
static void normalise(const float *x, float mean, float factor, const float *gamma,
                      const float *beta, float *out, int width)
{
    vf m = vf_set(mean), f = vf_set(factor);
    int i = 0;
    for (; i + LANES <= width; i += LANES) {
        vf y = vf_mul(vf_mul(vf_sub(vf_load(x + i), m), f), vf_load(gamma + i));
        vf_store(out + i, beta ? vf_add(y, vf_load(beta + i)) : y);
    }
    if (i < width) {
        int n = width - i;
        vf y = vf_mul(vf_mul(vf_sub(vf_load_n(x + i, n), m), f), vf_load_n(gamma + i, n));
        vf_store_n(out + i, beta ? vf_add(y, vf_load_n(beta + i, n)) : y, n);
    }
}

static void layer_norm(const float *x, const float *residual, const float *gamma, const float *beta,
                       float eps, float *out, int width)
{
    if (residual) {
        add(x, residual, out, width);
        x = out;
    }
    float mean = row_sum(x, width) / (float)width;
    float variance = row_squares(x, mean, width) / (float)width;
    normalise(x, mean, 1.0f / sqrtf(variance + eps), gamma, beta, out, width);
}

static void rms_norm(const float *x, const float *gamma, float eps, float *out, int width)
{
    float mean_square = row_squares(x, 0.0f, width) / (float)width;
    normalise(x, 0.0f, 1.0f / sqrtf(mean_square + eps), gamma, NULL, out, width);
}

static float row_max(const float *x, long width)
{
    vf most = vf_set(-INFINITY);
    long i = 0;
    for (; i + LANES <= width; i += LANES)
        most = vf_max(most, vf_load(x + i));
    if (i < width)
        most = vf_max(most, vf_first(vf_load_n(x + i, width - i), width - i, most));
    return vf_largest(most);
}

static void softmax(const float *x, float *out, int width)
{
    vf most = vf_set(row_max(x, width)), sum = vf_zero();
    int i = 0;
    for (; i + LANES <= width; i += LANES) {
        vf e = vf_exp(vf_sub(vf_load(x + i), most));
        vf_store(out + i, e);
        sum = vf_add(sum, e);
    }
    if (i < width) {
        vf e = vf_exp(vf_sub(vf_load_n(x + i, width - i), most));
        vf_store_n(out + i, e, width - i);
        sum = vf_add(sum, vf_first(e, width - i, vf_zero()));
    }
    scale(1.0f / vf_sum(sum), out, width);
}

/* In pieces, so that many small terms are not lost in a large sum. */
static double exp_sum(const float *x, long n, float *largest)
{
    enum { PIECE = 4096 };
    *largest = row_max(x, n);
    vf most = vf_set(*largest);
    double all = 0;
    for (long begin = 0; begin < n; begin += PIECE) {
        long i = begin, end = n - begin < PIECE ? n : begin + PIECE;
        vf sum = vf_zero();
        for (; i + LANES <= end; i += LANES)
            sum = vf_add(sum, vf_exp(vf_sub(vf_load(x + i), most)));
        if (i < end) {
            vf e = vf_exp(vf_sub(vf_load_n(x + i, end - i), most));
            sum = vf_add(sum, vf_first(e, end - i, vf_zero()));
        }
        all += vf_sum(sum);
    }
    return all;
}

static inline __attribute__((always_inline)) void activate_as(enum activation act, const float *x,
                                                              float *out, long n)
{
    long i = 0;
    for (; i + LANES <= n; i += LANES)
        vf_store(out + i, vf_activate(act, vf_load(x + i)));
    if (i < n)
        vf_store_n(out + i, vf_activate(act, vf_load_n(x + i, n - i)), n - i);
}

/* A loop for each. */
#define ACTIVATE_AS(act)                                                                           \
    case act:                                                                                      \
        activate_as(act, x, out, n);                                                               \
        break;

static void activate(enum activation act, const float *x, float *out, long n)
{
    switch (act) {
        ACTIVATE_AS(ACT_GELU_ERF)
        ACTIVATE_AS(ACT_GELU_TANH)
        ACTIVATE_AS(ACT_QUICK_GELU)
        ACTIVATE_AS(ACT_SILU)
        ACTIVATE_AS(ACT_RELU)
        ACTIVATE_AS(ACT_TANH)
        ACTIVATE_AS(ACT_GELU_10)
        ACTIVATE_AS(ACT_SIGMOID)
        ACTIVATE_AS(ACT_RELU2)
        ACTIVATE_AS(ACT_RELU6)
        ACTIVATE_AS(ACT_LEAKY_RELU)
        ACTIVATE_AS(ACT_ELU)
        ACTIVATE_AS(ACT_SELU)
        ACTIVATE_AS(ACT_HARDSWISH)
        ACTIVATE_AS(ACT_SOFTPLUS)
        ACTIVATE_AS(ACT_SQRTSOFTPLUS)
        ACTIVATE_AS(ACT_MISH)
        ACTIVATE_AS(ACT_LAPLACE)
    case ACT_NONE:
    case N_ACTIVATIONS:
        if (out != x && n > 0)
            memcpy(out, x, (size_t)n * sizeof *x);
        break;
    }
}

static inline vf load_some(const float *p, long n)
{
    return n < LANES ? vf_load_n(p, n) : vf_load(p);
}

static inline void store_some(float *p, vf a, long n)
{
    if (n < LANES)
        vf_store_n(p, a, n);
    else
        vf_store(p, a);
}

static void prelu(const float *x, const float *slopes, bool each, float *out, long n)
{
    for (long i = 0; i < n; i += LANES) {
        vf y = load_some(x + i, n - i);
        vf slope = each ? load_some(slopes + i, n - i) : vf_set(*slopes);
        store_some(out + i, vf_if_less(vf_zero(), y, y, vf_mul(slope, y)), n - i);
    }
}

static void xielu_values(const xielu *act, const float *x, float *out, long n)
{
    for (long i = 0; i < n; i += LANES) {
        vf y = load_some(x + i, n - i);
        vf above = vf_mul(vf_mul(vf_set(act->positive), y), y);
        vf below = vf_sub(vf_exp_less_one(vf_min(vf_set(act->eps), y)), y);
        vf curve = vf_if_less(vf_zero(), y, above, vf_mul(below, vf_set(act->negative)));
        store_some(out + i, vf_fma(vf_set(act->beta), y, curve), n - i);
    }
}

/* n_vectors vectors of columns; `squares`: of (x - mean)^2. */
static inline __attribute__((always_inline)) void sum_columns(bool squares, const float *x,
                                                              long ldx, long n_rows,
                                                              const float *mean, float *sums,
                                                              int n_vectors, long lanes)
{
    vf sum[COLUMN_VECTORS], middle[COLUMN_VECTORS];
    UNROLL
    for (int v = 0; v < n_vectors; v++) {
        sum[v] = vf_zero();
        middle[v] = squares ? load_some(mean + v * LANES, lanes) : vf_zero();
    }
    for (long i = 0; i < n_rows; i++, x += ldx) {
        UNROLL
        for (int v = 0; v < n_vectors; v++) {
            vf y = load_some(x + v * LANES, lanes);
            if (squares)
                y = vf_sub(y, middle[v]);
            sum[v] = squares ? vf_fma(y, y, sum[v]) : vf_add(sum[v], y);
        }
    }
    UNROLL
    for (int v = 0; v < n_vectors; v++)
        store_some(sums + v * LANES, sum[v], lanes);
}

static inline __attribute__((always_inline)) void all_columns(bool squares, const float *x,
                                                              long ldx, long n_rows,
                                                              const float *mean, float *sums,
                                                              int width)
{
    int c = 0;
    for (; c + COLUMN_VECTORS * LANES <= width; c += COLUMN_VECTORS * LANES)
        sum_columns(squares, x + c, ldx, n_rows, squares ? mean + c : NULL, sums + c,
                    COLUMN_VECTORS, LANES);
    for (; c < width; c += LANES)
        sum_columns(squares, x + c, ldx, n_rows, squares ? mean + c : NULL, sums + c, 1,
                    width - c < LANES ? width - c : LANES);
}

static void column_sums(const float *x, long ldx, long n_rows, float *sums, int width)
{
    all_columns(false, x, ldx, n_rows, NULL, sums, width);
}

static void column_squares(const float *x, long ldx, long n_rows, const float *mean, float *sums,
                           int width)
{
    all_columns(true, x, ldx, n_rows, mean, sums, width);
}

static void adapt(const float *x, const float *mean, const float *factor, const float *shift,
                  float *out, int width)
{
    for (int c = 0; c < width; c += LANES) {
        long n = width - c;
        vf y = vf_sub(load_some(x + c, n), load_some(mean + c, n));
        y = vf_mul(y, load_some(factor + c, n));
        store_some(out + c, shift ? vf_add(y, load_some(shift + c, n)) : y, n);
    }
}

static void from_f16(const void *from, float *out, long n)
{
    const uint16_t *p = from;
    long i = 0;
    for (; i + LANES <= n; i += LANES)
        vf_store(out + i, vf_load_f16(p + i));
    if (i < n) {
        uint16_t last[LANES] = {0};
        memcpy(last, (const char *)from + 2 * i, (size_t)(n - i) * 2);
        vf_store_n(out + i, vf_load_f16(last), n - i);
    }
}

static void from_bf16(const void *from, float *out, long n)
{
    const uint16_t *p = from;
    long i = 0;
    for (; i + LANES <= n; i += LANES)
        vf_store(out + i, vf_load_bf16(p + i));
    if (i < n) {
        uint16_t last[LANES] = {0};
        memcpy(last, (const char *)from + 2 * i, (size_t)(n - i) * 2);
        vf_store_n(out + i, vf_load_bf16(last), n - i);
    }
}

/* The family's row for this instruction set. */
#define ROWS_F32_KERNELS                                                                           \
    {                                                                                              \
        layer_norm, rms_norm, softmax, exp_sum, activate, add, rotate_halves, rotate_neighbours,   \
            scale, prelu, xielu_values, column_sums, column_squares, adapt, from_f16, from_bf16    \
    }
