/* Sums run over the tokens of one sequence in their order, so a vector has the same bits in any
 * batch. Sums are kept in double: what the reference adds in float in some order of its own is
 * met best by the exact value. */
#include "nn/pooling.h"

#include <math.h>
#include <string.h>

enum { PART_FLOATS = 1 << 15 }; /* least work worth another thread */

static const char *const names[N_POOLINGS] = {
    "cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken",
};

const char *pooling_name(enum pooling mode)
{
    return names[mode];
}

struct pool_job {
    const enum pooling *modes;
    int n_modes, width;
    const float *rows;
    const ragged *ragged;
    const int *skip;
    float *out;
    team *team;
};

/* Rows first .. n - 1 of one sequence of n >= 1 rows. */
struct sequence {
    const float *rows;
    int first, n, width;
};

static void pool_row(const struct sequence *s, int row, float *out)
{
    memcpy(out, s->rows + (size_t)row * (size_t)s->width, (size_t)s->width * sizeof *out);
}

static void pool_max(const struct sequence *s, float *out)
{
    for (int j = 0; j < s->width; j++)
        out[j] = -INFINITY;
    for (int i = s->first; i < s->n; i++) {
        const float *row = s->rows + (size_t)i * (size_t)s->width;
        for (int j = 0; j < s->width; j++)
            out[j] = row[j] > out[j] || isnan(row[j]) ? row[j] : out[j];
    }
}

/* sum(weight * row) / divisor with weight i + 1 or 1. */
static void pool_sum(const struct sequence *s, bool weighted, double divisor, double *sum,
                     float *out)
{
    memset(sum, 0, (size_t)s->width * sizeof *sum);
    for (int i = s->first; i < s->n; i++) {
        const float *row = s->rows + (size_t)i * (size_t)s->width;
        double weight = weighted ? i + 1 : 1;
        for (int j = 0; j < s->width; j++)
            sum[j] += weight * row[j];
    }
    for (int j = 0; j < s->width; j++)
        out[j] = (float)(sum[j] / divisor);
}

static void pool_one(enum pooling mode, const struct sequence *s, double *sum, float *out)
{
    double n = s->n - s->first, n_before = s->first;
    double weights = (double)s->n * (s->n + 1) / 2 - n_before * (n_before + 1) / 2;
    switch (mode) {
    case POOL_CLS:
        pool_row(s, n > 0 ? s->first : 0, out);
        break;
    case POOL_MAX:
        pool_max(s, out);
        break;
    case POOL_MEAN:
        pool_sum(s, false, fmax(n, 1), sum, out);
        break;
    case POOL_MEAN_SQRT_LEN:
        pool_sum(s, false, sqrt(fmax(n, 1)), sum, out);
        break;
    case POOL_WEIGHTED_MEAN:
        pool_sum(s, true, fmax(weights, 1), sum, out);
        break;
    default:
        if (n > 0)
            pool_row(s, s->n - 1, out);
        else
            memset(out, 0, (size_t)s->width * sizeof *out);
    }
}

static void pool_range(void *arg, long begin, long end, int thread)
{
    const struct pool_job *job = arg;
    double *sum = team_scratch(job->team, thread, (size_t)job->width * sizeof *sum);
    for (long i = begin; i < end; i++) {
        int row = job->ragged->start[i], n = job->ragged->start[i + 1] - row;
        int skip = job->skip ? job->skip[i] : 0;
        struct sequence s = {.rows = job->rows + (size_t)row * (size_t)job->width,
                             .first = skip < n ? skip : n,
                             .n = n,
                             .width = job->width};
        float *out = job->out + (size_t)i * (size_t)job->n_modes * (size_t)job->width;
        for (int m = 0; m < job->n_modes; m++)
            pool_one(job->modes[m], &s, sum, out + (size_t)m * (size_t)job->width);
    }
}

void pool_run(team *t, const enum pooling *modes, int n_modes, const float *rows, const ragged *r,
              const int *skip, int width, float *out)
{
    long floats = (long)ragged_rows(r) * width;
    long grain = floats / PART_FLOATS > 0 ? r->n_seq / (floats / PART_FLOATS) : r->n_seq;
    team_for(t, r->n_seq, grain > 0 ? grain : 1, pool_range,
             &(struct pool_job){.modes = modes,
                                .n_modes = n_modes,
                                .width = width,
                                .rows = rows,
                                .ragged = r,
                                .skip = skip,
                                .out = out,
                                .team = t});
}

struct normalize_job {
    float *rows;
    int width;
};

static void normalize_range(void *arg, long begin, long end, int thread)
{
    (void)thread;
    const struct normalize_job *job = arg;
    for (long i = begin; i < end; i++) {
        float *row = job->rows + (size_t)i * (size_t)job->width;
        double squares = 0;
        for (int j = 0; j < job->width; j++)
            squares += (double)row[j] * row[j];
        double length = fmax(sqrt(squares), 1e-12);
        for (int j = 0; j < job->width; j++)
            row[j] = (float)(row[j] / length);
    }
}

void normalize_run(team *t, float *rows, int n_rows, int width)
{
    long grain = PART_FLOATS / width;
    team_for(t, n_rows, grain > 0 ? grain : 1, normalize_range,
             &(struct normalize_job){.rows = rows, .width = width});
}
