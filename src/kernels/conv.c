/* The loops of convolutions.
 *
 * Outputs are taken a phase at a time: all of them, or, transposed, those at the same place between
 * two inputs, which see the same taps of the kernel. For some rows of a phase the surroundings are
 * laid out in working memory, [taps][in / groups] for each group, and multiplied with the weights.
 * A 1 x 1 convolution needs no layout; a depthwise one is summed where its inputs lie. */
#include "kernels/conv.h"

#include "kernels/gemm.h"
#include "kernels/table.h"

#include <math.h>
#include <string.h>

enum {
    WORK_FLOATS = 1 << 18, /* of the surroundings that are laid out at a time, about: 1 MB */
    LEAST_ROWS = 96,
    PART_FLOATS = 1 << 14, /* least work worth another thread */
};

/* One axis of a phase: output first + j out_step sees, by tap tap + t tap_step of the kernel, the
 * input j in_step + offset + t offset_step. */
typedef struct phase_axis {
    int first, out_step, in_step;
    int tap, tap_step, n_taps;
    int offset, offset_step;
} phase_axis;

typedef struct phase {
    phase_axis y, x;
} phase;

static int phases_of(const conv_shape *s, int axis)
{
    return s->transposed ? s->stride[axis] : 1;
}

static phase_axis axis_of(const conv_shape *s, int axis, int first)
{
    int stride = s->stride[axis], dilation = s->dilation[axis], kernel = s->kernel[axis];
    phase_axis p = {.first = first, .out_step = 1, .in_step = stride, .tap_step = 1};
    p.n_taps = kernel;
    p.offset = -s->before[axis];
    p.offset_step = dilation;
    if (!s->transposed)
        return p;
    /* Output o is reached from input i by tap k if o = i stride - before + k dilation. */
    p.out_step = stride;
    p.in_step = 1;
    int at = first + s->before[axis];
    while (p.tap < kernel && (at - p.tap * dilation) % stride)
        p.tap++;
    while (p.tap_step * dilation % stride)
        p.tap_step++;
    p.n_taps = p.tap < kernel ? (kernel - 1 - p.tap) / p.tap_step + 1 : 0;
    p.offset = p.n_taps ? (at - p.tap * dilation) / stride : 0;
    p.offset_step = -(p.tap_step * dilation / stride);
    return p;
}

static int taps_of(const phase *p)
{
    return p->y.n_taps * p->x.n_taps;
}

long conv_length(const conv_shape *s, int axis, long length)
{
    long reach = (long)s->dilation[axis] * (s->kernel[axis] - 1) + 1, stride = s->stride[axis];
    long padding = (long)s->before[axis] + s->after[axis];
    if (length <= 0)
        return 0;
    long out = s->transposed              ? (length - 1) * stride + reach - padding + s->more[axis]
               : length + padding < reach ? 0
                                          : (length + padding - reach) / stride + 1;
    return out > 0 ? out : 0;
}

size_t conv_weights(const conv_shape *s)
{
    return (size_t)s->out * (size_t)(s->in / s->groups) * (size_t)s->kernel[0] *
           (size_t)s->kernel[1];
}

static bool is_depthwise(const conv_shape *s)
{
    return s->groups == s->in && s->groups == s->out && s->groups > 1;
}

/* Where published weights have this one. */
static size_t published_at(const conv_shape *s, int out, int in, int y, int x)
{
    size_t kernel = (size_t)s->kernel[0] * (size_t)s->kernel[1];
    int of_group = s->out / s->groups, in_group = s->in / s->groups, group = out / of_group;
    size_t row = s->transposed
                     ? (size_t)(group * in_group + in) * (size_t)of_group + (size_t)(out % of_group)
                     : (size_t)out * (size_t)in_group + (size_t)in;
    return row * kernel + (size_t)(y * s->kernel[1] + x);
}

/* The weights of all inputs of a group for one output and tap, or, depthwise, of all channels. */
static float *arrange_tap(const conv_shape *s, const float *w, int out, int y, int x, float *to)
{
    if (is_depthwise(s)) {
        for (int c = 0; c < s->out; c++)
            *to++ = w[published_at(s, c, 0, y, x)];
        return to;
    }
    for (int in = 0; in < s->in / s->groups; in++)
        *to++ = w[published_at(s, out, in, y, x)];
    return to;
}

void conv_arrange(const conv_shape *s, const float *w, float *arranged)
{
    for (int first = 0; first < phases_of(s, 0) * phases_of(s, 1); first++) {
        phase p = {axis_of(s, 0, first / phases_of(s, 1)), axis_of(s, 1, first % phases_of(s, 1))};
        for (int out = 0; out < (is_depthwise(s) ? 1 : s->out); out++) {
            for (int t = 0; t < taps_of(&p); t++)
                arranged = arrange_tap(s, w, out, p.y.tap + t / p.x.n_taps * p.y.tap_step,
                                       p.x.tap + t % p.x.n_taps * p.x.tap_step, arranged);
        }
    }
}

void conv_fold_norm(const conv_shape *s, float *w, float *bias, const float *gamma,
                    const float *beta, const float *mean, const float *variance, float eps)
{
    for (int out = 0; out < s->out; out++) {
        double factor = (gamma ? (double)gamma[out] : 1) / sqrt((double)variance[out] + eps);
        for (int in = 0; in < s->in / s->groups; in++) {
            float *kernel = w + published_at(s, out, in, 0, 0);
            for (int i = 0; i < s->kernel[0] * s->kernel[1]; i++)
                kernel[i] = (float)(kernel[i] * factor);
        }
        double shift = ((double)bias[out] - mean[out]) * factor;
        bias[out] = (float)(shift + (beta ? (double)beta[out] : 0));
    }
}

/* What the threads of a region share. */
typedef struct conv_job {
    const conv_args *a;
    const conv_shape *s;
    team *team;
    phase p;
    const float *w; /* of the phase */
    long row;       /* of the phase, at which the region begins */
    float *work, *sums;
    int phase_height, phase_width; /* outputs of the phase, of each image */
    int out_height, out_width;
} conv_job;

/* An output of a phase: the image that it is in, its place. */
typedef struct place {
    const float *x;
    float *out;        /* the image's first row */
    int y, j;          /* of the phase */
    int height, width; /* of the image */
    int out_width, phase_width;
    int image;
} place;

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

/* The row of the phase, counted through all images. */
static place find_place(const conv_job *job, long row)
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

static void next_place(const conv_job *job, place *at)
{
    if (++at->j < at->phase_width)
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

/* The pixel that a tap sees, or NULL. */
static const float *pixel(const conv_job *job, const place *at, int y, int tap)
{
    const phase_axis *p = &job->p.x;
    int x = at->j * p->in_step + p->offset + tap * p->offset_step;
    if (y < 0 || y >= at->height || x < 0 || x >= at->width)
        return NULL;
    return at->x + ((long)y * at->width + x) * job->s->in;
}

/* Neighbours in memory that are neighbours in the layout: one copy. */
static float *lay_out_run(const conv_job *job, const place *at, int y, float *to)
{
    const phase_axis *p = &job->p.x;
    int in = job->s->in, x = at->j * p->in_step + p->offset, end = x + p->n_taps;
    int from = x > 0 ? x : 0, until = end < at->width ? end : at->width;
    if (y < 0 || y >= at->height || from >= until) {
        memset(to, 0, (size_t)(p->n_taps * in) * sizeof *to);
        return to + p->n_taps * in;
    }
    memset(to, 0, (size_t)((from - x) * in) * sizeof *to);
    to += (from - x) * in;
    memcpy(to, at->x + ((long)y * at->width + from) * in,
           (size_t)((until - from) * in) * sizeof *to);
    to += (until - from) * in;
    memset(to, 0, (size_t)((end - until) * in) * sizeof *to);
    return to + (end - until) * in;
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
    place at = find_place(job, job->row + begin);
    for (long i = begin; i < end; i++, next_place(job, &at)) {
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

static float *place_of_out(const conv_job *job, const place *at)
{
    int y = job->p.y.first + at->y * job->p.y.out_step;
    int x = job->p.x.first + at->j * job->p.x.out_step;
    return at->out + ((long)y * at->out_width + x) * job->s->out;
}

static void scatter(void *arg, long begin, long end, int thread)
{
    (void)thread;
    const conv_job *job = arg;
    place at = find_place(job, job->row + begin);
    for (long i = begin; i < end; i++, next_place(job, &at))
        memcpy(place_of_out(job, &at), job->sums + i * job->s->out,
               (size_t)job->s->out * sizeof(float));
}

static void multiply(const conv_job *job, const float *x, long rows, float *out)
{
    const conv_args *a = job->a;
    const conv_shape *s = job->s;
    int k = taps_of(&job->p) * (s->in / s->groups), n = s->out / s->groups;
    const float *residual = a->residual ? a->residual + job->row * s->out : NULL;
    for (int g = 0; g < s->groups; g++)
        gemm_f32(job->team, &(gemm_args){.x = x + (long)g * k,
                                         .ldx = (long)k * s->groups,
                                         .w = job->w + (long)g * n * k,
                                         .bias = a->bias ? a->bias + (long)g * n : NULL,
                                         .residual = residual ? residual + (long)g * n : NULL,
                                         .ldr = s->out,
                                         .out = out + (long)g * n,
                                         .ldo = s->out,
                                         .m = (int)rows,
                                         .n = n,
                                         .k = k,
                                         .act = a->act});
}

/* One pixel of a depthwise convolution: the taps that see the image, and their weights. */
static void depthwise_pixel(const conv_job *job, const place *at, const float **x, const float **w,
                            float *sum)
{
    const conv_args *a = job->a;
    const conv_shape *s = job->s;
    const phase *p = &job->p;
    int n = 0, left = at->j * p->x.in_step + p->x.offset;
    for (int ty = 0; ty < p->y.n_taps; ty++) {
        int y = at->y * p->y.in_step + p->y.offset + ty * p->y.offset_step;
        if (y < 0 || y >= at->height)
            continue;
        const float *row = at->x + (long)y * at->width * s->in;
        const float *tap = job->w + (long)ty * p->x.n_taps * s->out;
        for (int tx = 0; tx < p->x.n_taps; tx++, tap += s->out) {
            int pixel = left + tx * p->x.offset_step;
            if (pixel < 0 || pixel >= at->width)
                continue;
            x[n] = row + (long)pixel * s->in;
            w[n++] = tap;
        }
    }
    float *out = place_of_out(job, at);
    if (!a->residual)
        sum = out;
    kernels.conv_f32->depthwise(x, w, n, a->bias, sum, s->out);
    if (a->act != ACT_NONE)
        kernels.rows_f32->activate(a->act, sum, sum, s->out);
    if (a->residual)
        kernels.rows_f32->add(sum, a->residual + (out - a->out), out, s->out);
}

static void depthwise_rows(void *arg, long begin, long end, int thread)
{
    const conv_job *job = arg;
    size_t taps = (size_t)taps_of(&job->p) + 1, pointers = 2 * taps * sizeof(float *);
    char *scratch = team_scratch(job->team, thread, pointers + (size_t)job->s->out * sizeof(float));
    const float **x = (const float **)(void *)scratch;
    place at = find_place(job, begin);
    for (long i = begin; i < end; i++, next_place(job, &at))
        depthwise_pixel(job, &at, x, x + taps, (float *)(void *)(scratch + pointers));
}

static bool is_product(const conv_shape *s)
{
    bool product = !s->transposed && !is_depthwise(s);
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

/* Rows that are laid out at a time. */
static long rows_at_a_time(long k)
{
    long rows = k > 0 ? WORK_FLOATS / k : WORK_FLOATS;
    return rows > LEAST_ROWS ? rows : LEAST_ROWS;
}

static long grain(long floats_of_row)
{
    return PART_FLOATS / (floats_of_row + 1) + 1;
}

static void run_phase(conv_job *job, long rows)
{
    const conv_shape *s = job->s;
    long k = (long)taps_of(&job->p) * s->in, step = rows_at_a_time(k);
    if (is_depthwise(s)) {
        team_for(job->team, rows, grain(k), depthwise_rows, job);
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
    conv_job job = {.a = a, .s = s, .team = t, .w = a->w, .work = work};
    if (!a->start) {
        job.out_height = (int)conv_length(s, 0, a->height);
        job.out_width = (int)conv_length(s, 1, a->width);
    }
    for (int first = 0; first < phases_of(s, 0) * phases_of(s, 1); first++) {
        job.p =
            (phase){axis_of(s, 0, first / phases_of(s, 1)), axis_of(s, 1, first % phases_of(s, 1))};
        job.phase_height = count(job.out_height, job.p.y.first, job.p.y.out_step);
        job.phase_width = count(job.out_width, job.p.x.first, job.p.x.out_step);
        long rows = a->start ? a->out_start[a->n] : (long)a->n * job.phase_height * job.phase_width;
        job.row = 0;
        if (rows > 0)
            run_phase(&job, rows);
        job.w += (size_t)taps_of(&job.p) * (size_t)(s->in / s->groups) * (size_t)s->out;
    }
}

size_t conv_f32_work(const conv_args *a)
{
    const conv_shape *s = a->shape;
    size_t most = 0;
    for (int first = 0; first < phases_of(s, 0) * phases_of(s, 1); first++) {
        phase p = {axis_of(s, 0, first / phases_of(s, 1)), axis_of(s, 1, first % phases_of(s, 1))};
        long k = (long)taps_of(&p) * s->in;
        size_t floats = (size_t)rows_at_a_time(k) * (size_t)(k + (is_scattered(s) ? s->out : 0));
        most = floats > most ? floats : most;
    }
    return is_depthwise(s) || is_product(s) ? 0 : most;
}

void conv_f32(team *t, const conv_args *a, float *work)
{
    if (!a->start || !a->shape->transposed) {
        run_phases(t, a, work);
        return;
    }
    for (int i = 0; i < a->n; i++) { /* the rows of a phase are counted in images of one size */
        conv_args one = *a;
        one.n = one.height = 1;
        one.width = a->start[i + 1] - a->start[i];
        one.x += (long)a->start[i] * a->shape->in;
        one.out += (long)a->out_start[i] * a->shape->out;
        one.start = one.out_start = NULL;
        run_phases(t, &one, work);
    }
}
