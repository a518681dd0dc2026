/* The benchmark of the kernels that go row by row. */
#include "kernels/bench_job.h"
#include "kernels/rows.h"

#include <stdio.h>

static void run_layer_norm(bench *b, const void *shape)
{
    const int *rows_width = shape;
    layer_norm_f32(b->team, b->in, b->weights, b->weights, b->weights, 1e-5f, b->out, rows_width[0],
                   rows_width[1]);
}

static void run_softmax(bench *b, const void *shape)
{
    const int *rows_width = shape;
    softmax_f32(b->team, b->in, b->out, rows_width[0], rows_width[1]);
}

static void run_gelu(bench *b, const void *shape)
{
    const int *rows_width = shape;
    activate_f32(b->team, ACT_GELU_ERF, b->in, b->out, (long)rows_width[0] * rows_width[1]);
}

static void run_from_f16(bench *b, const void *shape)
{
    const int *rows_width = shape;
    f16_to_f32(b->in, b->out, (long)rows_width[0] * rows_width[1]);
}

void bench_rows(bench *b)
{
    static const int shapes[][2] = {{256, 384}, {2048, 1024}};
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        const int *s = shapes[i];
        double n = (double)s[0] * s[1];
        char name[64];
        snprintf(name, sizeof name, "layer norm %d x %d", s[0], s[1]);
        bench_bytes(b, run_layer_norm, s, name, 12 * n);
        snprintf(name, sizeof name, "softmax %d x %d", s[0], s[1]);
        bench_bytes(b, run_softmax, s, name, 8 * n);
        snprintf(name, sizeof name, "gelu %d x %d", s[0], s[1]);
        bench_bytes(b, run_gelu, s, name, 8 * n);
        snprintf(name, sizeof name, "half to float %d x %d", s[0], s[1]);
        bench_bytes(b, run_from_f16, s, name, 6 * n);
    }
}
