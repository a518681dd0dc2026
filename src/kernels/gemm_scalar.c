/* The portable f32 GEMM kernels: what the others are held against. The sums have the order that
 * gemm.h states, with a multiplication and an addition for each term. */
#include "kernels/list.h"
#include "kernels/math_scalar.h"

#include <string.h>

enum { TILE_M = 2, TILE_N = 4, QUAD = 4 };

static void pack(const float *w, long ldw, int n, int k, float *panel)
{
    for (int l = 0; l < k; l += QUAD) {
        int values = k - l < QUAD ? k - l : QUAD;
        for (int j = 0; j < TILE_N; j++, panel += QUAD) {
            memset(panel, 0, QUAD * sizeof *panel);
            if (j < n)
                memcpy(panel, w + j * ldw + l, (size_t)values * sizeof *panel);
        }
    }
}

static void store_sums(float sums[TILE_N][QUAD], float *c, bool add)
{
    for (int j = 0; j < TILE_N; j++) {
        float sum = (sums[j][0] + sums[j][2]) + (sums[j][1] + sums[j][3]);
        c[j] = add ? c[j] + sum : sum;
    }
}

static void tile_row(const float *x, const float *panel, int k, float *c, bool add)
{
    float sums[TILE_N][QUAD] = {{0}};
    int l = 0;
    for (; l + QUAD <= k; l += QUAD, panel += TILE_N * QUAD) {
        for (int j = 0; j < TILE_N; j++) {
            for (int i = 0; i < QUAD; i++)
                sums[j][i] += x[l + i] * panel[j * QUAD + i];
        }
    }
    for (int i = 0; l + i < k; i++) {
        for (int j = 0; j < TILE_N; j++)
            sums[j][i] += x[l + i] * panel[j * QUAD + i];
    }
    store_sums(sums, c, add);
}

static void tile_two(const float *x, long ldx, const float *panel, int k, float *c, bool add)
{
    float sums[TILE_M][TILE_N][QUAD] = {{{0}}};
    for (int l = 0; l < k; l += QUAD, panel += TILE_N * QUAD) {
        for (int j = 0; j < TILE_N; j++) {
            for (int i = 0; i < QUAD; i++) {
                sums[0][j][i] += x[l + i] * panel[j * QUAD + i];
                sums[1][j][i] += x[ldx + l + i] * panel[j * QUAD + i];
            }
        }
    }
    store_sums(sums[0], c, add);
    store_sums(sums[1], c + TILE_N, add);
}

static void tile(const float *x, long ldx, int m, const float *panel, int k, float *c, bool add,
                 const gemm_ahead *ahead)
{
    (void)ahead;
    int i = 0;
    for (; k % QUAD == 0 && i + TILE_M <= m; i += TILE_M)
        tile_two(x + i * ldx, ldx, panel, k, c + i * TILE_N, add);
    for (; i < m; i++)
        tile_row(x + i * ldx, panel, k, c + i * TILE_N, add);
}

static void stream(const float *x, long ldx, int m, const float *w, long ldw, int n, int k,
                   float *c, bool add, bool next)
{
    (void)next;
    float panel[TILE_N * GEMM_BLOCK];
    pack(w, ldw, n, k, panel);
    tile(x, ldx, m, panel, k, c, add, NULL);
}

static void finish(const gemm_args *a, const float *c, int row, int rows, int col, int cols)
{
    for (int i = 0; i < rows; i++, c += TILE_N) {
        float *out = a->out + (row + i) * a->ldo + col;
        for (int j = 0; j < cols; j++) {
            float y = scalar_activate(a->act, a->bias ? c[j] + a->bias[col + j] : c[j]);
            y = a->factor ? y * a->factor[(row + i) * a->ldf + col + j] : y;
            out[j] = a->residual ? y + a->residual[(row + i) * a->ldr + col + j] : y;
        }
    }
}

/* Eight chains of QUAD sums; the compiler may make them vectors of its baseline. */
static double spin(long steps)
{
    enum { CHAINS = 8 };
    float sums[CHAINS][QUAD] = {{0}};
    volatile float factor = 0.999f;
    float a = factor;
    for (long l = 0; l < steps; l++) {
        for (int i = 0; i < CHAINS; i++) {
            for (int j = 0; j < QUAD; j++)
                sums[i][j] = sums[i][j] * a + a;
        }
    }
    for (int i = 0; i < CHAINS; i++)
        factor = sums[i][0] + sums[i][1] + sums[i][2] + sums[i][3];
    return 2.0 * (double)steps * CHAINS * QUAD;
}

const gemm_f32_kernels gemm_f32_scalar = {TILE_M, TILE_N, 1,      2 * TILE_M, false,
                                          pack,   tile,   stream, finish,     spin};
