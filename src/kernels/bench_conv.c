/* The benchmark of convolutions, pooling and resizing, at shapes of vision, speech and diffusion
 * models. */
#include "base/memory.h"
#include "kernels/bench_job.h"
#include "kernels/conv.h"
#include "kernels/pool.h"
#include "kernels/resize.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct conv_bench {
    const char *what;
    int height, width, in, out, groups, kernel, stride;
    bool transposed;
} conv_bench;

static const conv_bench convs[] = {
    {"ResNet stem", 224, 224, 3, 64, 1, 7, 2, false},
    {"ResNet", 56, 56, 64, 64, 1, 3, 1, false},
    {"ResNet, halving", 56, 56, 128, 128, 1, 3, 2, false},
    {"ViT patches", 224, 224, 3, 768, 1, 16, 16, false},
    {"diffusion", 64, 64, 320, 320, 1, 3, 1, false},
    {"wav2vec 2", 1, 6400, 512, 512, 1, 3, 2, false},
    {"wav2vec 2 positions", 1, 249, 768, 768, 16, 128, 1, false},
    {"ResNeXt, groups of 4", 56, 56, 128, 128, 32, 3, 1, false},
    {"ResNeXt, groups of 16", 14, 14, 512, 512, 32, 3, 1, false},
    {"depthwise", 56, 56, 144, 144, 144, 3, 1, false},
    {"depthwise, halving", 56, 56, 144, 144, 144, 3, 2, false},
    {"depthwise", 14, 14, 576, 576, 576, 3, 1, false},
    {"depthwise", 7, 7, 960, 960, 960, 5, 1, false},
    {"depthwise", 56, 56, 96, 96, 96, 7, 1, false},
    {"depthwise", 14, 14, 384, 384, 384, 7, 1, false},
    {"depthwise", 1, 500, 256, 256, 256, 31, 1, false},
    {"transposed, doubling", 64, 64, 256, 64, 1, 2, 2, true},
    {"transposed, doubling", 32, 32, 128, 64, 1, 4, 2, true},
    {"transposed, vocoder", 1, 500, 512, 256, 1, 16, 8, true},
};

typedef struct conv_run_shape {
    conv_shape shape;
    const conv_bench *of;
    float *work;
} conv_run_shape;

static conv_args args_of(const bench *b, const conv_run_shape *s)
{
    size_t size = conv_weights(&s->shape), copies = BENCH_WEIGHTS / size;
    return (conv_args){.shape = &s->shape,
                       .w = b->weights + (size_t)b->run % copies * size,
                       .x = b->in,
                       .out = b->out,
                       .n = 1,
                       .height = s->of->height,
                       .width = s->of->width};
}

static void run_conv(bench *b, const void *shape)
{
    const conv_run_shape *s = shape;
    conv_args a = args_of(b, s);
    conv_f32(b->team, &a, s->work);
}

static conv_shape shape_of(const conv_bench *c)
{
    conv_shape s = {.in = c->in, .out = c->out, .groups = c->groups, .transposed = c->transposed};
    for (int axis = 0; axis < 2; axis++) {
        bool flat = axis == 0 && c->height == 1;
        s.kernel[axis] = flat ? 1 : c->kernel;
        s.stride[axis] = flat ? 1 : c->stride;
        s.dilation[axis] = 1;
        /* Patches have nothing around them; others keep the size, divided by the stride. */
        int around = s.kernel[axis] > s.stride[axis] ? s.kernel[axis] - s.stride[axis] : 0;
        s.before[axis] = around / 2;
        s.after[axis] = around - around / 2;
    }
    return s;
}

static void measure_conv(bench *b, const conv_bench *c)
{
    conv_run_shape s = {.shape = shape_of(c), .of = c};
    conv_args a = args_of(b, &s);
    s.work = xmalloc((conv_f32_work(&a) + 1) * sizeof(float));
    double in = (double)c->height * c->width;
    double out = (double)conv_length(&s.shape, 0, c->height) * conv_length(&s.shape, 1, c->width);
    double weights = (double)conv_weights(&s.shape);
    char name[96], kernel[32];
    if (c->height == 1)
        snprintf(kernel, sizeof kernel, "%d", c->kernel);
    else
        snprintf(kernel, sizeof kernel, "%d x %d", c->kernel, c->kernel);
    snprintf(name, sizeof name, "%s %d x %d x %d > %d, %s", c->what, c->height, c->width, c->in,
             c->out, kernel);
    /* Each weight meets each input, or each output. */
    bench_sums(b, run_conv, &s, name, 2 * weights * (c->transposed ? in : out),
               4 * (in * c->in + out * c->out + weights));
    free(s.work);
}

typedef struct pool_bench {
    const char *what;
    int side, channels, kernel, stride;
    bool average;
} pool_bench;

static pool_args pool_of(const bench *b, const pool_bench *p)
{
    pool_args a = {.x = b->in, .out = b->out, .n = 1, .channels = p->channels};
    a.height = a.width = p->side;
    for (int axis = 0; axis < 2; axis++) {
        a.kernel[axis] = p->kernel;
        a.stride[axis] = p->stride;
        a.dilation[axis] = 1;
        a.before[axis] = a.after[axis] = p->kernel < p->side ? p->kernel / 2 : 0;
    }
    return a;
}

static void run_pool(bench *b, const void *shape)
{
    const pool_bench *p = shape;
    pool_args a = pool_of(b, p);
    (p->average ? pool_average : pool_largest)(b->team, &a);
}

static void measure_pools(bench *b)
{
    static const pool_bench pools[] = {
        {"largest", 112, 64, 3, 2, false},
        {"average", 56, 128, 2, 2, true},
        {"average of all", 7, 2048, 7, 1, true},
    };
    for (size_t i = 0; i < sizeof pools / sizeof pools[0]; i++) {
        const pool_bench *p = &pools[i];
        pool_args a = pool_of(b, p);
        double in = (double)p->side * p->side * p->channels;
        double out = (double)(pool_length(&a, 0) * pool_length(&a, 1)) * p->channels;
        char name[96];
        snprintf(name, sizeof name, "%s %d x %d x %d, %d x %d", p->what, p->side, p->side,
                 p->channels, p->kernel, p->kernel);
        bench_bytes(b, run_pool, p, name, 4 * (in + out));
    }
}

typedef struct resize_bench {
    const char *what;
    int from, to, channels;
    enum resize_filter filter;
    float *work;
} resize_bench;

static resize_args resize_of(const bench *b, const resize_bench *r)
{
    return (resize_args){.x = b->in,
                         .out = b->out,
                         .n = 1,
                         .height = r->from,
                         .width = r->from,
                         .channels = r->channels,
                         .out_height = r->to,
                         .out_width = r->to,
                         .filter = r->filter,
                         .antialias = r->to < r->from};
}

static void run_resize(bench *b, const void *shape)
{
    const resize_bench *r = shape;
    resize_args a = resize_of(b, r);
    resize_f32(b->team, &a, r->work);
}

static void measure_resizes(bench *b)
{
    static const resize_bench resizes[] = {
        {"nearest", 32, 64, 320, RESIZE_NEAREST, NULL},
        {"bilinear", 32, 128, 150, RESIZE_BILINEAR, NULL},
        {"bicubic", 14, 24, 768, RESIZE_BICUBIC, NULL},
        {"bicubic", 480, 224, 3, RESIZE_BICUBIC, NULL},
    };
    for (size_t i = 0; i < sizeof resizes / sizeof resizes[0]; i++) {
        resize_bench r = resizes[i];
        resize_args a = resize_of(b, &r);
        r.work = xmalloc((resize_work(&a) + 1) * sizeof(float));
        double pixels = (double)r.from * r.from + (double)r.to * r.to;
        char name[96];
        snprintf(name, sizeof name, "%s %d x %d x %d > %d x %d", r.what, r.from, r.from, r.channels,
                 r.to, r.to);
        bench_bytes(b, run_resize, &r, name, 4 * pixels * r.channels);
        free(r.work);
    }
}

void bench_conv(bench *b)
{
    for (size_t i = 0; i < sizeof convs / sizeof convs[0]; i++)
        measure_conv(b, &convs[i]);
    measure_pools(b);
    measure_resizes(b);
}
