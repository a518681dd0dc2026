/* Angles are rounded as the reference rounds them, which counts where distances are long. */
#include "nn/distance_waves.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_ROWS = 1 << 10, ROW_GRAIN = 16 };

void distance_waves_release(distance_waves *m)
{
    free(m->table);
    m->table = NULL;
    m->n = 0;
}

struct fill_job {
    distance_waves *m;
    int first;
};

static void fill(void *arg, long begin, long end, int thread)
{
    (void)thread;
    const struct fill_job *job = arg;
    int width = job->m->width, half = width / 2;
    for (int j = 0; j < half; j++) {
        float frequency = 1 / (float)pow(10000, (float)j / (float)half);
        for (long i = begin; i < end; i++) {
            float *row = job->m->table + (job->first + i) * width;
            float angle = (float)(job->first + i) * frequency;
            row[j] = (float)sin(angle);
            row[half + j] = (float)cos(angle);
        }
    }
}

static int far_of(const distance_waves *m, int distance)
{
    int far = abs(distance);
    return m->farthest && far > m->farthest ? m->farthest : far;
}

bool distance_waves_reach(distance_waves *m, team *t, int most, error *e)
{
    int rows = m->n ? m->n : FIRST_ROWS, n = far_of(m, most) + 1;
    if (n <= m->n)
        return true;
    while (rows < n)
        rows *= 2;
    float *grown = realloc(m->table, (size_t)rows * (size_t)m->width * sizeof *m->table);
    if (!grown)
        return fail(e, ERR_IO, "no memory for %d positions", rows);
    m->table = grown;
    team_for(t, rows - m->n, ROW_GRAIN, fill, &(struct fill_job){m, m->n});
    m->n = rows;
    return true;
}

void distance_waves_lay(const distance_waves *m, const relative_input *in, int unit, float *out)
{
    int half = m->width / 2;
    for (int i = 0; i < in->n_distances; i++, out += m->width) {
        int distance = (in->farthest - i) * unit;
        assert(far_of(m, distance) < m->n);
        memcpy(out, m->table + (long)far_of(m, distance) * m->width,
               (size_t)m->width * sizeof *out);
        for (int j = 0; j < half && distance < 0; j++)
            out[j] = -out[j];
    }
}
