/* Products with bfloat16 weights: the packed form, which is the panels alone. The loops are in
 * gemm_packed.c. */
#include "kernels/gemm_bf16.h"

#include "kernels/gemm_packed.h"
#include "kernels/quantise.h"

#include <assert.h>
#include <string.h>

enum { VALUES = 2, VALUE_BYTES = 2 }; /* of a step; of a value */
enum { PIECE = 512 };                 /* values of a column that are packed together */

size_t gemm_bf16_bytes(int n, int k)
{
    return gemm_packed_bytes(n, k, VALUE_BYTES);
}

/* Values of a column, in their order first: that loop is one of vectors. */
static void pack_piece(const float *w, int n, uint16_t *to)
{
    uint16_t values[PIECE] = {0};
    for (int l = 0; l < n; l++)
        values[l] = bf16_of_float(w[l]);
    for (int l = 0; l < n; l += VALUES)
        memcpy(to + (long)l * PANEL_COLUMNS, values + l, VALUE_BYTES * VALUES);
}

void gemm_bf16_pack(const float *w, int n, int k, void *packed)
{
    assert(n == 0 || k == 0 || gemm_bf16_bytes(n, k) > 0);
    memset(packed, 0, gemm_bf16_bytes(n, k));
    long panel_values = gemm_packed_steps(k, VALUE_BYTES) * PANEL_COLUMNS * VALUES;
    for (long j = 0; j < n; j++) {
        uint16_t *to = packed;
        to += j / PANEL_COLUMNS * panel_values + j % PANEL_COLUMNS * VALUES;
        for (int begin = 0; begin < k; begin += PIECE)
            pack_piece(w + j * k + begin, k - begin < PIECE ? k - begin : PIECE,
                       to + (long)begin * PANEL_COLUMNS);
    }
}

void gemm_bf16(team *t, const gemm_args *a, const void *packed)
{
    gemm_bf16_all(t, a, &packed, 1);
}

void gemm_bf16_all(team *t, const gemm_args *list, const void *const *packed, int n_products)
{
    assert(n_products <= GEMM_TOGETHER);
    gemm_packed p[GEMM_TOGETHER];
    for (int i = 0; i < n_products; i++)
        p[i] = (gemm_packed){
            .kernels = kernels.gemm_bf16, .value_bytes = VALUE_BYTES, .panels = packed[i]};
    gemm_packed_run(t, list, p, n_products);
}
