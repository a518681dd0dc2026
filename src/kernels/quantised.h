/* Weights in the block formats of GGUF files (ggml's): what is in a block and what it stands for.
 *
 * A row of k values is k / values blocks without gaps; halves are little-endian IEEE, nothing is
 * aligned. Q4_0 .. Q8_0 have blocks of 32 values, d q or d q + m; the K types blocks of 256 in 8
 * or 16 parts with scales of their own, d scale q - dmin min. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Name, values and bytes of a block. */
#define QUANTISED_FORMATS(FORMAT)                                                                  \
    FORMAT(Q4_0, 32, 18)                                                                           \
    FORMAT(Q4_1, 32, 20)                                                                           \
    FORMAT(Q5_0, 32, 22)                                                                           \
    FORMAT(Q5_1, 32, 24)                                                                           \
    FORMAT(Q8_0, 32, 34)                                                                           \
    FORMAT(Q2_K, 256, 84)                                                                          \
    FORMAT(Q3_K, 256, 110)                                                                         \
    FORMAT(Q4_K, 256, 144)                                                                         \
    FORMAT(Q5_K, 256, 176)                                                                         \
    FORMAT(Q6_K, 256, 210)

enum quantised_type {
#define QUANTISED_ENUM(name, values, bytes) QUANTISED_##name,
    QUANTISED_FORMATS(QUANTISED_ENUM)
#undef QUANTISED_ENUM
        N_QUANTISED_TYPES
};

typedef struct quantised_format {
    const char *name;  /* "Q4_0", ... */
    int values, bytes; /* of a block */
} quantised_format;

extern const quantised_format quantised_formats[N_QUANTISED_TYPES];

/* Bytes of a row of k values; 0 if k is not a whole number of blocks or below 0. */
size_t quantised_row_bytes(enum quantised_type type, long k);

/* A block taken apart. Value i of a small block is d q[i] + m, of a K block
 * d scale[i / part] q[i] - dmin min[i / part]. */
typedef struct quantised_block {
    int8_t q[256];
    int16_t scale[16], min[16]; /* K types only */
    int part;                   /* values with a scale: 16 or 32 */
    float d, m, dmin;
} quantised_block;

void quantised_unpack(enum quantised_type type, const void *block, quantised_block *out);

/* The n values of blocks that follow each other, n being a whole number of blocks. Every value is
 * the exact one rounded to float once. Runs on the calling thread. */
void dequantise(enum quantised_type type, const void *blocks, float *out, long n);
