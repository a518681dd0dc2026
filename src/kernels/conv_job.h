/* What the files of the convolution share.
 *
 * Outputs are taken a phase at a time: all of them, or, transposed, those at the same place between
 * two inputs, which see the same taps of the kernel. */
#pragma once

#include "kernels/conv.h"

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

/* Phases along both axes together, and the i-th of them. */
int conv_phases(const conv_shape *s);
phase conv_phase(const conv_shape *s, int i);

static inline int taps_of(const phase *p)
{
    return p->y.n_taps * p->x.n_taps;
}

/* The input that stands at `at` of an axis of `length`, or -1 for a zero. */
static inline int conv_input(const conv_shape *s, int at, int length)
{
    if (at >= 0 && at < length)
        return at;
    switch (s->padding) {
    case CONV_REFLECT:
        return at < 0 ? -at : 2 * (length - 1) - at;
    case CONV_REPLICATE:
        return at < 0 ? 0 : length - 1;
    case CONV_CIRCULAR:
        return at < 0 ? at + length : at - length;
    default:
        return -1;
    }
}

/* What the threads of a region share. */
typedef struct conv_job {
    const conv_args *a;
    const conv_shape *s;
    team *team;
    phase p;
    const float *w;     /* of the phase */
    const char *packed; /* of the phase, or NULL */
    long row;           /* of the phase, at which the region begins */
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

/* The row of the phase, counted through all images. */
place conv_place(const conv_job *job, long row);

/* n outputs further on, at most up to the end of the row of the image. */
void conv_next_place(const conv_job *job, place *at, int n);

static inline float *place_of_out(const conv_job *job, const place *at)
{
    int y = job->p.y.first + at->y * job->p.y.out_step;
    int x = job->p.x.first + at->j * job->p.x.out_step;
    return at->out + ((long)y * at->out_width + x) * job->s->out;
}

/* Rows begin .. end - 1 of a phase of a direct convolution; a team_range_fn of a conv_job. */
void conv_direct_rows(void *job, long begin, long end, int thread);
