/* exp, tanh, softplus, the normal distribution and the activations on vectors, for every
 * simd_<isa>.h (include one before this).
 *
 * Polynomials are minimax fits in the stated weight, rounded to float. Bounds, in units in the last
 * place of the exact value (ulp) or otherwise, were measured over a seventh of all floats; they are
 * tested on every instruction set over all exponents, denormals included, in
 * tests/kernels/math_test.c, those of the activations in rows_test.c. */
#pragma once

#include "kernels/activation.h"

/* p and n of e^x = 2^n (1 + p), |p| below 0.42; NaN stays in p. x is cut off where e^x is 0 or
 * infinity. */
static inline vf vf_exp_parts(vf x, vf *n)
{
    x = vf_max(vf_set(-110.0f), vf_min(vf_set(89.0f), x));
    *n = vf_round(vf_mul(x, vf_set(1.44269504f)));
    vf r = vf_fnma(*n, vf_set(0x1.62e4p-1f), x); /* ln 2 in two parts, the first one short */
    r = vf_fnma(*n, vf_set(0x1.7f7d1cp-20f), r);
    /* 1 + r + r^2 p(r) on |r| <= ln 2 / 2: 3e-9 of the value */
    vf p = vf_set(0x1.6a234ap-10f);
    p = vf_fma(p, r, vf_set(0x1.123a6cp-7f));
    p = vf_fma(p, r, vf_set(0x1.5558f4p-5f));
    p = vf_fma(p, r, vf_set(0x1.555490p-3f));
    p = vf_fma(p, r, vf_set(0x1.fffffcp-2f));
    return vf_fma(vf_mul(r, r), p, r);
}

/* e^x within 1.1 ulp; gradual underflow, infinity above 88.73, NaN stays. */
static inline vf vf_exp(vf x)
{
    vf n, p = vf_exp_parts(x, &n);
    return vf_scale(vf_add(p, vf_set(1.0f)), n);
}

/* e^x - 1 for x <= 0 within 1.1 ulp. */
static inline vf vf_exp_less_one(vf x)
{
    vf n, p = vf_exp_parts(x, &n), power = vf_scale(vf_set(1.0f), n);
    return vf_fma(power, p, vf_sub(power, vf_set(1.0f)));
}

/* log(1 + e^x) within 3.5 ulp. */
static inline vf vf_softplus(vf x)
{
    /* log(1 + z) = 2 atanh(z / (2 + z)) for z = e^-|x|; the series to the 15th power: 2e-9 */
    vf z = vf_exp(vf_sub(vf_zero(), vf_abs(x)));
    vf s = vf_div(z, vf_add(z, vf_set(2.0f))), q = vf_mul(s, s);
    vf p = vf_set(2.0f / 15);
    p = vf_fma(p, q, vf_set(2.0f / 13));
    p = vf_fma(p, q, vf_set(2.0f / 11));
    p = vf_fma(p, q, vf_set(2.0f / 9));
    p = vf_fma(p, q, vf_set(2.0f / 7));
    p = vf_fma(p, q, vf_set(2.0f / 5));
    p = vf_fma(p, q, vf_set(2.0f / 3));
    p = vf_fma(p, q, vf_set(2.0f));
    return vf_fma(p, s, vf_max(vf_zero(), x));
}

/* x tanh(log(1 + e^x)) with e = e^x: x (e^2 + 2 e) / (e^2 + 2 e + 2). */
static inline vf vf_mish(vf x)
{
    vf e = vf_exp(vf_min(vf_set(40.0f), x));
    vf w = vf_mul(e, vf_add(e, vf_set(2.0f)));
    return vf_mul(x, vf_div(w, vf_add(w, vf_set(2.0f))));
}

/* 2^x for x <= 0 within 2.2 ulp, possibly 0 where that is below the normal floats; NaN
 * stays. */
static inline vf vf_exp2_down(vf x)
{
    x = vf_max(vf_set((float)SCALE_TO_ZERO), x);
    vf n = vf_round(x);
    vf r = vf_sub(x, n);
    /* 1 + r p(r) on |r| <= 1/2: 9e-8 of the value */
    vf p = vf_set(0x1.5bb91cp-10f);
    p = vf_fma(p, r, vf_set(0x1.3ceb6cp-7f));
    p = vf_fma(p, r, vf_set(0x1.c6b75ap-5f));
    p = vf_fma(p, r, vf_set(0x1.ebf9bap-3f));
    p = vf_fma(p, r, vf_set(0x1.62e42ap-1f));
    return vf_scale_down(vf_fma(p, r, vf_set(1.0f)), n);
}

/* x / (1 + e^-y) */
static inline vf vf_times_sigmoid(vf x, vf y)
{
    return vf_div(x, vf_add(vf_set(1.0f), vf_exp(vf_sub(vf_zero(), y))));
}

/* Within 1.5 ulp. */
static inline vf vf_tanh(vf x)
{
    vf s = vf_mul(x, x);
    /* x + x^3 p(x^2) on |x| <= 0.625: 5e-9 of the value */
    vf p = vf_set(-0x1.75e1eep-8f);
    p = vf_fma(p, s, vf_set(0x1.5226a4p-6f));
    p = vf_fma(p, s, vf_set(-0x1.b83c5cp-5f));
    p = vf_fma(p, s, vf_set(0x1.110726p-3f));
    p = vf_fma(p, s, vf_set(-0x1.555532p-2f));
    vf small = vf_fma(vf_mul(p, s), x, x);
    /* 1 - 2 / (e^2|x| + 1), with the sign of x */
    vf t = vf_abs(x);
    vf e = vf_exp(vf_add(t, t));
    vf large = vf_sub(vf_set(1.0f), vf_div(vf_set(2.0f), vf_add(e, vf_set(1.0f))));
    large = vf_if_less(x, vf_zero(), vf_sub(vf_zero(), large), large);
    return vf_if_less(t, vf_set(0.625f), small, large);
}

/* Phi(x), the normal distribution: 1/2 + x p(x^2) in the middle; outside, Phi(-|x|) = e^q(|x|)
 * keeps the relative precision of the left tail, which 1 + erf loses. Within 7 ulp, or 3e-8 if that
 * is more. */
static inline vf vf_phi(vf x)
{
    vf s = vf_mul(x, x);
    /* erf(x / sqrt 2) / (2 x) on |x| <= 1.35: 2.3e-8 of the value */
    vf p = vf_set(-0x1.b11914p-18f);
    p = vf_fma(p, s, vf_set(0x1.cbffc6p-14f));
    p = vf_fma(p, s, vf_set(-0x1.35db3cp-10f));
    p = vf_fma(p, s, vf_set(0x1.46bd4ap-7f));
    p = vf_fma(p, s, vf_set(-0x1.1057d8p-4f));
    p = vf_fma(p, s, vf_set(0x1.988452p-2f));
    vf middle = vf_fma(p, x, vf_set(0.5f));
    /* log Phi(-t) on 1.34 .. 8.5; beyond it falls faster than Phi does */
    vf t = vf_abs(x);
    vf q = vf_set(-0x1.e051a6p-21f);
    q = vf_fma(q, t, vf_set(0x1.1a9ea8p-15f));
    q = vf_fma(q, t, vf_set(-0x1.243c20p-11f));
    q = vf_fma(q, t, vf_set(0x1.64ef4ep-8f));
    q = vf_fma(q, t, vf_set(-0x1.277eacp-5f));
    q = vf_fma(q, t, vf_set(-0x1.47b8f4p-2f));
    q = vf_fma(q, t, vf_set(-0x1.978762p-1f));
    q = vf_fma(q, t, vf_set(-0x1.634526p-1f));
    vf tail = vf_exp(q);
    vf outside = vf_if_less(x, vf_zero(), tail, vf_sub(vf_set(1.0f), tail));
    return vf_if_less(t, vf_set(1.345f), middle, outside);
}

static inline vf vf_gelu(vf x)
{
    return vf_mul(x, vf_phi(x));
}

/* vf_gelu within 5e-5, or 1e-5 of the value if that is more, for products whose operands are less
 * exact than that. */
#ifdef HAS_TABLES_OF_16
/* max(x, 0) - h(|x|), with t (1 - phi(t)) for h(t), at the end as at 4.6: a cubic for each of 16
 * places, within 4e-6, whose coefficients are looked up. Values near 0 keep their sign. */
static inline vf vf_gelu_near(vf x)
{
    static const float cubes[16] = {
        0.0004938131f,   0.0019217067f,   0.003141804f,    0.0033277678f,
        0.0026371414f,   0.0015434268f,   0.0005306226f,   -0.0001265508f,
        -0.00039960904f, -0.00040914418f, -0.00030292894f, -0.00018346793f,
        -9.5038675e-05f, -4.3028907e-05f, -1.7238304e-05f, -6.1586093e-06f};
    static const float squares[16] = {
        -0.03532487f,   -0.032075617f,  -0.024246598f, -0.014289019f, -0.005178495f, 0.0011255868f,
        0.004171552f,   0.0046779206f,  0.0038060748f, 0.0025477374f, 0.0014666965f, 0.0007415855f,
        0.00033320868f, 0.00013401776f, 4.848433e-05f, 1.5831069e-05f};
    static const float slopes[16] = {
        0.14849462f,    0.08014764f,     0.023060506f,   -0.0155900875f,
        -0.034622498f,  -0.03798826f,    -0.03205617f,   -0.022795876f,
        -0.014142208f,  -0.007783548f,   -0.003836217f,  -0.0017028908f,
        -0.0006833824f, -0.00024857803f, -8.210972e-05f, -2.466384e-05f};
    static const float values[16] = {0,
                                     0.11380778f,
                                     0.1640894f,
                                     0.16614595f,
                                     0.13950893f,
                                     0.102150366f,
                                     0.0666254f,
                                     0.0391225f,
                                     0.02080499f,
                                     0.010055236f,
                                     0.0044265f,
                                     0.0017774588f,
                                     0.0006516777f,
                                     0.00021830008f,
                                     6.684525e-05f,
                                     1.8716859e-05f};
    const vf scale = vf_set(0x1.af06aep+1f), units = vf_set(0x1.8p23f);
    vf t = vf_min(vf_set(4.6f), vf_abs(x)); /* NaN stays */
    vf place = vf_fma(t, scale, units);     /* its nearest whole number, in the lowest bits */
    vf r = vf_fma(t, scale, vf_sub(units, place));
    vf h = vf_fma(vf_look_up(cubes, place), r, vf_look_up(squares, place));
    h = vf_fma(h, r, vf_look_up(slopes, place));
    h = vf_fma(h, r, vf_look_up(values, place));
    return vf_sub(vf_max(vf_zero(), x), h);
}
#else
/* x (1/2 + x p(x^2)), at the ends as at 4.4. A third of the time of vf_gelu. */
static inline vf vf_gelu_near(vf x)
{
    const float end = 4.4f;
    vf t = vf_max(vf_set(-end), x), u = vf_min(vf_set(end), t), s = vf_mul(u, u);
    vf p = vf_set(0x1.39f872p-35f);
    p = vf_fma(p, s, vf_set(-0x1.01f9f6p-28f));
    p = vf_fma(p, s, vf_set(0x1.75d822p-23f));
    p = vf_fma(p, s, vf_set(-0x1.3d14a4p-18f));
    p = vf_fma(p, s, vf_set(0x1.618cf4p-14f));
    p = vf_fma(p, s, vf_set(-0x1.148f5cp-10f));
    p = vf_fma(p, s, vf_set(0x1.3bfb96p-7f));
    p = vf_fma(p, s, vf_set(-0x1.0ea628p-4f));
    p = vf_fma(p, s, vf_set(0x1.9854f6p-2f));
    return vf_mul(t, vf_fma(p, u, vf_set(0.5f)));
}
#endif

/* NaN stays. */
static inline vf vf_between(float least, float most, vf x)
{
    return vf_max(vf_set(least), vf_min(vf_set(most), x));
}

static inline vf vf_gelu_tanh(vf x)
{
    vf cubic = vf_fma(vf_mul(x, x), vf_set(0.044715f), vf_set(1.0f));
    return vf_times_sigmoid(x, vf_mul(vf_mul(x, vf_set(1.5957691f)), cubic));
}

/* act is known when this is inlined into a loop, or the same for the whole loop. */
static inline __attribute__((always_inline)) vf vf_activate(enum activation act, vf x)
{
    switch (act) {
    case ACT_GELU_ERF:
        return vf_gelu(x);
    case ACT_GELU_TANH:
        return vf_gelu_tanh(x);
    case ACT_QUICK_GELU:
        return vf_times_sigmoid(x, vf_mul(x, vf_set(1.702f)));
    case ACT_SILU:
        return vf_times_sigmoid(x, x);
    case ACT_RELU:
        return vf_max(vf_zero(), x);
    case ACT_TANH:
        return vf_tanh(x);
    case ACT_GELU_10:
        return vf_between(-10.0f, 10.0f, vf_gelu(x));
    case ACT_SIGMOID:
        return vf_times_sigmoid(vf_set(1.0f), x);
    case ACT_RELU2:
        return vf_mul(vf_max(vf_zero(), x), vf_max(vf_zero(), x));
    case ACT_RELU6:
        return vf_between(0.0f, 6.0f, x);
    case ACT_LEAKY_RELU:
        return vf_if_less(x, vf_zero(), vf_mul(x, vf_set(0.01f)), x);
    case ACT_ELU:
        return vf_if_less(x, vf_zero(), vf_exp_less_one(x), x);
    case ACT_SELU:
        return vf_if_less(x, vf_zero(), vf_mul(vf_exp_less_one(x), vf_set(1.7580993f)),
                          vf_mul(x, vf_set(1.0507010f)));
    case ACT_HARDSWISH:
        return vf_mul(x,
                      vf_mul(vf_between(0.0f, 6.0f, vf_add(x, vf_set(3.0f))), vf_set(1.0f / 6.0f)));
    case ACT_SOFTPLUS:
        return vf_softplus(x);
    case ACT_SQRTSOFTPLUS:
        return vf_sqrt(vf_softplus(x));
    case ACT_MISH:
        return vf_mish(x);
    case ACT_LAPLACE: /* mean sqrt(1/2), deviation 1 / sqrt(4 pi) */
        return vf_phi(vf_mul(vf_sub(x, vf_set(0.707107f)), vf_set(3.5449051f)));
    case ACT_NONE:
    case N_ACTIVATIONS:
        break;
    }
    return x;
}
