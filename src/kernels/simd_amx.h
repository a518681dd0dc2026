/* The operations on AMX tiles that the kernels use: numbers of tiles are constants, strides are in
 * bytes. The tests have the same ones in portable C (tests/kernels/simd_amx_emulated.h). */
#pragma once

#include <immintrin.h>
#include <stdint.h>

/* What LDTILECFG reads. */
typedef struct amx_shape {
    uint8_t palette, start_row, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
} amx_shape;

#define AMX_CONFIGURE(shape)      _tile_loadconfig(shape)
#define AMX_RELEASE()             _tile_release()
#define AMX_ZERO(t)               _tile_zero(t)
#define AMX_LOAD(t, from, stride) _tile_loadd(t, from, stride)
#define AMX_STORE(t, to, stride)  _tile_stored(t, to, stride)
/* c += a b: unsigned bytes times signed ones, bfloat16 pairs. */
#define AMX_DOT_I8(c, a, b)   _tile_dpbusd(c, a, b)
#define AMX_DOT_BF16(c, a, b) _tile_dpbf16ps(c, a, b)
