/* The portable bfloat16 GEMM kernels: what the others are held against. The order of the sums is
 * that of gemm_bf16.h; the product of two bfloat16 values is exact. */
#include "kernels/gemm_packed.h"
#include "kernels/list.h"
#include "kernels/math_scalar.h"
#include "kernels/quantise.h"

enum { TILE_M = 4, TILE_N = 16, VALUES = 2 };

static void prepare(const float *x, int k, void *to, float *scale)
{
    (void)scale;
    uint16_t *values = to;
    for (int l = 0; l < k; l++)
        values[l] = bf16_of_float(x[l]);
    for (; k % (PANEL_STEP_BYTES / VALUES) != 0; k++)
        values[k] = 0;
}

/* Pairs are taken as words, which compilers make vectors of. */
static void tile_row(const uint32_t *x, const uint32_t *w, int steps, float *c)
{
    for (int s = 0; s < steps; s++, w += TILE_N) {
        float even = float_of_bits(x[s] << 16), odd = float_of_bits(x[s] & 0xffff0000);
        for (int j = 0; j < TILE_N; j++) {
            float sum = c[j] + odd * float_of_bits(w[j] & 0xffff0000);
            c[j] = sum + even * float_of_bits(w[j] << 16);
        }
    }
}

static void tile(const void *x, long ldx, int m, const void *w, long panel_bytes, int n_panels,
                 int steps, void *c, bool add, long ahead)
{
    (void)panel_bytes, (void)n_panels, (void)ahead;
    float *sums = c;
    if (!add)
        memset(sums, 0, (size_t)m * TILE_N * sizeof *sums);
    for (int i = 0; i < m; i++)
        tile_row((const uint32_t *)(const void *)((const char *)x + i * ldx), w, steps,
                 sums + i * TILE_N);
}

static void finish(const gemm_args *a, const gemm_sums *s, int row, int rows, int col, int cols)
{
    const float *c = s->c;
    for (int i = 0; i < rows; i++, c += TILE_N) {
        float *out = a->out + (row + i) * a->ldo + col;
        for (int j = 0; j < cols; j++) {
            float y = scalar_activate(a->act, a->bias ? c[j] + a->bias[col + j] : c[j]);
            y = a->factor ? y * a->factor[(row + i) * a->ldf + col + j] : y;
            out[j] = a->residual ? y + a->residual[(row + i) * a->ldr + col + j] : y;
        }
    }
}

/* The tile itself, on one panel in the first cache. */
static double spin(long steps)
{
    enum { BLOCK = 64 };
    uint32_t x[BLOCK] = {0}, w[BLOCK * TILE_N] = {0};
    float c[TILE_N] = {0};
    volatile uint32_t changed = 0; /* or the blocks would be computed once */
    for (long l = 0; l < steps; l += BLOCK) {
        x[0] = changed;
        tile_row(x, w, BLOCK, c);
        changed = float_bits(c[0]);
    }
    return 2.0 * (double)steps * TILE_N * VALUES;
}

const gemm_bf16_kernels gemm_bf16_scalar = {
    .tile_m = TILE_M,
    .tile_n = TILE_N,
    .x_size = 2,
    .prepare = prepare,
    .tile = tile,
    .finish = finish,
    .spin = spin,
};
