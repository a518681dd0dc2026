/* Element types of published tensors. */
#pragma once

#include "base/str.h"

#include <stdint.h>

/* Names and widths as in the safetensors format. */
enum dtype {
    DTYPE_BOOL,
    DTYPE_F4,
    DTYPE_F6_E2M3,
    DTYPE_F6_E3M2,
    DTYPE_U8,
    DTYPE_I8,
    DTYPE_F8_E5M2,
    DTYPE_F8_E4M3,
    DTYPE_F8_E8M0,
    DTYPE_F8_E4M3FNUZ,
    DTYPE_F8_E5M2FNUZ,
    DTYPE_I16,
    DTYPE_U16,
    DTYPE_F16,
    DTYPE_BF16,
    DTYPE_I32,
    DTYPE_U32,
    DTYPE_F32,
    DTYPE_C64,
    DTYPE_F64,
    DTYPE_I64,
    DTYPE_U64,
    N_DTYPES
};

/* "F32". */
const char *dtype_name(enum dtype type);

/* Bits of one element. */
int dtype_bits(enum dtype type);

/* N_DTYPES when the name is unknown. */
enum dtype dtype_by_name(str name);

/* Whether dtype_to_f32 can read it: F32, F16, BF16, F64. */
bool dtype_is_real(enum dtype type);

/* Converts n elements of a real type to float (F64 rounds to nearest). from needs no alignment and
 * may not overlap out. */
void dtype_to_f32(enum dtype type, const void *from, float *out, long n);
