/* The activations of the portable kernels, by the C library. */
#pragma once

#include "kernels/activation.h"

#include <math.h>

static inline float scalar_sigmoid(float x)
{
    return 1.0f / (1.0f + expf(-x));
}

static inline float scalar_activate(enum activation act, float x)
{
    switch (act) {
    case ACT_GELU_ERF: /* erfc keeps the digits of the left tail, which 1 + erf cancels */
        return x * (0.5f * erfcf(x * -0.70710678f));
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
    case ACT_NONE:
    case N_ACTIVATIONS:
        break;
    }
    return x;
}
