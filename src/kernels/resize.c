/* Both axes have a table: for each output, its first input and the weights of some inputs. Rows of
 * an image are mixed first, then pixels of the mixed row. Positions are computed in float, as torch
 * does: which pixel is the nearest depends on it. */
#include "kernels/resize.h"

#include "kernels/table.h"

#include <math.h>
#include <string.h>

enum { PART_FLOATS = 1 << 14 }; /* least work worth another thread */

/* One axis: output i mixes n_taps inputs from at[i * n_taps] with the weights at the same place. */
typedef struct resize_axis {
    int length, out, n_taps;
    float scale, grow; /* inputs for each output; of the filter */
    float *weights;
    int *at;
} resize_axis;

static float filter_value(const resize_args *a, float x)
{
    x = fabsf(x);
    if (a->filter == RESIZE_BILINEAR)
        return x < 1 ? 1 - x : 0;
    float c = a->antialias ? -0.5f : -0.75f;
    if (x < 1)
        return ((c + 2) * x - (c + 3)) * x * x + 1;
    return x < 2 ? ((x - 5) * x + 8) * x * c - 4 * c : 0;
}

static bool is_nearest(const resize_args *a)
{
    return a->filter == RESIZE_NEAREST || a->filter == RESIZE_NEAREST_EXACT;
}

static resize_axis axis_of(const resize_args *a, int axis)
{
    resize_axis r = {.length = axis ? a->width : a->height, .grow = 1};
    r.out = axis ? a->out_width : a->out_height;
    r.scale = a->factor[axis] > 0 ? (float)(1 / a->factor[axis]) : (float)r.length / (float)r.out;
    if (a->align_corners && !is_nearest(a))
        r.scale = r.out > 1 ? (float)(r.length - 1) / (float)(r.out - 1) : 0;
    int reach = a->filter == RESIZE_BICUBIC ? 4 : 2;
    r.n_taps = is_nearest(a) ? 1 : reach;
    if (a->antialias && !is_nearest(a)) {
        r.grow = r.scale > 1 ? r.scale : 1;
        r.n_taps = (int)ceilf((float)reach * 0.5f * r.grow) * 2 + 1;
    }
    return r;
}

static int between(int least, int most, int value)
{
    return value < least ? least : value > most ? most : value;
}

static void place_nearest(const resize_args *a, resize_axis *r)
{
    float shift = a->filter == RESIZE_NEAREST ? 0 : 0.5f;
    for (int i = 0; i < r->out; i++) {
        r->weights[i] = 1;
        r->at[i] = between(0, r->length - 1, (int)floorf(((float)i + shift) * r->scale));
    }
}

/* Inputs beyond the ends are those at the ends. */
static void place_between(const resize_args *a, resize_axis *r)
{
    for (int i = 0; i < r->out; i++) {
        float at = a->align_corners ? r->scale * (float)i : r->scale * ((float)i + 0.5f) - 0.5f;
        if (a->filter == RESIZE_BILINEAR && at < 0)
            at = 0;
        int first = (int)floorf(at);
        for (int t = 0; t < r->n_taps; t++) {
            int input = first + t - (r->n_taps / 2 - 1);
            r->weights[i * r->n_taps + t] = filter_value(a, at - (float)input);
            r->at[i * r->n_taps + t] = between(0, r->length - 1, input);
        }
    }
}

/* Inputs under the grown filter; the weights of those within the image add up to 1. */
static void place_grown(const resize_args *a, resize_axis *r)
{
    float support = (a->filter == RESIZE_BICUBIC ? 2.0f : 1.0f) * r->grow, shrink = 1 / r->grow;
    for (int i = 0; i < r->out; i++) {
        float *weights = r->weights + (long)i * r->n_taps, sum = 0;
        float centre = r->scale * ((float)i + 0.5f);
        int first = (int)(centre - support + 0.5f), end = (int)(centre + support + 0.5f);
        first = first > 0 ? first : 0;
        end = end < r->length ? end : r->length;
        int n = between(0, r->n_taps, end - first);
        for (int t = 0; t < r->n_taps; t++) {
            float x = ((float)(t + first) - centre + 0.5f) * shrink;
            weights[t] = t < n ? filter_value(a, x) : 0;
            r->at[i * r->n_taps + t] = between(0, r->length - 1, first + t);
            sum += weights[t];
        }
        for (int t = 0; t < n && sum != 0; t++)
            weights[t] /= sum;
    }
}

static float *place_all(const resize_args *a, resize_axis *r, float *work)
{
    size_t n = (size_t)r->out * (size_t)r->n_taps;
    r->weights = work;
    r->at = (int *)(void *)(work + n);
    if (is_nearest(a))
        place_nearest(a, r);
    else if (a->antialias)
        place_grown(a, r);
    else
        place_between(a, r);
    return work + 2 * n;
}

typedef struct resize_job {
    const resize_args *a;
    team *team;
    resize_axis y, x;
} resize_job;

static void mix(const float *const *taps, const resize_axis *r, int i, float *out, long width)
{
    if (r->n_taps == 1)
        memcpy(out, taps[0], (size_t)width * sizeof *out);
    else
        kernels.conv_f32->mix(taps, r->weights + (long)i * r->n_taps, r->n_taps, out, width);
}

static void resize_rows(void *arg, long begin, long end, int thread)
{
    const resize_job *job = arg;
    const resize_args *a = job->a;
    long width = (long)a->width * a->channels, out_width = (long)a->out_width * a->channels;
    size_t n_taps = (size_t)job->y.n_taps + (size_t)job->x.n_taps;
    const float **taps =
        team_scratch(job->team, thread, n_taps * sizeof *taps + (size_t)width * sizeof(float));
    float *row = (float *)(void *)(taps + n_taps);
    for (long i = begin; i < end; i++) {
        int y = (int)(i % a->out_height);
        const float *image = a->x + i / a->out_height * a->height * width;
        for (int t = 0; t < job->y.n_taps; t++)
            taps[t] = image + job->y.at[y * job->y.n_taps + t] * width;
        mix(taps, &job->y, y, row, width);
        for (int x = 0; x < a->out_width; x++) {
            for (int t = 0; t < job->x.n_taps; t++)
                taps[t] = row + (long)job->x.at[x * job->x.n_taps + t] * a->channels;
            mix(taps, &job->x, x, a->out + i * out_width + (long)x * a->channels, a->channels);
        }
    }
}

size_t resize_work(const resize_args *a)
{
    resize_axis y = axis_of(a, 0), x = axis_of(a, 1);
    return 2 * ((size_t)y.out * (size_t)y.n_taps + (size_t)x.out * (size_t)x.n_taps);
}

void resize_f32(team *t, const resize_args *a, float *work)
{
    resize_job job = {.a = a, .team = t, .y = axis_of(a, 0), .x = axis_of(a, 1)};
    work = place_all(a, &job.y, work);
    place_all(a, &job.x, work);
    long floats = ((long)a->width * job.y.n_taps + (long)a->out_width * job.x.n_taps) * a->channels;
    team_for(t, (long)a->n * a->out_height, PART_FLOATS / (floats + 1) + 1, resize_rows, &job);
}
