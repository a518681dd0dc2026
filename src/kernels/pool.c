/* Each output pixel: the pixels of its window, and the kernel for them. */
#include "kernels/pool.h"

#include "kernels/table.h"

#include <stddef.h>

enum { PART_FLOATS = 1 << 14 }; /* least work worth another thread */

typedef struct pool_job {
    const pool_args *a;
    team *team;
    int out[2];
    bool adaptive, average;
    long window_pixels; /* at most */
} pool_job;

/* Inputs begin, begin + step, ... below end; `counted` of them with padding. */
typedef struct window {
    int begin, end, step, counted;
} window;

long pool_length(const pool_args *a, int axis)
{
    long length = axis ? a->width : a->height, stride = a->stride[axis];
    long reach = (long)a->dilation[axis] * (a->kernel[axis] - 1) + 1;
    long room = length + a->before[axis] + a->after[axis] - reach;
    if (length <= 0 || room < 0)
        return 0;
    long out = (a->ceil ? room + stride - 1 : room) / stride + 1;
    /* A window begins in the image or in the padding before it. */
    return a->ceil && (out - 1) * stride >= length + a->before[axis] ? out - 1 : out;
}

static window window_at(const pool_job *job, int axis, int at)
{
    const pool_args *a = job->a;
    int length = axis ? a->width : a->height;
    window w = {.step = 1};
    if (job->adaptive) {
        w.begin = (int)((long)at * length / job->out[axis]);
        w.end = (int)((((long)at + 1) * length + job->out[axis] - 1) / job->out[axis]);
        w.counted = w.end - w.begin;
        return w;
    }
    w.step = a->dilation[axis];
    w.begin = at * a->stride[axis] - a->before[axis];
    w.end = w.begin + (a->kernel[axis] - 1) * w.step + 1;
    int padded = length + a->after[axis];
    w.counted = (w.end < padded ? w.end : padded) - w.begin;
    while (w.begin < 0)
        w.begin += w.step;
    w.end = w.end < length ? w.end : length;
    return w;
}

static void pool_pixel(const pool_job *job, long pixel, const float **taps, float *weights)
{
    const pool_args *a = job->a;
    int x = (int)(pixel % job->out[1]), y = (int)(pixel / job->out[1] % job->out[0]);
    long image = pixel / job->out[1] / job->out[0];
    window rows = window_at(job, 0, y), columns = window_at(job, 1, x);
    int n = 0;
    for (int i = rows.begin; i < rows.end; i += rows.step) {
        const float *row = a->x + (image * a->height + i) * a->width * a->channels;
        for (int j = columns.begin; j < columns.end; j += columns.step)
            taps[n++] = row + (long)j * a->channels;
    }
    float *out = a->out + pixel * a->channels;
    if (!job->average) {
        kernels.conv_f32->most(taps, n, out, a->channels);
        return;
    }
    int counted = job->adaptive || !a->count_padding ? n : rows.counted * columns.counted;
    if (!job->adaptive && a->divisor)
        counted = a->divisor;
    for (int i = 0; i < n; i++)
        weights[i] = 1.0f / (float)counted;
    kernels.conv_f32->mix(taps, weights, n, out, a->channels);
}

static void pool_pixels(void *arg, long begin, long end, int thread)
{
    const pool_job *job = arg;
    size_t n = (size_t)job->window_pixels;
    const float **taps = team_scratch(job->team, thread, n * (sizeof *taps + sizeof(float)));
    for (long i = begin; i < end; i++)
        pool_pixel(job, i, taps, (float *)(void *)(taps + n));
}

static long least(long a, long b)
{
    return a < b ? a : b;
}

static void run(pool_job *job)
{
    const pool_args *a = job->a;
    long pixels = (long)a->n * job->out[0] * job->out[1];
    if (pixels <= 0)
        return;
    job->window_pixels = job->adaptive
                             ? (long)(a->height / job->out[0] + 2) * (a->width / job->out[1] + 2)
                             : least(a->kernel[0], a->height) * least(a->kernel[1], a->width);
    long grain = PART_FLOATS / (job->window_pixels * a->channels + 1) + 1;
    team_for(job->team, pixels, grain, pool_pixels, job);
}

static void pool(team *t, const pool_args *a, bool average)
{
    pool_job job = {.a = a, .team = t, .average = average};
    job.out[0] = (int)pool_length(a, 0);
    job.out[1] = (int)pool_length(a, 1);
    run(&job);
}

static void pool_to(team *t, const pool_args *a, int out_height, int out_width, bool average)
{
    pool_job job = {.a = a, .team = t, .average = average, .adaptive = true};
    job.out[0] = out_height;
    job.out[1] = out_width;
    run(&job);
}

void pool_largest(team *t, const pool_args *a)
{
    pool(t, a, false);
}

void pool_average(team *t, const pool_args *a)
{
    pool(t, a, true);
}

void pool_largest_to(team *t, const pool_args *a, int out_height, int out_width)
{
    pool_to(t, a, out_height, out_width, false);
}

void pool_average_to(team *t, const pool_args *a, int out_height, int out_width)
{
    pool_to(t, a, out_height, out_width, true);
}
