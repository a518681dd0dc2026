#include "nn/rotary.h"

#include <math.h>

enum { GRAIN_FLOATS = 1 << 13 }; /* least work worth another thread */

void rotary_fill(float *table, int positions, int dim, double base)
{
    for (int i = 0; i < dim / 2; i++) {
        float step = 1 / (float)pow(base, (double)((float)(2 * i) / (float)dim));
        for (int p = 0; p < positions; p++) {
            float angle = (float)p * step;
            table[(long)p * dim + i] = sinf(angle);
            table[(long)p * dim + dim / 2 + i] = cosf(angle);
        }
    }
}

struct rotary_job {
    const rotary *m;
    const ragged *r;
    float *x;
    long stride;
    int heads, head_dim;
};

static void turn(const rotary *m, const float *sines, float *x)
{
    const float *cosines = sines + m->dim / 2;
    for (int i = 0; i < m->dim / 2; i++) {
        int a = m->neighbours ? 2 * i : i, b = m->neighbours ? a + 1 : a + m->dim / 2;
        float first = x[a], second = x[b];
        x[a] = first * cosines[i] - second * sines[i];
        x[b] = second * cosines[i] + first * sines[i];
    }
}

static void turn_sequences(void *arg, long begin, long end, int thread)
{
    (void)thread;
    const struct rotary_job *job = arg;
    for (long s = begin; s < end; s++)
        for (int i = job->r->start[s]; i < job->r->start[s + 1]; i++)
            for (int h = 0; h < job->heads; h++)
                turn(job->m, job->m->table + (long)(i - job->r->start[s]) * job->m->dim,
                     job->x + i * job->stride + (long)h * job->head_dim);
}

void rotary_run(const rotary *m, team *t, const ragged *r, float *x, long stride, int heads,
                int head_dim)
{
    long floats = (long)ragged_rows(r) * heads * head_dim;
    long grain = floats / GRAIN_FLOATS > 0 ? r->n_seq / (floats / GRAIN_FLOATS) : r->n_seq;
    team_for(t, r->n_seq, grain > 0 ? grain : 1, turn_sequences,
             &(struct rotary_job){m, r, x, stride, heads, head_dim});
}
