/* Operands of a matrix product at the edges of their memory, for the tests of all precisions. */
#pragma once

#include "activations.h"
#include "harness.h"

#include "kernels/gemm.h"

typedef struct product {
    gemm_args a;
    edge x, w, bias, residual, out;
} product;

/* Bochs 3.0 takes the bytes of both operands of TDPBUSD for unsigned, which shows with the weights
 * below 0 only. */
static inline bool weights_are_positive(void)
{
    return getenv("INFERD_TEST_POSITIVE") != NULL;
}

static inline product product_new(int m, int n, int k, int gap, bool bias, bool residual,
                                  enum activation act)
{
    product p = {.a = {.m = m, .n = n, .k = k, .act = act}};
    p.a.ldx = k + gap;
    p.a.ldo = n + gap;
    p.a.ldr = n + 2 * gap;
    /* The last row ends at the edge: strides reach past no end. */
    p.x = edge_random(m > 0 ? (size_t)((m - 1) * p.a.ldx + k) : 0);
    p.w = edge_random((size_t)n * (size_t)k);
    for (size_t i = 0; i < p.w.n && weights_are_positive(); i++)
        p.w.p[i] = fabsf(p.w.p[i]);
    p.bias = edge_random((size_t)n);
    p.residual = edge_random(m > 0 && n > 0 ? (size_t)((m - 1) * p.a.ldr + n) : 0);
    p.out = edge_new(m > 0 && n > 0 ? (size_t)((m - 1) * p.a.ldo + n) : 0);
    for (size_t i = 0; i < p.out.n; i++)
        p.out.p[i] = 777.0f;
    p.a.x = p.x.p;
    p.a.w = p.w.p;
    p.a.out = p.out.p;
    p.a.bias = bias ? p.bias.p : NULL;
    p.a.residual = residual ? p.residual.p : NULL;
    return p;
}

static inline void product_free(product *p)
{
    edge_free(&p->x);
    edge_free(&p->w);
    edge_free(&p->bias);
    edge_free(&p->residual);
    edge_free(&p->out);
}
