/* The roundings of low-precision operands, one value at a time; vector variants do the same. */
#pragma once

#include <math.h>
#include <stdint.h>
#include <string.h>

enum {
    QUANTISE_MOST = 127,
    QUANTISE_OFFSET = 128, /* of values as unsigned bytes */
};

/* Below this a row counts as 0: 127 / it would be infinite soon. */
#define QUANTISE_LEAST 0x1p-100f

static inline uint32_t float_bits(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline float float_of_bits(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* Largest |x|; infinite or NaN if any is. The bits of magnitudes are ordered as their values are,
 * and those of NaN are the largest. */
static inline float quantise_largest(const float *x, int n)
{
    uint32_t largest = 0;
    for (int i = 0; i < n; i++) {
        uint32_t bits = float_bits(x[i]) & 0x7fffffff;
        largest = bits > largest ? bits : largest;
    }
    return float_of_bits(largest);
}

/* The scale of values up to largest, and what they are multiplied by; 0 gives zeros. */
static inline float quantise_scale(float largest, float *inverse)
{
    *inverse = 0;
    if (!isfinite(largest))
        return NAN;
    if (largest < QUANTISE_LEAST)
        return 0;
    *inverse = QUANTISE_MOST / largest;
    return largest / QUANTISE_MOST;
}

/* Nearest integer, ties to even: -127 .. 127. An inverse of 0 gives 0 whatever x is. In a sum with
 * 3 * 2^22 the last bit of a float is worth 1: it rounds as rintf, without a call or a branch. */
static inline int quantise(float x, float inverse)
{
    static const float units = 0x1.8p23f;
    float scaled = x * inverse; /* a statement of its own: it is rounded before the sum */
    float sum = scaled + units;
    int32_t bits;
    memcpy(&bits, &sum, sizeof bits);
    return inverse > 0 ? bits - 0x4b400000 : 0;
}

/* To nearest, ties to even; NaN stays one, and what is below the normal range becomes 0. */
static inline uint16_t bf16_of_float(float x)
{
    uint32_t bits = float_bits(x), magnitude = bits & 0x7fffffff;
    if (magnitude > 0x7f800000)
        return (uint16_t)(bits >> 16 | 0x40);
    if (magnitude < 0x00800000)
        return (uint16_t)(bits >> 16 & 0x8000);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

static inline float float_of_bf16(uint16_t x)
{
    return float_of_bits((uint32_t)x << 16);
}
