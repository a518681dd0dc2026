/* The functions of math_simd.h by themselves, for math_test.c: each math_probe_<isa>.c includes a
 * simd_<isa>.h and this. */
#pragma once

#include "kernels/cpu.h"

enum math_function {
    MATH_EXP,
    MATH_EXP_LESS_ONE,
    MATH_SOFTPLUS,
    MATH_EXP2_DOWN,
    MATH_TANH,
    MATH_GELU_NEAR,
    MATH_PHI,
    N_MATH_FUNCTIONS
};

/* n is a multiple of 16. */
typedef void math_probe(enum math_function f, const float *x, float *out, long n);

math_probe math_probe_avx2, math_probe_avx512, math_probe_neon;

#ifdef MATH_PROBE
#include "kernels/math_simd.h"

static inline vf math_call(enum math_function f, vf x)
{
    switch (f) {
    case MATH_EXP:
        return vf_exp(x);
    case MATH_EXP_LESS_ONE:
        return vf_exp_less_one(x);
    case MATH_SOFTPLUS:
        return vf_softplus(x);
    case MATH_EXP2_DOWN:
        return vf_exp2_down(x);
    case MATH_TANH:
        return vf_tanh(x);
    case MATH_GELU_NEAR:
        return vf_gelu_near(x);
    default:
        return vf_phi(x);
    }
}

void MATH_PROBE(enum math_function f, const float *x, float *out, long n)
{
    for (long i = 0; i < n; i += LANES)
        vf_store(out + i, math_call(f, vf_load(x + i)));
}
#endif
