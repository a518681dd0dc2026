/* The portable products with quantised weights: what the others are held against. */
#include "kernels/gemm_quantised_x.h"
#include "kernels/list.h"

enum { TILE_M = 2, TILE_N = 1 };

static void quantise(enum quantised_type type, const float *x, int k, void *chunks)
{
    static const uint8_t in_order[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    quantise_row(type, true, in_order, x, k, chunks);
}

static int products(const int8_t *a, const int8_t *b, int n)
{
    int sum = 0;
    for (int i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

static float dot_small(const quantised_block *w, const x_small *x, int block)
{
    float scale = w->d * x->d[4 * block];
    return (float)products(w->q, x->q + 32 * block, 32) * scale + w->m * x->sum[4 * block];
}

static float dot_large(const quantised_block *w, const x_large *x)
{
    int sum = 0, minima = 0;
    for (int i = 0; i < 256 / w->part; i++) {
        int at = i * w->part;
        sum += w->scale[i] * products(w->q + at, x->q + at, w->part);
        minima += w->min[i] * sum_of(x->q + at, w->part);
    }
    return (w->d * (float)sum - w->dmin * (float)minima) * x->d;
}

static void dot_row(enum quantised_type type, const char *chunks, size_t row_size, int m,
                    const uint8_t *w, int k, float *sums)
{
    const quantised_format *f = &quantised_formats[type];
    for (int b = 0; b < k / f->values; b++, w += f->bytes) {
        quantised_block block;
        quantised_unpack(type, w, &block);
        for (int i = 0; i < m; i++) {
            const void *x = chunks + (size_t)i * row_size;
            sums[i] += f->values == 32 ? dot_small(&block, (const x_small *)x + b / 4, b % 4)
                                       : dot_large(&block, (const x_large *)x + b);
        }
    }
}

static void dot(enum quantised_type type, const void *chunks, size_t row_size, int m,
                const uint8_t *w, size_t w_size, int n, int k, float *c, long ldc, bool add)
{
    const quantised_format *f = &quantised_formats[type];
    for (int j = 0; j < n; j++, w += w_size, c++) {
        for (int i = 0; !add && i < m; i++)
            c[i * ldc] = 0;
        for (int l = 0; l < k; l += GEMM_QUANTISED_BLOCK) {
            float sums[TILE_M] = {0};
            dot_row(type, (const char *)chunks + chunks_size(type, l), row_size, m,
                    w + l / f->values * f->bytes,
                    k - l < GEMM_QUANTISED_BLOCK ? k - l : GEMM_QUANTISED_BLOCK, sums);
            for (int i = 0; i < m; i++)
                c[i * ldc] += sums[i];
        }
    }
}

const gemm_quantised_kernels gemm_quantised_scalar = {TILE_M, TILE_N, quantise, dot};
