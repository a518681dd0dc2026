/* Matrix products with bfloat16 weights: gemm_f32's with both operands rounded to bfloat16 (to
 * nearest, ties to even; NaN stays, values below 2^-126 become 0) and sums in f32.
 *
 * A sum takes the products of each pair of values of k, the second one first: s += x[l + 1] w[l +
 * 1], s += x[l] w[l], each rounded, with l rising in twos. That is the order of the AVX512-BF16
 * instruction, and all variants but AMX give these bits; except where a sum is below 2^-126, which
 * the instruction takes as 0. AMX sums the even and the odd values of 32 apart, adds the two, and
 * adds that to the sum. On one level, a row's result depends on nothing but the row. */
#pragma once

#include "kernels/gemm.h"

#include <stddef.h>

/* Bytes of the packed form of w[n][k]; 0 when n or k is negative, n above 1,048,576 or k above
 * 131,072. */
size_t gemm_bf16_bytes(int n, int k);

/* Fills packed, 64-byte aligned and gemm_bf16_bytes(n, k) long, from w[n][k]. It holds no pointers
 * and is the same for all instruction sets, so that it can be kept in a file and mapped. */
void gemm_bf16_pack(const float *w, int n, int k, void *packed);

/* As gemm_f32_pack_columns. */
bool gemm_bf16_pack_columns(const gemm_columns *c, void *packed);

/* As gemm_f32, with the weights in `packed`; a->w is not looked at. */
void gemm_bf16(team *t, const gemm_args *a, const void *packed);

/* As gemm_f32_all. Products of the same x that follow each other prepare it once. */
void gemm_bf16_all(team *t, const gemm_args *list, const void *const *packed, int n_products);
