/* y = x W^T + b. How the weights are stored is known here only. */
#pragma once

#include "base/thread.h"
#include "kernels/activation.h"
#include "tensor/weights.h"

#include <stdbool.h>

typedef struct linear {
    int out, in; /* features */
    int groups;  /* outputs of a group see its inputs only; 0: one */
    /* Private to linear.c: */
    enum precision precision;
    const float *weight, *bias;
    const packed_weight *packed;
} linear;

/* Claims "weight" [out][in] and "bias" [out]. */
void linear_bind(linear *l, weights w, int out, int in);

/* The same of weights that few requests read: they are mapped and not brought into memory. */
void linear_bind_seldom(linear *l, weights w, int out, int in);

/* Claims "weight" alone. */
void linear_bind_unbiased(linear *l, weights w, int out, int in);

/* The same with "weight" of one scope and "bias" of another: scores tied to an embedding table. */
void linear_bind_parts(linear *l, weights weight, weights bias, int out, int in);

/* Claims `out` rows of tensors that hold several layers one after the other: rows `first` .. of
 * "weight" [all][in] and, if biased, of "bias" [all]. */
void linear_bind_rows(linear *l, weights w, int out, int in, int first, int all, bool biased);

/* The same of tensors that are stored input by input: "weight" [in][all]. */
void linear_bind_turned(linear *l, weights w, int out, int in, int first, int all, bool biased);

/* Claims a tensor "name" of its own, whose outputs or inputs are cut into heads: [in][heads][out /
 * heads], or [out][heads][in / heads]. There is no bias. */
void linear_bind_to_heads(linear *l, weights w, const char *name, int out, int in, int heads);
void linear_bind_from_heads(linear *l, weights w, const char *name, int out, int in, int heads);

/* Part `part` of `parts` whose rows stand together group by group: "weight" and "bias" are
 * [groups][parts][out / groups]. */
void linear_bind_interleaved(linear *l, weights w, int out, int in, int part, int parts, int groups,
                             bool biased);

/* Claims a bias "name" [1][out] for one that was bound without. */
void linear_bind_row_bias(linear *l, weights w, const char *name);

/* The same of a vector "name" [out]. */
void linear_bind_named_bias(linear *l, weights w, const char *name);

/* With or without "bias". */
static inline void linear_bind_as(linear *l, weights w, int out, int in, bool biased)
{
    linear_bind_rows(l, w, out, in, 0, out, biased);
}

/* Claims a convolution of width 1 in groups that divide out and in: "weight" [out][in / groups][1]
 * and "bias" [out]. */
void linear_bind_grouped(linear *l, weights w, int out, int in, int groups);

/* Claims groups whose inputs are the rows: "weight" [groups][in / groups][out / groups] and "bias"
 * [out]. */
void linear_bind_grouped_rows(linear *l, weights w, int out, int in, int groups);

/* Claims a convolution of width 1 with "weight" [out][in][1] of one scope and "bias" [out][1] of
 * another. */
void linear_bind_pointwise(linear *l, weights weight, weights bias, int out, int in);

/* The form of f32 weights that products with `out` outputs are made from, NULL for small ones; as
 * gemm_f32 takes them. */
const weight_form *linear_panels(int out, int in);

/* Whether its products are made of numbers below f32. */
bool linear_is_low(const linear *l);

/* y = act(x W^T + b). x: [n_rows][in], y: [n_rows][out], without gaps; y may not overlap x. */
void linear_run(const linear *l, team *t, const float *x, enum activation act, float *y,
                int n_rows);

/* Several of them that do not depend on each other, at the cost of one region of the team where
 * that can be. factor: rows as those of y that the activation's values are multiplied with, or
 * NULL; not for layers in groups. It may be the y of the call in front, of a layer of the same
 * size: a gated pair; and y itself. */
typedef struct linear_call {
    const linear *layer;
    const float *x;
    float *y;
    enum activation act;
    const float *factor;
} linear_call;
void linear_run_all(team *t, const linear_call *calls, int n_calls, int n_rows);
