/* The loops of convolutions.
 *
 * For some rows of a phase (conv_job.h) the surroundings are laid out in working memory, [taps][in
 * / groups] for each group, and multiplied with the weights. A 1 x 1 convolution needs no layout;
 * one with small groups is summed where its inputs lie (conv_direct.c). */
#include "kernels/conv_job.h"

#include "base/profile.h"
#include "kernels/gemm.h"

#include <string.h>

enum {
    WORK_FLOATS = 1 << 18, /* of the surroundings that are laid out at a time, about: 1 MB */
    LEAST_ROWS = 384,
    PART_FLOATS = 1 << 14, /* least work worth another thread */
};

static void place_in_image(const conv_job *job, place *at)
{
    const conv_args *a = job->a;
    long pixels = (long)a->height * a->width, outs = (long)job->out_height * job->out_width;
    at->height = a->height;
    at->width = a->width;
    at->out_width = job->out_width;
    at->phase_width = job->phase_width;
    long first = at->image * pixels, first_out = at->image * outs;
    if (a->start) {
        first = a->start[at->image];
        first_out = a->out_start[at->image];
        at->height = 1;
        at->width = a->start[at->image + 1] - (int)first;
        at->out_width = at->phase_width = a->out_start[at->image + 1] - (int)first_out;
    }
    at->x = a->x + first * job->s->in;
    at->out = a->out + first_out * job->s->out;
}

place conv_place(const conv_job *job, long row)
{
    place at = {0};
    if (job->a->start) { /* sequences of one phase: rows are those of out */
        int low = 0, high = job->a->n - 1;
        while (low < high) {
            int middle = low + (high - low + 1) / 2;
            if (job->a->out_start[middle] <= row)
                low = middle;
            else
                high = middle - 1;
        }
        at.image = low;
        at.j = (int)(row - job->a->out_start[low]);
    } else {
        long rows = (long)job->phase_height * job->phase_width;
        at.image = (int)(row / rows);
        at.y = (int)(row % rows / job->phase_width);
        at.j = (int)(row % job->phase_width);
    }
    place_in_image(job, &at);
    return at;
}

void conv_next_place(const conv_job *job, place *at, int n)
{
    at->j += n;
    if (at->j < at->phase_width)
        return;
    at->j = 0;
    if (!job->a->start && ++at->y < job->phase_height)
        return;
    at->y = 0;
    do {
        if (++at->image >= job->a->n)
            return;
        place_in_image(job, at);
    } while (at->phase_width == 0);
}

/* The inputs of n taps from x on, pixel by pixel. */
static float *lay_out_pixels(const conv_job *job, const place *at, int y, int x, int n, float *to)
{
    int in = job->s->in;
    for (int i = 0; i < n; i++, to += in) {
        int from = conv_input(job->s, x + i, at->width);
        if (from < 0)
            memset(to, 0, (size_t)in * sizeof *to);
        else
            memcpy(to, at->x + ((long)y * at->width + from) * in, (size_t)in * sizeof *to);
    }
    return to;
}

/* Neighbours in memory that are neighbours in the layout: one copy. */
static float *lay_out_run(const conv_job *job, const place *at, int y, float *to)
{
    const phase_axis *p = &job->p.x;
    int in = job->s->in, x = at->j * p->in_step + p->offset, end = x + p->n_taps;
    int from = x > 0 ? x : 0, until = end < at->width ? end : at->width;
    y = conv_input(job->s, y, at->height);
    if (y < 0) {
        memset(to, 0, (size_t)(p->n_taps * in) * sizeof *to);
        return to + p->n_taps * in;
    }
    if (from >= until)
        return lay_out_pixels(job, at, y, x, p->n_taps, to);
    to = lay_out_pixels(job, at, y, x, from - x, to);
    memcpy(to, at->x + ((long)y * at->width + from) * in,
           (size_t)((until - from) * in) * sizeof *to);
    to += (until - from) * in;
    return lay_out_pixels(job, at, y, until, end - until, to);
}

/* The pixel that a tap sees, or NULL. */
static const float *pixel(const conv_job *job, const place *at, int y, int tap)
{
    const phase_axis *p = &job->p.x;
    int x = conv_input(job->s, at->j * p->in_step + p->offset + tap * p->offset_step, at->width);
    y = conv_input(job->s, y, at->height);
    return y < 0 || x < 0 ? NULL : at->x + ((long)y * at->width + x) * job->s->in;
}

/* Each tap's channels go to the layouts of the groups. */
static void lay_out_taps(const conv_job *job, const place *at, int y, int row, float *to)
{
    int groups = job->s->groups, in = job->s->in / groups, taps = taps_of(&job->p);
    for (int t = 0; t < job->p.x.n_taps; t++) {
        const float *from = pixel(job, at, y, t);
        float *tap = to + (row * job->p.x.n_taps + t) * in;
        for (int g = 0; g < groups; g++, tap += (long)taps * in) {
            if (from)
                memcpy(tap, from + (long)g * in, (size_t)in * sizeof *to);
            else
                memset(tap, 0, (size_t)in * sizeof *to);
        }
    }
}

static void lay_out(void *arg, long begin, long end, int thread)
{
    (void)thread;
    const conv_job *job = arg;
    const phase_axis *p = &job->p.y;
    long k = (long)taps_of(&job->p) * job->s->in;
    place at = conv_place(job, job->row + begin);
    for (long i = begin; i < end; i++, conv_next_place(job, &at, 1)) {
        float *to = job->work + i * k;
        for (int t = 0; t < p->n_taps; t++) {
            int y = at.y * p->in_step + p->offset + t * p->offset_step;
            if (job->s->groups == 1 && job->p.x.offset_step == 1)
                to = lay_out_run(job, &at, y, to);
            else
                lay_out_taps(job, &at, y, t, to);
        }
    }
}

static void scatter(void *arg, long begin, long end, int thread)
{
    (void)thread;
    const conv_job *job = arg;
    place at = conv_place(job, job->row + begin);
    for (long i = begin; i < end; i++, conv_next_place(job, &at, 1))
        memcpy(place_of_out(job, &at), job->sums + i * job->s->out,
               (size_t)job->s->out * sizeof(float));
}

/* The product of a group; rows of x have all groups. */
static gemm_args product_of(const conv_job *job, const float *x, long rows, float *out, int group)
{
    const conv_args *a = job->a;
    const conv_shape *s = job->s;
    int k = taps_of(&job->p) * (s->in / s->groups), n = s->out / s->groups;
    long skip = (long)group * n;
    return (gemm_args){
        .x = x + (long)group * k,
        .ldx = (long)k * s->groups,
        .w = job->w ? job->w + skip * k : NULL,
        .packed = job->packed
                      ? (const float *)(const void *)(job->packed +
                                                      (size_t)group * gemm_f32_packed_bytes(n, k))
                      : NULL,
        .bias = a->bias ? a->bias + skip : NULL,
        .residual = a->residual ? a->residual + job->row * s->out + skip : NULL,
        .ldr = s->out,
        .out = out + skip,
        .ldo = s->out,
        .m = (int)rows,
        .n = n,
        .k = k,
        .act = a->act};
}

/* All groups in as few regions of the team as may be. */
static void multiply(const conv_job *job, const float *x, long rows, float *out)
{
    gemm_args together[GEMM_TOGETHER];
    for (int g = 0; g < job->s->groups;) {
        int n = 0;
        for (; n < GEMM_TOGETHER && g < job->s->groups; g++)
            together[n++] = product_of(job, x, rows, out, g);
        gemm_f32_all(job->team, together, n);
    }
}

static bool is_product(const conv_shape *s)
{
    bool product = !s->transposed && !conv_is_small(s);
    for (int axis = 0; axis < 2; axis++)
        product = product && s->kernel[axis] == 1 && s->stride[axis] == 1 && s->before[axis] == 0 &&
                  s->after[axis] == 0;
    return product;
}

/* The rows of a phase are not all rows of the output in order. */
static bool is_scattered(const conv_shape *s)
{
    return s->transposed && (s->stride[0] > 1 || s->stride[1] > 1);
}

/* Rows of a phase, in all images or sequences. */
static long rows_of(const conv_args *a, long height, long width)
{
    return a->start ? a->out_start[a->n] : a->n * height * width;
}

/* Rows that are laid out at a time. */
static long rows_at_a_time(long k, long rows)
{
    long fit = k > 0 ? WORK_FLOATS / k : WORK_FLOATS;
    fit = fit > LEAST_ROWS ? fit : LEAST_ROWS;
    return fit < rows ? fit : rows;
}

static long grain(long floats_of_row)
{
    return PART_FLOATS / (floats_of_row + 1) + 1;
}

static void run_phase(conv_job *job, long rows)
{
    const conv_shape *s = job->s;
    long k = (long)taps_of(&job->p) * s->in, step = rows_at_a_time(k, rows);
    if (conv_is_small(s)) {
        team_for(job->team, rows, grain(k), conv_direct_rows, job);
        return;
    }
    if (is_product(s)) {
        multiply(job, job->a->x, rows, job->a->out);
        return;
    }
    job->sums = job->work + step * k;
    for (job->row = 0; job->row < rows; job->row += step) {
        long n = rows - job->row < step ? rows - job->row : step;
        team_for(job->team, n, grain(k), lay_out, job);
        if (!is_scattered(s)) {
            multiply(job, job->work, n, job->a->out + job->row * s->out);
            continue;
        }
        multiply(job, job->work, n, job->sums);
        team_for(job->team, n, grain(s->out), scatter, job);
    }
}

/* Outputs first, first + step, ... below length. */
static int count(int length, int first, int step)
{
    return length > first ? (length - first + step - 1) / step : 0;
}

static void run_phases(team *t, const conv_args *a, float *work)
{
    const conv_shape *s = a->shape;
    conv_job job = {.a = a, .s = s, .team = t, .w = a->w, .packed = a->packed};
    job.work = work;
    if (!a->start) {
        job.out_height = (int)conv_length(s, 0, a->height);
        job.out_width = (int)conv_length(s, 1, a->width);
    }
    for (int i = 0; i < conv_phases(s); i++) {
        job.p = conv_phase(s, i);
        job.phase_height = count(job.out_height, job.p.y.first, job.p.y.out_step);
        job.phase_width = count(job.out_width, job.p.x.first, job.p.x.out_step);
        long rows = rows_of(a, job.phase_height, job.phase_width);
        job.row = 0;
        if (rows > 0)
            run_phase(&job, rows);
        int in = taps_of(&job.p) * (s->in / s->groups);
        if (job.w)
            job.w += (size_t)in * (size_t)s->out;
        if (job.packed)
            job.packed += (size_t)s->groups * gemm_f32_packed_bytes(s->out / s->groups, in);
    }
}

size_t conv_f32_work(const conv_args *a)
{
    const conv_shape *s = a->shape;
    size_t most = 0;
    long all = rows_of(a, conv_length(s, 0, a->height), a->start ? 0 : conv_length(s, 1, a->width));
    for (int i = 0; i < conv_phases(s); i++) {
        phase p = conv_phase(s, i);
        long k = (long)taps_of(&p) * s->in;
        size_t rows = (size_t)rows_at_a_time(k, all);
        size_t floats = rows * (size_t)(k + (is_scattered(s) ? s->out : 0));
        most = floats > most ? floats : most;
    }
    return conv_is_small(s) || is_product(s) ? 0 : most;
}

/* The rows of a phase are counted in images of one size; a product goes on from row to row. */
static bool goes_one_by_one(const conv_args *a)
{
    return a->start &&
           (a->shape->transposed || (is_product(a->shape) && a->start[a->n] != a->out_start[a->n]));
}

void conv_f32(team *t, const conv_args *a, float *work)
{
    PROFILE(PROFILE_CONV);
    if (!goes_one_by_one(a)) {
        run_phases(t, a, work);
        return;
    }
    for (int i = 0; i < a->n; i++) {
        conv_args one = *a;
        const int *lengths = a->shape->transposed ? a->start : a->out_start;
        one.n = one.height = 1;
        one.width = lengths[i + 1] - lengths[i];
        one.x += (long)a->start[i] * a->shape->in;
        one.out += (long)a->out_start[i] * a->shape->out;
        if (a->residual)
            one.residual += (long)a->out_start[i] * a->shape->out;
        one.start = one.out_start = NULL;
        run_phases(t, &one, work);
    }
}
