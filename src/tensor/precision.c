#include "tensor/precision.h"

#include <stddef.h>
#include <string.h>

const char *const precision_names[N_PRECISIONS + 1] = {"f32", "bf16", "int8", NULL};

const char *precision_family(const char *name)
{
    static const char *const families[N_PRECISIONS] = {"gemm_f32", "gemm_bf16", "gemm_i8"};
    for (int i = 1; i < N_PRECISIONS; i++)
        if (strcmp(name, precision_names[i]) == 0)
            return families[i];
    return families[PRECISION_F32];
}
