/* The activations of the portable kernels, by the C library. */
#pragma once

#include "kernels/activation.h"

#include <math.h>

static inline float scalar_sigmoid(float x)
{
    return 1.0f / (1.0f + expf(-x));
}

static inline float scalar_softplus(float x)
{
    return fmaxf(x, 0.0f) + log1pf(expf(-fabsf(x)));
}

/* With e = e^x: tanh(log(1 + e)) = (e^2 + 2 e) / (e^2 + 2 e + 2), 1 long before that overflows. */
static inline float scalar_mish(float x)
{
    float e = expf(x < 40.0f ? x : 40.0f), w = e * (e + 2.0f);
    return x * (w / (w + 2.0f));
}

static inline float scalar_between(float least, float most, float x)
{
    return x < least ? least : x > most ? most : x;
}

static inline float scalar_gelu(float x)
{
    return x * (0.5f * erfcf(x * -0.70710678f)); /* erfc keeps the left tail, 1 + erf cancels it */
}

static inline float scalar_activate(enum activation act, float x)
{
    switch (act) {
    case ACT_GELU_ERF:
        return scalar_gelu(x);
    case ACT_GELU_TANH: /* (1 + tanh(u)) / 2 = sigmoid(2 u) */
        return x * scalar_sigmoid(1.5957691f * x * (1.0f + 0.044715f * x * x));
    case ACT_QUICK_GELU:
        return x * scalar_sigmoid(1.702f * x);
    case ACT_SILU:
        return x * scalar_sigmoid(x);
    case ACT_RELU:
        return x < 0.0f ? 0.0f : x;
    case ACT_TANH:
        return tanhf(x);
    case ACT_GELU_10:
        return scalar_between(-10.0f, 10.0f, scalar_gelu(x));
    case ACT_SIGMOID:
        return scalar_sigmoid(x);
    case ACT_RELU2:
        return x < 0.0f ? 0.0f : x * x;
    case ACT_RELU6:
        return scalar_between(0.0f, 6.0f, x);
    case ACT_LEAKY_RELU:
        return x < 0.0f ? 0.01f * x : x;
    case ACT_ELU:
        return x < 0.0f ? expm1f(x) : x;
    case ACT_SELU:
        return x < 0.0f ? 1.7580993f * expm1f(x) : 1.0507010f * x;
    case ACT_HARDSWISH:
        return x * (scalar_between(0.0f, 6.0f, x + 3.0f) * (1.0f / 6.0f));
    case ACT_SOFTPLUS:
        return scalar_softplus(x);
    case ACT_SQRTSOFTPLUS:
        return sqrtf(scalar_softplus(x));
    case ACT_MISH:
        return scalar_mish(x);
    case ACT_LAPLACE:
        return 0.5f * erfcf((0.707107f - x) * 2.5066264f);
    case ACT_NONE:
    case N_ACTIVATIONS:
        break;
    }
    return x;
}
