/* The portable row kernels. Sums are made in double: they are the reference of the others. */
#include "kernels/list.h"
#include "kernels/math_scalar.h"

#include <string.h>

static void layer_norm(const float *x, const float *residual, const float *gamma, const float *beta,
                       float eps, float *out, int width)
{
    double sum = 0, squares = 0;
    for (int i = 0; i < width; i++) {
        out[i] = residual ? x[i] + residual[i] : x[i];
        sum += out[i];
    }
    float mean = (float)(sum / width);
    for (int i = 0; i < width; i++)
        squares += (double)(out[i] - mean) * (out[i] - mean);
    float factor = (float)(1.0 / sqrt(squares / width + eps));
    for (int i = 0; i < width; i++) {
        float y = (out[i] - mean) * factor * gamma[i];
        out[i] = beta ? y + beta[i] : y;
    }
}

static void rms_norm(const float *x, const float *gamma, float eps, float *out, int width)
{
    double squares = 0;
    for (int i = 0; i < width; i++)
        squares += (double)x[i] * x[i];
    float factor = (float)(1.0 / sqrt(squares / width + eps));
    for (int i = 0; i < width; i++)
        out[i] = x[i] * factor * gamma[i];
}

static void scale(float factor, float *x, long n)
{
    for (long i = 0; i < n; i++)
        x[i] *= factor;
}

static void softmax(const float *x, float *out, int width)
{
    float most = -INFINITY;
    for (int i = 0; i < width; i++)
        most = x[i] > most ? x[i] : most;
    double sum = 0;
    for (int i = 0; i < width; i++) {
        out[i] = expf(x[i] - most);
        sum += out[i];
    }
    scale((float)(1.0 / sum), out, width);
}

static double exp_sum(const float *x, long n, float *most)
{
    double sum = 0;
    *most = -INFINITY;
    for (long i = 0; i < n; i++)
        *most = x[i] > *most ? x[i] : *most;
    for (long i = 0; i < n; i++)
        sum += expf(x[i] - *most);
    return sum;
}

static void activate(enum activation act, const float *x, float *out, long n)
{
    for (long i = 0; i < n; i++)
        out[i] = scalar_activate(act, x[i]);
}

static void add(const float *a, const float *b, float *out, long n)
{
    for (long i = 0; i < n; i++)
        out[i] = a[i] + b[i];
}

static void rotate(float *a, float *b, float sine, float cosine)
{
    float first = *a, second = *b;
    *a = first * cosine - second * sine;
    *b = second * cosine + first * sine;
}

static void rotate_halves(float *x, const float *sines, const float *cosines, int n)
{
    for (int i = 0; i < n; i++)
        rotate(&x[i], &x[n + i], sines[i], cosines[i]);
}

static void rotate_neighbours(float *x, const float *sines, const float *cosines, int n)
{
    for (int i = 0; i < n; i++)
        rotate(&x[2 * i], &x[2 * i + 1], sines[i], cosines[i]);
}

static void prelu(const float *x, const float *slopes, bool each, float *out, long n)
{
    for (long i = 0; i < n; i++)
        out[i] = x[i] > 0 ? x[i] : slopes[each ? i : 0] * x[i];
}

static void xielu_values(const xielu *act, const float *x, float *out, long n)
{
    for (long i = 0; i < n; i++) {
        float y = x[i], below = y < act->eps ? y : act->eps;
        float curve = y > 0 ? act->positive * y * y : (expm1f(below) - y) * act->negative;
        out[i] = curve + act->beta * y;
    }
}

static void column_sums(const float *x, long ldx, long n_rows, float *sums, int width)
{
    for (int c = 0; c < width; c++) {
        double sum = 0;
        for (long i = 0; i < n_rows; i++)
            sum += x[i * ldx + c];
        sums[c] = (float)sum;
    }
}

static void column_squares(const float *x, long ldx, long n_rows, const float *mean, float *sums,
                           int width)
{
    for (int c = 0; c < width; c++) {
        double sum = 0;
        for (long i = 0; i < n_rows; i++)
            sum += (double)(x[i * ldx + c] - mean[c]) * (x[i * ldx + c] - mean[c]);
        sums[c] = (float)sum;
    }
}

static void adapt(const float *x, const float *mean, const float *factor, const float *shift,
                  float *out, int width)
{
    for (int c = 0; c < width; c++) {
        float y = (x[c] - mean[c]) * factor[c];
        out[c] = shift ? y + shift[c] : y;
    }
}

static void put_bits(uint32_t bits, float *out)
{
    memcpy(out, &bits, sizeof bits);
}

static uint16_t read_u16(const void *from, long i)
{
    uint16_t half;
    memcpy(&half, (const char *)from + 2 * i, sizeof half);
    return half;
}

/* 1 sign, 5 exponent (bias 15) and 10 mantissa bits. */
static void from_f16(const void *from, float *out, long n)
{
    for (long i = 0; i < n; i++) {
        uint16_t half = read_u16(from, i);
        uint32_t sign = (uint32_t)(half & 0x8000) << 16, exponent = half >> 10 & 31;
        uint32_t mantissa = half & 0x3ff;
        if (exponent == 31) {
            uint32_t quiet = mantissa ? 0x400000 : 0;
            put_bits(sign | 0x7f800000 | quiet | mantissa << 13, &out[i]);
        } else if (exponent > 0) {
            put_bits(sign | (exponent + 112) << 23 | mantissa << 13, &out[i]);
        } else {
            float magnitude = (float)mantissa * 0x1p-24f;
            out[i] = sign ? -magnitude : magnitude;
        }
    }
}

static void from_bf16(const void *from, float *out, long n)
{
    for (long i = 0; i < n; i++)
        put_bits((uint32_t)read_u16(from, i) << 16, &out[i]);
}

const rows_f32_kernels rows_f32_scalar = {
    layer_norm,     rms_norm, softmax,       exp_sum,
    activate,       add,      rotate_halves, rotate_neighbours,
    scale,          prelu,    xielu_values,  column_sums,
    column_squares, adapt,    from_f16,      from_bf16};
