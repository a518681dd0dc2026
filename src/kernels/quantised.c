/* Takes the blocks of GGUF's types apart. The layouts are those of ggml's published structs. */
#include "kernels/quantised.h"

#include "kernels/rows.h"

#include <string.h>

const quantised_format quantised_formats[N_QUANTISED_TYPES] = {
#define QUANTISED_ROW(name, values, bytes) {#name, values, bytes},
    QUANTISED_FORMATS(QUANTISED_ROW)
#undef QUANTISED_ROW
};

size_t quantised_row_bytes(enum quantised_type type, long k)
{
    const quantised_format *f = &quantised_formats[type];
    return k < 0 || k % f->values ? 0 : (size_t)(k / f->values) * (size_t)f->bytes;
}

static float half(const uint8_t *p)
{
    float value;
    f16_to_f32(p, &value, 1);
    return value;
}

/* 16 bytes hold values i in their low and i + 16 in their high halves. high has a fifth bit for
 * each value, or is NULL. */
static void unpack_32(const uint8_t *nibbles, const uint8_t *high, int offset, int8_t *q)
{
    for (int i = 0; i < 32; i++) {
        int value = i < 16 ? nibbles[i] & 15 : nibbles[i - 16] >> 4;
        if (high)
            value |= (high[i / 8] >> i % 8 & 1) << 4;
        q[i] = (int8_t)(value - offset);
    }
}

/* 2 bits: each half of 128 values has 32 bytes, which hold values i, i + 32, i + 64, i + 96. Bit
 * j of high[i] belongs to value 32 j + i and is worth 4; without it, q is 4 less. */
static void unpack_2_bits(const uint8_t *low, const uint8_t *high, int8_t *q)
{
    for (int i = 0; i < 256; i++) {
        int value = low[i / 128 * 32 + i % 32] >> i / 32 % 4 * 2 & 3;
        if (high)
            value += (high[i % 32] >> i / 32 & 1) * 4 - 4;
        q[i] = (int8_t)value;
    }
}

/* 4 bits: 32 bytes hold values i and i + 32 of 64. Bit j of high[i] belongs to value 32 j + i. */
static void unpack_4_bits(const uint8_t *low, const uint8_t *high, int8_t *q)
{
    for (int i = 0; i < 256; i++) {
        int value = low[i / 64 * 32 + i % 32] >> i / 32 % 2 * 4 & 15;
        if (high)
            value |= (high[i % 32] >> i / 32 & 1) << 4;
        q[i] = (int8_t)value;
    }
}

/* 6 bits: each half has 64 bytes with 4 bits of values i and i + 64, and 32 bytes with 2 bits of
 * values i, i + 32, i + 64, i + 96. */
static void unpack_6_bits(const uint8_t *low, const uint8_t *high, int8_t *q)
{
    for (int i = 0; i < 256; i++) {
        int half_of = i / 128, four = low[half_of * 64 + i % 64] >> i / 64 % 2 * 4 & 15;
        int two = high[half_of * 32 + i % 32] >> i / 32 % 4 * 2 & 3;
        q[i] = (int8_t)((four | two << 4) - 32);
    }
}

/* 8 scales and 8 minima of 6 bits in 12 bytes: the first four have bytes 0 .. 7 to themselves,
 * whose upper 2 bits, with 4 bits of bytes 8 .. 11 each, are the others. */
static void unpack_scales_and_minima(const uint8_t *s, quantised_block *out)
{
    for (int i = 0; i < 4; i++) {
        out->scale[i] = s[i] & 63;
        out->min[i] = s[i + 4] & 63;
        out->scale[i + 4] = (int16_t)((s[i + 8] & 15) | s[i] >> 6 << 4);
        out->min[i + 4] = (int16_t)(s[i + 8] >> 4 | s[i + 4] >> 6 << 4);
    }
}

static void unpack_small(enum quantised_type type, const uint8_t *p, quantised_block *out)
{
    out->d = half(p);
    out->m = type == QUANTISED_Q4_1 || type == QUANTISED_Q5_1 ? half(p + 2) : 0;
    if (type == QUANTISED_Q4_0)
        unpack_32(p + 2, NULL, 8, out->q);
    else if (type == QUANTISED_Q4_1)
        unpack_32(p + 4, NULL, 0, out->q);
    else if (type == QUANTISED_Q5_0)
        unpack_32(p + 6, p + 2, 16, out->q);
    else if (type == QUANTISED_Q5_1)
        unpack_32(p + 8, p + 4, 0, out->q);
    else
        memcpy(out->q, p + 2, 32);
}

static void unpack_k(enum quantised_type type, const uint8_t *p, quantised_block *out)
{
    bool wide = type == QUANTISED_Q4_K || type == QUANTISED_Q5_K;
    out->part = wide ? 32 : 16;
    if (wide) {
        out->d = half(p);
        out->dmin = half(p + 2);
        unpack_scales_and_minima(p + 4, out);
        bool five = type == QUANTISED_Q5_K;
        unpack_4_bits(five ? p + 48 : p + 16, five ? p + 16 : NULL, out->q);
        return;
    }
    memset(out->min, 0, sizeof out->min);
    out->dmin = 0;
    if (type == QUANTISED_Q2_K) {
        for (int i = 0; i < 16; i++) {
            out->scale[i] = p[i] & 15;
            out->min[i] = p[i] >> 4;
        }
        out->d = half(p + 80);
        out->dmin = half(p + 82);
        unpack_2_bits(p + 16, NULL, out->q);
    } else if (type == QUANTISED_Q3_K) {
        const uint8_t *s = p + 96; /* low 4 bits of 16 scales, then 2 bits of each */
        for (int i = 0; i < 16; i++)
            out->scale[i] =
                (int16_t)(((s[i % 8] >> i / 8 * 4 & 15) | (s[8 + i % 4] >> i / 4 * 2 & 3) << 4) -
                          32);
        out->d = half(p + 108);
        unpack_2_bits(p + 32, p, out->q);
    } else {
        for (int i = 0; i < 16; i++)
            out->scale[i] = (int8_t)p[192 + i];
        out->d = half(p + 208);
        unpack_6_bits(p, p + 128, out->q);
    }
}

void quantised_unpack(enum quantised_type type, const void *block, quantised_block *out)
{
    if (quantised_formats[type].values == 32)
        unpack_small(type, block, out);
    else
        unpack_k(type, block, out);
}

/* Halves times the whole numbers of the formats fit into a float: only the last sum rounds. */
void dequantise(enum quantised_type type, const void *blocks, float *out, long n)
{
    const quantised_format *f = &quantised_formats[type];
    const uint8_t *p = blocks;
    quantised_block b;
    for (long at = 0; at < n; at += f->values, p += f->bytes, out += f->values) {
        quantised_unpack(type, p, &b);
        if (f->values == 32) {
            for (int i = 0; i < 32; i++)
                out[i] = b.d * b.q[i] + b.m;
            continue;
        }
        for (int i = 0; i < 256; i++) {
            int part = i / b.part;
            out[i] = b.d * b.scale[part] * b.q[i] - b.dmin * b.min[part];
        }
    }
}
