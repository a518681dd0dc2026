/* The benchmark of the kernels that go row by row. */
#include "base/memory.h"
#include "kernels/bench_job.h"
#include "kernels/group_norm.h"
#include "kernels/rows.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static void run_layer_norm(bench *b, const void *shape)
{
    const int *rows_width = shape;
    layer_norm_f32(b->team, b->in, b->weights, b->weights, b->weights, 1e-5f, b->out, rows_width[0],
                   rows_width[1]);
}

static void run_rms_norm(bench *b, const void *shape)
{
    const int *rows_width = shape;
    rms_norm_f32(b->team, b->in, b->weights, 1e-6f, b->out, rows_width[0], rows_width[1]);
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

static void run_from_bf16(bench *b, const void *shape)
{
    const int *rows_width = shape;
    bf16_to_f32(b->in, b->out, (long)rows_width[0] * rows_width[1]);
}

/* Words, positions and a type, as of BERT. */
static void run_embedding(bench *b, const void *shape)
{
    enum { ROWS = 2048, WORDS = 30000, PRIME = 7919 };
    const int *rows_width = shape;
    int words[ROWS], positions[ROWS];
    for (int i = 0; i < ROWS; i++) {
        words[i] = (int)((long)(i + b->run) * PRIME % WORDS);
        positions[i] = i % 256;
    }
    embed_f32(b->team, &(embed_args){.n_tables = 3,
                                     .table = {b->weights, b->in, b->in},
                                     .ids = {words, positions},
                                     .out = b->out,
                                     .n_rows = rows_width[0],
                                     .width = rows_width[1]});
}

typedef struct rotary_shape {
    int rows, heads, head_dim;
    bool neighbours;
    float *x;
    const float *angles; /* of a row: sines, then cosines */
} rotary_shape;

static void rotate_rows(void *arg, long begin, long end, int thread)
{
    (void)thread;
    const rotary_shape *s = arg;
    int pairs = s->head_dim / 2;
    for (long i = begin * s->heads; i < end * s->heads; i++) {
        const float *sines = s->angles + i / s->heads * s->head_dim;
        rotate_f32(s->x + i * s->head_dim, sines, sines + pairs, pairs, s->neighbours);
    }
}

static void run_rotary(bench *b, const void *shape)
{
    rotary_shape s = *(const rotary_shape *)shape;
    s.x = b->out;
    team_for(b->team, s.rows, 16, rotate_rows, &s);
}

static void measure_rotary(bench *b)
{
    enum { ROWS = 2048, HEAD = 64 };
    float *angles = xmalloc(sizeof *angles * ROWS * HEAD);
    for (int i = 0; i < ROWS * HEAD; i++) {
        float angle = (float)(i / HEAD) / (float)(1 + i % (HEAD / 2));
        angles[i] = i % HEAD < HEAD / 2 ? sinf(angle) : cosf(angle);
    }
    for (int neighbours = 0; neighbours < 2; neighbours++) {
        rotary_shape s = {.rows = ROWS, .heads = 12, .head_dim = HEAD, .neighbours = neighbours};
        s.angles = angles;
        char name[64];
        snprintf(name, sizeof name, "rotary %d tokens, %d heads of %d, %s", s.rows, s.heads,
                 s.head_dim, neighbours ? "neighbours" : "halves");
        double n = (double)s.rows * s.head_dim;
        bench_sums(b, run_rotary, &s, name, 3 * n * s.heads, 8 * n * s.heads + 4 * n);
    }
    free(angles);
}

typedef struct norm_shape {
    int rows, channels, groups;
    float *work;
} norm_shape;

static group_norm_args norm_of(const bench *b, const norm_shape *s)
{
    return (group_norm_args){.x = b->in,
                             .out = b->out,
                             .n = 1,
                             .rows = s->rows,
                             .channels = s->channels,
                             .groups = s->groups,
                             .gamma = b->weights,
                             .beta = b->weights,
                             .eps = 1e-5f,
                             .act = ACT_SILU};
}

static void run_group_norm(bench *b, const void *shape)
{
    const norm_shape *s = shape;
    group_norm_args a = norm_of(b, s);
    group_norm_f32(b->team, &a, s->work);
}

static void run_batch_norm(bench *b, const void *shape)
{
    const norm_shape *s = shape;
    batch_norm_f32(b->team, b->in, b->weights, b->weights, b->weights, ACT_RELU, b->out, s->rows,
                   s->channels);
}

/* x is read three times, or once. */
static void measure_norms(bench *b)
{
    static const norm_shape groups[] = {{64 * 64, 320, 32, NULL}, {6400, 512, 512, NULL}};
    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++) {
        norm_shape s = groups[i];
        group_norm_args a = norm_of(b, &s);
        char name[64];
        s.work = xmalloc((group_norm_work(&a) + 1) * sizeof(float));
        snprintf(name, sizeof name, "group norm %d x %d, %d groups, silu", s.rows, s.channels,
                 s.groups);
        bench_bytes(b, run_group_norm, &s, name, 16.0 * s.rows * s.channels);
        free(s.work);
    }
    norm_shape s = {.rows = 56 * 56, .channels = 64};
    bench_bytes(b, run_batch_norm, &s, "batch norm 3136 x 64, relu", 8.0 * s.rows * s.channels);
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
        snprintf(name, sizeof name, "rms norm %d x %d", s[0], s[1]);
        bench_bytes(b, run_rms_norm, s, name, 8 * n);
        snprintf(name, sizeof name, "softmax %d x %d", s[0], s[1]);
        bench_bytes(b, run_softmax, s, name, 8 * n);
        snprintf(name, sizeof name, "gelu %d x %d", s[0], s[1]);
        bench_bytes(b, run_gelu, s, name, 8 * n);
        snprintf(name, sizeof name, "half to float %d x %d", s[0], s[1]);
        bench_bytes(b, run_from_f16, s, name, 6 * n);
        snprintf(name, sizeof name, "bfloat16 to float %d x %d", s[0], s[1]);
        bench_bytes(b, run_from_bf16, s, name, 6 * n);
        snprintf(name, sizeof name, "embedding %d x %d, 3 tables", s[0], s[1]);
        bench_sums(b, run_embedding, s, name, 2 * n, 16 * n);
    }
    measure_rotary(b);
    measure_norms(b);
}
