/* Products with int8 weights: the packed form. The loops are in gemm_packed.c.
 *
 * Packed: the panels, then [columns] scales (float), then [columns] offsets (int32): 128 times the
 * sum of the column's weights, as kernels that take x as unsigned bytes add 128 to each value. */
#include "kernels/gemm_i8.h"

#include "kernels/gemm_packed.h"
#include "kernels/quantise.h"

#include <assert.h>
#include <math.h>
#include <string.h>

enum { VALUES = 4, PIECE = 512 }; /* of a step; of a column that are packed together */

static size_t columns_of(int n)
{
    return (size_t)gemm_packed_panels(n) * PANEL_COLUMNS;
}

size_t gemm_i8_bytes(int n, int k)
{
    if (!gemm_packed_fits(n, k))
        return 0;
    return gemm_packed_bytes(n, k, 1) + columns_of(n) * (sizeof(float) + sizeof(int32_t));
}

static gemm_packed packed_of(const void *packed, int n, int k)
{
    gemm_packed p = {.kernels = kernels.gemm_i8, .value_bytes = 1, .panels = packed};
    p.w_scale = (const float *)(const void *)(p.panels + gemm_packed_bytes(n, k, 1));
    p.offset = (const int32_t *)(const void *)(p.w_scale + columns_of(n));
    return p;
}

/* One column: its values are PANEL_STEP_BYTES apart by fours. */
static void pack_column(const float *w, int k, int8_t *to, float *scale, int32_t *offset)
{
    float inverse;
    *scale = quantise_scale(quantise_largest(w, k), &inverse);
    int32_t sum = 0;
    for (int begin = 0; begin < k; begin += PIECE) {
        int8_t values[PIECE]; /* in their order first: that loop is one of vectors */
        int n = k - begin < PIECE ? k - begin : PIECE;
        for (int l = 0; l < n; l++) {
            int value = quantise(w[begin + l], inverse);
            values[l] = (int8_t)value;
            sum += value;
        }
        memset(values + n, 0, (size_t)(PIECE - n));
        for (int l = 0; l < n; l += VALUES)
            memcpy(to + (long)(begin + l) / VALUES * PANEL_STEP_BYTES, values + l, VALUES);
    }
    *offset = QUANTISE_OFFSET * sum;
}

void gemm_i8_pack(const float *w, int n, int k, void *packed)
{
    assert(n == 0 || gemm_i8_bytes(n, k) > 0);
    memset(packed, 0, gemm_i8_bytes(n, k));
    long panel_bytes = gemm_packed_steps(k, 1) * PANEL_STEP_BYTES;
    int8_t *panels = packed;
    float *scale = (float *)(void *)(panels + gemm_packed_bytes(n, k, 1));
    int32_t *offset = (int32_t *)(void *)(scale + columns_of(n));
    for (long j = 0; j < n; j++)
        pack_column(w + j * k, k,
                    panels + j / PANEL_COLUMNS * panel_bytes + j % PANEL_COLUMNS * VALUES,
                    scale + j, offset + j);
}

void gemm_i8(team *t, const gemm_args *a, const void *packed)
{
    gemm_i8_all(t, a, &packed, 1);
}

void gemm_i8_all(team *t, const gemm_args *list, const void *const *packed, int n_products)
{
    assert(n_products <= GEMM_TOGETHER);
    gemm_packed p[GEMM_TOGETHER];
    for (int i = 0; i < n_products; i++)
        p[i] = packed_of(packed[i], list[i].n, list[i].k);
    gemm_packed_run(t, list, p, n_products);
}
