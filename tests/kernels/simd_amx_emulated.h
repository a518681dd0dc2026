/* The operations of kernels/simd_amx.h in portable C, with the semantics of Intel's manual, so that
 * the AMX kernels are tested on every machine. What faults on the processor ends the test. */
#pragma once

#include "kernels/quantise.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct amx_shape {
    uint8_t palette, start_row, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
} amx_shape;

enum { EMULATED_TILES = 8, EMULATED_ROWS = 16, EMULATED_ROW_BYTES = 64 };

static _Thread_local struct {
    bool configured;
    amx_shape shape;
    uint8_t tiles[EMULATED_TILES][EMULATED_ROWS][EMULATED_ROW_BYTES];
} amx;

static inline void amx_demand(bool condition, const char *what)
{
    if (!condition) {
        fprintf(stderr, "AMX: %s\n", what);
        abort();
    }
}

static inline void emulated_configure(const amx_shape *shape)
{
    static const uint8_t zeros[14];
    amx_demand(sizeof *shape == 64 && shape->palette == 1, "palette");
    amx_demand(memcmp(shape->reserved, zeros, sizeof zeros) == 0, "reserved bytes");
    for (int t = 0; t < 16; t++) {
        bool used = shape->row_bytes[t] > 0 && shape->rows[t] > 0;
        amx_demand(shape->row_bytes[t] <= EMULATED_ROW_BYTES && shape->rows[t] <= EMULATED_ROWS,
                   "size of a tile");
        amx_demand((used && t < EMULATED_TILES) || (!shape->row_bytes[t] && !shape->rows[t]),
                   "half a tile or one too many");
    }
    memset(&amx, 0, sizeof amx);
    amx.shape = *shape;
    amx.configured = true;
}

static inline void emulated_release(void)
{
    memset(&amx, 0, sizeof amx);
}

static inline void emulated_zero(int t)
{
    amx_demand(amx.configured, "no configuration");
    memset(amx.tiles[t], 0, sizeof amx.tiles[t]);
}

static inline void emulated_load(int t, const void *from, long stride)
{
    emulated_zero(t);
    for (int i = 0; i < amx.shape.rows[t]; i++)
        memcpy(amx.tiles[t][i], (const char *)from + i * stride, amx.shape.row_bytes[t]);
}

static inline void emulated_store(int t, void *to, long stride)
{
    amx_demand(amx.configured, "no configuration");
    for (int i = 0; i < amx.shape.rows[t]; i++)
        memcpy((char *)to + i * stride, amx.tiles[t][i], amx.shape.row_bytes[t]);
}

static inline void emulated_check(int c, int a, int b)
{
    const amx_shape *s = &amx.shape;
    amx_demand(amx.configured, "no configuration");
    amx_demand(c != a && c != b && a != b, "the same tile twice");
    amx_demand(s->rows[c] == s->rows[a], "rows of the sums and of the left tile");
    amx_demand(s->row_bytes[a] % 4 == 0 && s->row_bytes[a] / 4 == s->rows[b], "inner sizes");
    amx_demand(s->row_bytes[c] == s->row_bytes[b], "columns");
}

static inline void emulated_dot_i8(int c, int a, int b)
{
    emulated_check(c, a, b);
    for (int i = 0; i < amx.shape.rows[c]; i++) {
        for (int j = 0; j < amx.shape.row_bytes[c] / 4; j++) {
            uint32_t sum;
            memcpy(&sum, &amx.tiles[c][i][4 * j], sizeof sum);
            for (int l = 0; l < amx.shape.row_bytes[a]; l++)
                sum += (uint32_t)(amx.tiles[a][i][l] * (int8_t)amx.tiles[b][l / 4][4 * j + l % 4]);
            memcpy(&amx.tiles[c][i][4 * j], &sum, sizeof sum);
        }
    }
}

/* Denormals are zeros, as operands and as results. */
static inline float emulated_flush(float x)
{
    return fabsf(x) < 0x1p-126f ? copysignf(0, x) : x;
}

static inline float emulated_bf16(int t, int row, int column)
{
    uint16_t bits;
    memcpy(&bits, &amx.tiles[t][row][2 * column], sizeof bits);
    return emulated_flush(float_of_bf16(bits));
}

/* Even and odd values are summed apart. */
static inline void emulated_dot_bf16(int c, int a, int b)
{
    emulated_check(c, a, b);
    for (int i = 0; i < amx.shape.rows[c]; i++) {
        for (int j = 0; j < amx.shape.row_bytes[c] / 4; j++) {
            float sums[2] = {0, 0}, sum;
            for (int l = 0; l < amx.shape.row_bytes[a] / 2; l++) {
                float x = emulated_bf16(a, i, l), w = emulated_bf16(b, l / 2, 2 * j + l % 2);
                sums[l % 2] = emulated_flush(sums[l % 2] + x * w); /* the product is exact */
            }
            memcpy(&sum, &amx.tiles[c][i][4 * j], sizeof sum);
            sum = emulated_flush(emulated_flush(sum) + emulated_flush(sums[0] + sums[1]));
            memcpy(&amx.tiles[c][i][4 * j], &sum, sizeof sum);
        }
    }
}

#define AMX_CONFIGURE(shape)      emulated_configure(shape)
#define AMX_RELEASE()             emulated_release()
#define AMX_ZERO(t)               emulated_zero(t)
#define AMX_LOAD(t, from, stride) emulated_load(t, from, stride)
#define AMX_STORE(t, to, stride)  emulated_store(t, to, stride)
#define AMX_DOT_I8(c, a, b)       emulated_dot_i8(c, a, b)
#define AMX_DOT_BF16(c, a, b)     emulated_dot_bf16(c, a, b)
