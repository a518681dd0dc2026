/* The activations in double, for the tests of the kernels that have them. */
#pragma once

#include "kernels/activation.h"

#include <math.h>

static inline double exact_softplus(double x)
{
    return fmax(x, 0) + log1p(exp(-fabs(x)));
}

static inline double exact_rectifier(enum activation act, double x)
{
    double r = x > 0 ? x : 0;
    switch (act) {
    case ACT_RELU2:
        return r * r;
    case ACT_RELU6:
        return fmin(r, 6);
    case ACT_LEAKY_RELU:
        return x < 0 ? 0.01 * x : x;
    case ACT_ELU:
        return x < 0 ? expm1(x) : x;
    case ACT_SELU:
        return 1.0507009873554804934193349852946 *
               (x < 0 ? 1.6732632423543772848170429916717 * expm1(x) : x);
    case ACT_HARDSWISH:
        return x * (fmin(fmax(x + 3, 0), 6) / 6);
    default:
        return r;
    }
}

static inline double exact_activation(enum activation act, double x)
{
    double gelu = x / 2 * erfc(-x * 0.70710678118654752);
    switch (act) {
    case ACT_NONE:
    case N_ACTIVATIONS:
        return x;
    case ACT_GELU_ERF:
        return gelu;
    case ACT_GELU_TANH:
        return x / (1 + exp(-2 * 0.79788456080286536 * (x + 0.044715 * x * x * x)));
    case ACT_QUICK_GELU:
        return x / (1 + exp(-1.702 * x));
    case ACT_SILU:
        return x / (1 + exp(-x));
    case ACT_TANH:
        return tanh(x);
    case ACT_GELU_10:
        return fmin(fmax(gelu, -10), 10);
    case ACT_SIGMOID:
        return 1 / (1 + exp(-x));
    case ACT_SOFTPLUS:
        return exact_softplus(x);
    case ACT_SQRTSOFTPLUS:
        return sqrt(exact_softplus(x));
    case ACT_MISH:
        return x * tanh(exact_softplus(x));
    case ACT_LAPLACE:
        return 0.5 * erfc(-(x - 0.707107) / (0.282095 * 1.41421356237309505));
    default:
        return exact_rectifier(act, x);
    }
}

/* How much more than its argument the activation changes near x, at most. */
static inline double activation_steepness(enum activation act, double x)
{
    switch (act) {
    case ACT_RELU2:
        return 2 * (fabs(x) + 1);
    case ACT_SELU:
        return 1.76;
    case ACT_HARDSWISH:
        return 1.5;
    case ACT_LAPLACE:
        return 1.42;
    default:
        return 1.2;
    }
}
