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
    ACT_GELU_10, /* GELU_ERF cut off at -10 and 10 */
    ACT_SIGMOID,
    ACT_RELU2,      /* the square of RELU */
    ACT_RELU6,      /* RELU cut off at 6 */
    ACT_LEAKY_RELU, /* x, below 0 0.01 x */
    ACT_ELU,        /* x, below 0 e^x - 1 */
    ACT_SELU,       /* 1.0507010 x, below 0 1.7580993 (e^x - 1) */
    ACT_HARDSWISH,  /* x min(max(x + 3, 0), 6) / 6 */
    ACT_SOFTPLUS,   /* log(1 + e^x) */
    ACT_SQRTSOFTPLUS,
    ACT_MISH,    /* x tanh(SOFTPLUS) */
    ACT_LAPLACE, /* 1/2 (1 + erf((x - 0.707107) / (0.282095 sqrt(2)))) */
    N_ACTIVATIONS
};
