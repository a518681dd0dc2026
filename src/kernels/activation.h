/* Activation functions that the GEMM epilogue and the row kernels share. */
#pragma once

/* With t = x / sqrt(2) and u = sqrt(2 / pi) * (x + 0.044715 x^3): */
enum activation {
    ACT_NONE,
    ACT_GELU_ERF,   /* x / 2 * (1 + erf(t)), "gelu" in config.json */
    ACT_GELU_TANH,  /* x / 2 * (1 + tanh(u)), "gelu_new", "gelu_pytorch_tanh" */
    ACT_QUICK_GELU, /* x * sigmoid(1.702 x) */
    ACT_SILU,       /* x * sigmoid(x), "swish" */
    ACT_RELU,
    ACT_TANH,
    N_ACTIVATIONS
};
