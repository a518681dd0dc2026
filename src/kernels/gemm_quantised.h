/* Matrix products with weights in the block formats of quantised.h, used where they lie. */
#pragma once

#include "kernels/gemm.h"
#include "kernels/quantised.h"

/* As gemm_f32, with the rows of w quantised: w is [n] rows of quantised_row_bytes(type, k) bytes,
 * of any alignment, and may be a read-only mapping; a->w is not looked at. a->k is a whole number
 * of blocks of the type.
 *
 * The rows of x are quantised for the call: to 8 bits, -127 .. 127 times a scale for each 32 values
 * (256 for the K types), the scale being the largest magnitude / 127. An output so differs from
 * the product with the exact values of the blocks (dequantise) by at most the sum over the blocks
 * of scale / 2 times the summed magnitudes of w, besides roundings. Blocks of x whose largest
 * magnitude is below 2^-100 count as 0; a row of x with a NaN or an infinity gives NaN.
 *
 * Products within a block are summed as whole numbers, exactly. A row of the result has the same
 * bits whatever m is, wherever the row stands and however many threads there are, as long as the
 * kernel level is the same. */
void gemm_quantised(team *t, const gemm_args *a, enum quantised_type type, const void *w);
