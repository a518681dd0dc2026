/* Convolutions with small groups: a run of outputs side by side is summed from a table of pointers
 * to the pixels that they see, rows of the kernel one after the other. What is around the image is
 * a matter of the table: a pixel of it, or zeros. */
#include "kernels/conv_job.h"
#include "kernels/table.h"

#include <string.h>

enum { RUN = 56 }; /* outputs, at most: a multiple of what the tiles of all variants take */

/* Working memory of a thread. */
typedef struct direct {
    const conv_job *job;
    const float **pixels; /* [rows of the kernel][columns of a run] */
    conv_tap *taps;
    float *zeros; /* [in] */
    float *sums;  /* [RUN][out] if a residual is to be added */
    int span;     /* of the columns that one output sees */
} direct;

static long columns_of(const direct *d, int n)
{
    return (long)(n - 1) * d->job->p.x.in_step + d->span;
}

static direct direct_new(const conv_job *job, int thread)
{
    direct d = {.job = job};
    const phase_axis *x = &job->p.x;
    int step = x->offset_step < 0 ? -x->offset_step : x->offset_step;
    d.span = x->n_taps > 0 ? (x->n_taps - 1) * step + 1 : 0;
    size_t taps = (size_t)taps_of(&job->p), in = (size_t)job->s->in;
    size_t pixels = (size_t)job->p.y.n_taps * (size_t)columns_of(&d, RUN);
    size_t sums = job->a->residual ? RUN * (size_t)job->s->out : 0;
    size_t floats = (in + sums + 1) / 2 * 2; /* pointers follow */
    d.zeros =
        team_scratch(job->team, thread,
                     floats * sizeof(float) + pixels * sizeof(float *) + taps * sizeof *d.taps);
    d.sums = d.zeros + in;
    d.pixels = (const float **)(void *)(d.zeros + floats);
    d.taps = (conv_tap *)(void *)(d.pixels + pixels);
    memset(d.zeros, 0, in * sizeof *d.zeros);
    return d;
}

/* Fills the tables for n outputs; returns the number of taps. Rows of zeros are left out. */
static int find_pixels(const direct *d, const place *at, int n)
{
    const conv_job *job = d->job;
    const phase_axis *py = &job->p.y, *px = &job->p.x;
    long columns = columns_of(d, n);
    int n_rows = 0, n_taps = 0, least = px->offset_step < 0 ? 1 - d->span : 0;
    for (int ty = 0; ty < py->n_taps; ty++) {
        int y = at->y * py->in_step + py->offset + ty * py->offset_step;
        y = conv_input(job->s, y, at->height);
        if (y < 0)
            continue;
        const float *row = at->x + (long)y * at->width * job->s->in;
        for (int q = 0; q < columns; q++) {
            int x = conv_input(job->s, at->j * px->in_step + px->offset + least + q, at->width);
            d->pixels[n_rows * columns + q] = x < 0 ? d->zeros : row + (long)x * job->s->in;
        }
        for (int tx = 0; tx < px->n_taps; tx++)
            d->taps[n_taps++] = (conv_tap){(int)(n_rows * columns) + tx * px->offset_step - least,
                                           ty * px->n_taps + tx};
        n_rows++;
    }
    return n_taps;
}

/* What comes after the sums, of n outputs ldo apart. */
static void finish(const direct *d, float *sums, long ldo, int n, float *out)
{
    const conv_args *a = d->job->a;
    int width = d->job->s->out, rows = ldo == width ? 1 : n;
    long values = ldo == width ? (long)n * width : width;
    for (int i = 0; i < rows && a->act != ACT_NONE; i++)
        kernels.rows_f32->activate(a->act, sums + i * ldo, sums + i * ldo, values);
    if (a->residual)
        kernels.rows_f32->add(sums, a->residual + (out - a->out), out, values);
}

static void run_outputs(const direct *d, const place *at, int n)
{
    const conv_job *job = d->job;
    float *out = place_of_out(job, at);
    conv_run r = {.x = d->pixels, .taps = d->taps, .w = job->w, .bias = job->a->bias, .n = n};
    r.n_taps = find_pixels(d, at, n);
    r.step = job->p.x.in_step;
    r.channels = job->s->out;
    r.group = job->s->in / job->s->groups;
    r.out = job->a->residual ? d->sums : out;
    r.ldo = (long)job->p.x.out_step * r.channels;
    kernels.conv_f32->direct(&r);
    finish(d, r.out, r.ldo, n, out);
}

void conv_direct_rows(void *arg, long begin, long end, int thread)
{
    const conv_job *job = arg;
    direct d = direct_new(job, thread);
    place at = conv_place(job, begin);
    for (long n; begin < end; begin += n, conv_next_place(job, &at, (int)n)) {
        n = at.phase_width - at.j < end - begin ? at.phase_width - at.j : end - begin;
        n = n < RUN ? n : RUN;
        run_outputs(&d, &at, (int)n);
    }
}
