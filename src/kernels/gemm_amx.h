/* The tiles of int8 and bfloat16 products on AMX: 32 rows and 2 panels, four tiles of sums. Include
 * simd_amx.h before this.
 *
 * A step of 16 rows of a panel is one tile, and 64 bytes of 16 prepared rows are another. A part of
 * at most 16 rows has tiles of just so many; otherwise those that a product lacks are computed from
 * what lies there and left out of the result. */
#pragma once

#include "kernels/gemm_packed.h"

#define INLINE static inline __attribute__((always_inline))

enum amx_dot { AMX_BYTES, AMX_PAIRS };

#define AMX_DOT(kind, c, a, b)                                                                     \
    do {                                                                                           \
        if (kind == AMX_BYTES)                                                                     \
            AMX_DOT_I8(c, a, b);                                                                   \
        else                                                                                       \
            AMX_DOT_BF16(c, a, b);                                                                 \
    } while (0)

enum {
    AMX_ROWS = 16,
    AMX_ROW_BYTES = 64,
    AMX_TILES = 8,
    AMX_TILE_M = 2 * AMX_ROWS,
    AMX_PANELS = 2,
    AMX_TILE_N = AMX_PANELS * PANEL_COLUMNS,
    AMX_STREAM_M = AMX_ROWS,
};

/* 0 .. 3 are sums, 4 and 5 are rows of x, 6 and 7 are panels. */
static inline void amx_enter(int rows)
{
    amx_shape shape = {.palette = 1};
    for (int i = 0; i < AMX_TILES; i++) {
        shape.row_bytes[i] = AMX_ROW_BYTES;
        shape.rows[i] = (uint8_t)(i < 6 && rows < AMX_ROWS ? rows : AMX_ROWS);
    }
    AMX_CONFIGURE(&shape);
}

static inline void amx_leave(void)
{
    AMX_RELEASE();
}

/* The sums of up to 16 rows (of 32: tall) and of one panel (of two: wide). */
INLINE void amx_start(bool tall, bool wide, const int32_t *c, long ldc, bool add)
{
    long stride = ldc * (long)sizeof(int32_t);
    AMX_ZERO(0);
    AMX_ZERO(1);
    AMX_ZERO(2);
    AMX_ZERO(3);
    if (!add)
        return;
    AMX_LOAD(0, c, stride);
    if (wide)
        AMX_LOAD(1, c + PANEL_COLUMNS, stride);
    if (tall)
        AMX_LOAD(2, c + AMX_ROWS * ldc, stride);
    if (tall && wide)
        AMX_LOAD(3, c + AMX_ROWS * ldc + PANEL_COLUMNS, stride);
}

INLINE void amx_end(bool tall, bool wide, int32_t *c, long ldc)
{
    long stride = ldc * (long)sizeof(int32_t);
    AMX_STORE(0, c, stride);
    if (wide)
        AMX_STORE(1, c + PANEL_COLUMNS, stride);
    if (tall)
        AMX_STORE(2, c + AMX_ROWS * ldc, stride);
    if (tall && wide)
        AMX_STORE(3, c + AMX_ROWS * ldc + PANEL_COLUMNS, stride);
}

INLINE void amx_fetch(const char *w)
{
    for (int line = 0; line < AMX_ROWS; line++)
        __builtin_prefetch(w + line * AMX_ROW_BYTES, 0, 2);
}

INLINE void amx_tile_as(enum amx_dot kind, bool tall, bool wide, const char *x, long ldx,
                        const char *w, long ldw, long panel_bytes, int steps, int32_t *c, long ldc,
                        bool add, long ahead)
{
    amx_start(tall, wide, c, ldc, add);
    for (int step = 0; step < steps; step += AMX_ROWS) {
        AMX_LOAD(4, x, ldx);
        AMX_LOAD(6, w, ldw);
        AMX_DOT(kind, 0, 4, 6);
        if (wide) {
            AMX_LOAD(7, w + panel_bytes, ldw);
            AMX_DOT(kind, 1, 4, 7);
        }
        if (tall) {
            AMX_LOAD(5, x + AMX_ROWS * ldx, ldx);
            AMX_DOT(kind, 2, 5, 6);
        }
        if (tall && wide)
            AMX_DOT(kind, 3, 5, 7);
        if (ahead > 0) {
            amx_fetch(w + ahead);
            if (wide)
                amx_fetch(w + ahead + panel_bytes);
        }
        x += AMX_ROW_BYTES;
        w += AMX_ROWS * ldw;
    }
    amx_end(tall, wide, c, ldc);
}

/* As `tile` of gemm_packed_kernels, but that the steps of a panel are ldw bytes apart, and the
 * rows of c ldc sums. */
INLINE void amx_tile(enum amx_dot kind, const void *x, long ldx, int m, const void *w, long ldw,
                     long panel_bytes, int n_panels, int steps, void *c, long ldc, bool add,
                     long ahead)
{
    bool tall = m > AMX_ROWS, wide = n_panels > 1;
    if (tall && wide)
        amx_tile_as(kind, true, true, x, ldx, w, ldw, panel_bytes, steps, c, ldc, add, ahead);
    else if (tall)
        amx_tile_as(kind, true, false, x, ldx, w, ldw, panel_bytes, steps, c, ldc, add, ahead);
    else if (wide)
        amx_tile_as(kind, false, true, x, ldx, w, ldw, panel_bytes, steps, c, ldc, add, ahead);
    else
        amx_tile_as(kind, false, false, x, ldx, w, ldw, panel_bytes, steps, c, ldc, add, ahead);
}

/* Tiles of sums in turns, as in a product; returns how many times 16 x 16 sums were added to. */
INLINE double amx_spin(enum amx_dot kind, long steps)
{
    long products = 0;
    amx_enter(AMX_ROWS);
    AMX_ZERO(4);
    AMX_ZERO(6);
    amx_start(true, true, NULL, 0, false);
    for (; products < steps; products += 4) {
        AMX_DOT(kind, 0, 4, 6);
        AMX_DOT(kind, 1, 4, 6);
        AMX_DOT(kind, 2, 4, 6);
        AMX_DOT(kind, 3, 4, 6);
    }
    amx_leave();
    return (double)products;
}
