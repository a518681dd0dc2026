/* Products with quantised weights by 256-bit VNNI: sums of four products of a code below 64 fit
 * into 16 bits, and the upper half of their lanes is multiplied by a scale of 0. */
#pragma once

#define SCALED_DOT(sums, codes, x, scale)                                                          \
    MULTIPLY_ADD(sums, DOT(_mm256_setzero_si256(), codes, x),                                      \
                 _mm256_and_si256(scale, _mm256_set1_epi32(0xffff)))
#include "kernels/gemm_quantised_256.h"
