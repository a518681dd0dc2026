/* One table row per element type. */
#include "tensor/dtype.h"
#include "kernels/rows.h"

#include <assert.h>

static const struct {
    const char *name;
    int bits;
} types[N_DTYPES] = {
    [DTYPE_BOOL] = {"BOOL", 8},
    [DTYPE_F4] = {"F4", 4},
    [DTYPE_F6_E2M3] = {"F6_E2M3", 6},
    [DTYPE_F6_E3M2] = {"F6_E3M2", 6},
    [DTYPE_U8] = {"U8", 8},
    [DTYPE_I8] = {"I8", 8},
    [DTYPE_F8_E5M2] = {"F8_E5M2", 8},
    [DTYPE_F8_E4M3] = {"F8_E4M3", 8},
    [DTYPE_F8_E8M0] = {"F8_E8M0", 8},
    [DTYPE_F8_E4M3FNUZ] = {"F8_E4M3FNUZ", 8},
    [DTYPE_F8_E5M2FNUZ] = {"F8_E5M2FNUZ", 8},
    [DTYPE_I16] = {"I16", 16},
    [DTYPE_U16] = {"U16", 16},
    [DTYPE_F16] = {"F16", 16},
    [DTYPE_BF16] = {"BF16", 16},
    [DTYPE_I32] = {"I32", 32},
    [DTYPE_U32] = {"U32", 32},
    [DTYPE_F32] = {"F32", 32},
    [DTYPE_C64] = {"C64", 64},
    [DTYPE_F64] = {"F64", 64},
    [DTYPE_I64] = {"I64", 64},
    [DTYPE_U64] = {"U64", 64},
};

const char *dtype_name(enum dtype type)
{
    return types[type].name;
}

int dtype_bits(enum dtype type)
{
    return types[type].bits;
}

enum dtype dtype_by_name(str name)
{
    int type = 0;
    while (type < N_DTYPES && !str_is(name, types[type].name))
        type++;
    return (enum dtype)type;
}

bool dtype_is_real(enum dtype type)
{
    return type == DTYPE_F32 || type == DTYPE_F16 || type == DTYPE_BF16 || type == DTYPE_F64;
}

void dtype_to_f32(enum dtype type, const void *from, float *out, long n)
{
    assert(dtype_is_real(type));
    switch (type) {
    case DTYPE_F16:
        f16_to_f32(from, out, n);
        break;
    case DTYPE_BF16:
        bf16_to_f32(from, out, n);
        break;
    case DTYPE_F64:
        for (long i = 0; i < n; i++) {
            double value;
            memcpy(&value, (const char *)from + i * (long)sizeof value, sizeof value);
            out[i] = (float)value;
        }
        break;
    default:
        memcpy(out, from, (size_t)n * sizeof *out);
    }
}
