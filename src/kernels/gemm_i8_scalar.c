/* The portable int8 GEMM kernels: what the others are held against. x as unsigned bytes, with 128
 * added, as VNNI and AMX take it. */
#include "kernels/gemm_packed.h"
#include "kernels/list.h"
#include "kernels/math_scalar.h"
#include "kernels/quantise.h"

enum { TILE_M = 4, TILE_N = 16, VALUES = 4 };

static void prepare(const float *x, int k, void *to, float *scale)
{
    uint8_t *values = to;
    float inverse;
    *scale = quantise_scale(quantise_largest(x, k), &inverse);
    for (int l = 0; l < k; l++)
        values[l] = (uint8_t)(QUANTISE_OFFSET + quantise(x[l], inverse));
    for (; k % PANEL_STEP_BYTES != 0; k++)
        values[k] = 0;
}

/* Sums modulo 2^32, as the instructions have them: what the offset adds may pass 2^31. */
static int32_t wrapping_add(int32_t a, int32_t b)
{
    return (int32_t)((uint32_t)a + (uint32_t)b);
}

static void tile_row(const uint8_t *x, const int8_t *w, int steps, int32_t *c)
{
    for (int s = 0; s < steps; s++, x += VALUES) {
        for (int j = 0; j < TILE_N; j++, w += VALUES)
            c[j] = wrapping_add(c[j], x[0] * w[0] + x[1] * w[1] + x[2] * w[2] + x[3] * w[3]);
    }
}

static void tile(const void *x, long ldx, int m, const void *w, long panel_bytes, int n_panels,
                 int steps, void *c, bool add, long ahead)
{
    (void)panel_bytes, (void)n_panels, (void)ahead;
    int32_t *sums = c;
    if (!add)
        memset(sums, 0, (size_t)m * TILE_N * sizeof *sums);
    for (int i = 0; i < m; i++)
        tile_row((const uint8_t *)x + i * ldx, w, steps, sums + i * TILE_N);
}

static void finish(const gemm_args *a, const gemm_sums *s, int row, int rows, int col, int cols)
{
    const int32_t *c = s->c;
    for (int i = 0; i < rows; i++, c += TILE_N) {
        float *out = a->out + (row + i) * a->ldo + col;
        for (int j = 0; j < cols; j++) {
            float y = (float)wrapping_add(c[j], -s->offset[j]) * s->x_scale[i] * s->w_scale[j];
            y = scalar_activate(a->act, a->bias ? y + a->bias[col + j] : y);
            y = a->factor ? y * a->factor[(row + i) * a->ldf + col + j] : y;
            out[j] = a->residual ? y + a->residual[(row + i) * a->ldr + col + j] : y;
        }
    }
}

/* The tile itself, on one panel in the first cache. */
static double spin(long steps)
{
    enum { BLOCK = 64 };
    uint8_t x[BLOCK * VALUES] = {0};
    int8_t w[BLOCK * TILE_N * VALUES] = {0};
    int32_t c[TILE_N] = {0};
    volatile uint8_t changed = 0; /* or the blocks would be computed once */
    for (long l = 0; l < steps; l += BLOCK) {
        x[0] = changed;
        tile_row(x, w, BLOCK, c);
        changed = (uint8_t)c[0];
    }
    return 2.0 * (double)steps * TILE_N * VALUES;
}

const gemm_i8_kernels gemm_i8_scalar = {
    .tile_m = TILE_M,
    .tile_n = TILE_N,
    .x_size = 1,
    .x_offset = QUANTISE_OFFSET,
    .prepare = prepare,
    .tile = tile,
    .finish = finish,
    .spin = spin,
};
