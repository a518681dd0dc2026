/* Columns are shared out among the threads, rows go in their order: a sequence's vector has the
 * same bits however the batch is cut. Sums are kept in double, as in pooling.c. */
#include "nn/splade.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PART_FLOATS = 1 << 15 }; /* least work worth another thread */

struct splade_job {
    const splade *s;
    const float *rows;
    const ragged *r;
    int first, n, width;
    double *sums;
    float *out;
};

static double weight(const splade *s, float score)
{
    if (score <= 0)
        return 0;
    float w = log1pf(score);
    return s->twice ? log1pf(w) : w;
}

static void add_row(const splade *s, const float *row, long begin, long end, double *sums)
{
    for (long j = begin; j < end && s->sum; j++)
        sums[j] += weight(s, row[j]);
    for (long j = begin; j < end && !s->sum; j++)
        sums[j] = row[j] > sums[j] || isnan(row[j]) ? row[j] : sums[j];
}

/* w rises with the score, so the highest w is that of the highest score. */
static void end_sequence(const splade *s, double *sums, long begin, long end, float *out)
{
    for (long j = begin; j < end; j++)
        out[j] = (float)(s->sum ? sums[j] : weight(s, (float)sums[j]));
    memset(sums + begin, 0, (size_t)(end - begin) * sizeof *sums);
}

static void add_columns(void *arg, long begin, long end, int thread)
{
    const struct splade_job *j = arg;
    const ragged *r = j->r;
    int sequence = 0;
    (void)thread;
    while (r->start[sequence + 1] <= j->first)
        sequence++;
    for (int i = 0; i < j->n; i++) {
        add_row(j->s, j->rows + (size_t)i * (size_t)j->width, begin, end, j->sums);
        if (j->first + i + 1 < r->start[sequence + 1])
            continue;
        end_sequence(j->s, j->sums, begin, end, j->out + (size_t)sequence * (size_t)j->width);
        sequence++;
    }
}

void splade_add(const splade *s, team *t, const float *rows, int first, int n, const ragged *r,
                int width, double *sums, float *out)
{
    struct splade_job job = {s, rows, r, first, n, width, sums, out};
    if (n > 0)
        team_for(t, width, PART_FLOATS / n + 1, add_columns, &job);
}

static int by_size(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x < y) - (x > y);
}

void sparse_keep(float *vectors, int n, int width, int most, float *work)
{
    for (int i = 0; i < n && most < width; i++) {
        float *v = vectors + (size_t)i * (size_t)width;
        int n_set = 0, n_equal = most;
        for (int j = 0; j < width; j++)
            if (v[j] != 0)
                work[n_set++] = fabsf(v[j]);
        if (n_set <= most)
            continue;
        qsort(work, (size_t)n_set, sizeof *work, by_size);
        float least = work[most - 1];
        while (n_equal > 0 && work[n_equal - 1] == least)
            n_equal--;
        n_equal = most - n_equal; /* so many of those that are as large as the smallest kept one */
        for (int j = 0; j < width; j++)
            if (fabsf(v[j]) < least || (fabsf(v[j]) == least && n_equal-- <= 0))
                v[j] = 0;
    }
}
