/* Products with bfloat16 weights: the packed form, which is the panels alone. The loops are in
 * gemm_packed.c. */
#include "kernels/gemm_bf16.h"

#include "kernels/gemm_packed.h"

#include <assert.h>
#include <stdlib.h>

enum { VALUE_BYTES = 2 };

size_t gemm_bf16_bytes(int n, int k)
{
    return gemm_packed_bytes(n, k, VALUE_BYTES);
}

bool gemm_bf16_pack_columns(const gemm_columns *c, void *packed)
{
    assert(c->n == 0 || c->k == 0 || gemm_bf16_bytes(c->n, c->k) > 0);
    return gemm_packed_fill(kernels.gemm_bf16, VALUE_BYTES, c,
                            (char *)packed + gemm_bf16_bytes(c->first, c->k), NULL, NULL);
}

void gemm_bf16_pack(const float *w, int n, int k, void *packed)
{
    if (!gemm_bf16_pack_columns(&(gemm_columns){w, 0, n, n, k}, packed))
        abort();
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
