/* Products with int8 weights: the packed form. The loops are in gemm_packed.c.
 *
 * Packed: the panels, then [columns] scales (float), then [columns] offsets (int32): 128 times the
 * sum of the column's weights, as kernels that take x as unsigned bytes add 128 to each value. */
#include "kernels/gemm_i8.h"

#include "kernels/gemm_packed.h"

#include <assert.h>
#include <stdlib.h>

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

size_t gemm_i8_panel_bytes(int n, int k)
{
    return gemm_packed_bytes(n, k, 1);
}

bool gemm_i8_pack_columns(const gemm_columns *c, void *packed)
{
    assert(c->n == 0 || gemm_i8_bytes(c->n, c->k) > 0);
    char *panels = packed;
    float *scale = (float *)(void *)(panels + gemm_packed_bytes(c->n, c->k, 1)) + c->first;
    int32_t *offset = (int32_t *)(void *)(scale - c->first + columns_of(c->n)) + c->first;
    return gemm_packed_fill(kernels.gemm_i8, 1, c, panels + gemm_i8_panel_bytes(c->first, c->k),
                            scale, offset);
}

void gemm_i8_pack(const float *w, int n, int k, void *packed)
{
    if (!gemm_i8_pack_columns(&(gemm_columns){w, 0, n, n, k}, packed))
        abort();
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
