/* The AMX kernels on emulated tiles, between the portable preparation and epilogue. */
#pragma once

#include "harness.h"
#include "simd_amx_emulated.h"

#include "kernels/gemm_amx.h"

/* The portable epilogue has tiles of one panel. */
static void finish_panels(const gemm_packed_kernels *portable, const gemm_args *a,
                          const gemm_sums *s, int row, int rows, int col, int cols)
{
    for (int first = 0; first < cols; first += PANEL_COLUMNS) {
        _Alignas(64) int32_t c[AMX_TILE_M * PANEL_COLUMNS];
        for (int i = 0; i < rows; i++)
            memcpy(c + i * PANEL_COLUMNS, (const int32_t *)s->c + i * AMX_TILE_N + first,
                   PANEL_COLUMNS * sizeof *c);
        gemm_sums part = {.c = c, .x_scale = s->x_scale};
        if (s->w_scale) {
            part.w_scale = s->w_scale + first;
            part.offset = s->offset + first;
        }
        int left = cols - first;
        portable->finish(a, &part, row, rows, col + first,
                         left < PANEL_COLUMNS ? left : PANEL_COLUMNS);
    }
}

static void finish_i8(const gemm_args *a, const gemm_sums *s, int row, int rows, int col, int cols)
{
    finish_panels(&gemm_i8_scalar, a, s, row, rows, col, cols);
}

static void finish_bf16(const gemm_args *a, const gemm_sums *s, int row, int rows, int col,
                        int cols)
{
    finish_panels(&gemm_bf16_scalar, a, s, row, rows, col, cols);
}

static void tile_i8(const void *x, long ldx, int m, const void *w, long panel_bytes, int n_panels,
                    int steps, void *c, bool add, long ahead)
{
    amx_tile(AMX_BYTES, x, ldx, m, w, AMX_ROW_BYTES, panel_bytes, n_panels, steps, c, AMX_TILE_N,
             add, ahead);
}

static void tile_bf16(const void *x, long ldx, int m, const void *w, long panel_bytes, int n_panels,
                      int steps, void *c, bool add, long ahead)
{
    amx_tile(AMX_PAIRS, x, ldx, m, w, AMX_ROW_BYTES, panel_bytes, n_panels, steps, c, AMX_TILE_N,
             add, ahead);
}

/* A table of the emulated kernels: the portable ones with other tiles. */
static gemm_packed_kernels emulated_kernels(const gemm_packed_kernels *portable)
{
    bool i8 = portable == &gemm_i8_scalar;
    gemm_packed_kernels f = *portable;
    f.tile_m = AMX_TILE_M;
    f.tile_n = AMX_TILE_N;
    f.stream_m = AMX_STREAM_M;
    f.tile = i8 ? tile_i8 : tile_bf16;
    f.finish = i8 ? finish_i8 : finish_bf16;
    f.enter = amx_enter;
    f.leave = amx_leave;
    return f;
}
