/* Matrix products with int8 weights: gemm_f32's with both operands rounded to 8 bits.
 *
 * A column of the result (a row of w) has the scale ws = max |w| / 127 and the weights
 * round(w * (127 / max |w|)); a row of x likewise with its own scale xs at each call. The sums over
 * k are exact integers, and out = act(float(sum) * xs * ws + bias) * factor + residual,
 * evaluated from left to right. So all variants give the same bits, up to those of the activation,
 * and a row's result depends on nothing but the row.
 *
 * A row of x or w with an infinity or a NaN gives NaN in all its results. Where all values are
 * below 2^-100, they count as 0. */
#pragma once

#include "kernels/gemm.h"

#include <stddef.h>

/* Bytes of the packed form of w[n][k]; 0 when n or k is negative, n above 1,048,576 or k above
 * 131,072. */
size_t gemm_i8_bytes(int n, int k);

/* Fills packed, 64-byte aligned and gemm_i8_bytes(n, k) long, from w[n][k]. It holds no pointers
 * and is the same for all instruction sets, so that it can be kept in a file and mapped. */
void gemm_i8_pack(const float *w, int n, int k, void *packed);

/* As gemm_f32_pack_columns. */
bool gemm_i8_pack_columns(const gemm_columns *c, void *packed);

/* Bytes at the beginning of a packed form that hold the values of its first n columns, a multiple
 * of GEMM_PACK_COLUMNS. */
size_t gemm_i8_panel_bytes(int n, int k);

/* As gemm_f32, with the weights in `packed`; a->w is not looked at. */
void gemm_i8(team *t, const gemm_args *a, const void *packed);

/* As gemm_f32_all. Products of the same x that follow each other prepare it once. */
void gemm_i8_all(team *t, const gemm_args *list, const void *const *packed, int n_products);
