/* What products with int8 and with bfloat16 weights have in common: the packed layout, the loops.
 *
 * Their vector kernels have a GELU_ERF that is as exact as they are (vf_gelu_near): within 5e-5, or
 * 1e-5 of the value if that is more.
 *
 * A step is 4 bytes of each operand: 4 int8 values of k, or 2 bfloat16 values. A panel is 16
 * columns of the result; its step s holds the 4 bytes of column 0, of column 1, ..: 64 bytes, what
 * one register takes and one row of an AMX tile is. Steps are padded with zeros to a multiple of
 * 16, a whole tile, and columns to a multiple of 16. One layout serves all instruction sets. */
#pragma once

#include "kernels/gemm.h"
#include "kernels/table.h"

#include <stdbool.h>
#include <stddef.h>

enum {
    PANEL_COLUMNS = 16,
    PANEL_STEP_BYTES = 64,
    PANEL_STEP_MULTIPLE = 16,
    STEP_BYTES = 4,
    GEMM_PACKED_COLUMNS = 1 << 20, /* n at most: vocabularies have a quarter of it */
    GEMM_PACKED_VALUES = 1 << 17,  /* k: int32 sums of 127 * 127 stay exact up to 133,144 */
};

/* Packed weights of a product, and the kernels for them. */
typedef struct gemm_packed {
    const gemm_packed_kernels *kernels;
    int value_bytes;       /* of a weight: 1 or 2 */
    const char *panels;    /* 64-byte aligned */
    const float *w_scale;  /* [columns, padded] or NULL */
    const int32_t *offset; /* [columns, padded] or NULL */
} gemm_packed;

/* Panels of n columns; steps of k values of so many bytes, padded. */
long gemm_packed_panels(int n);
long gemm_packed_steps(int k, int value_bytes);

/* Whether there is a packed form of w[n][k]: neither is negative or above its limit. */
bool gemm_packed_fits(int n, int k);

/* Bytes of all panels; 0 without such a form. */
size_t gemm_packed_bytes(int n, int k, int value_bytes);

/* Packs columns into panels, all of whose bytes are written: their values are those of a row of x
 * as the kernels prepare it. value_bytes 1: scale and offset are those of the columns, up to a
 * whole number of panels; else NULL. False: no memory to work in. */
bool gemm_packed_fill(const gemm_packed_kernels *f, int value_bytes, const gemm_columns *c,
                      char *panels, float *scale, int32_t *offset);

/* At most GEMM_TOGETHER products of one precision; the w of their args is not looked at. Those that
 * follow each other and have the same x share its preparation and a region. */
void gemm_packed_run(team *t, const gemm_args *list, const gemm_packed *packed, int n_products);
