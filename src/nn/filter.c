#include "nn/filter.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { GRAIN_FLOATS = 1 << 13 }; /* least work worth another thread */

/* out += kernel[k] of row i, times the row that it falls on. */
static void add_row(const filter *f, int i, int k, const float *x, float *out)
{
    size_t width = (size_t)f->width, heads = (size_t)f->heads;
    const float *kernel = f->kernels + (size_t)k * width;
    if (f->kind == FILTER_FEATURES) {
        for (size_t j = 0; j < width; j++)
            out[j] += kernel[j] * x[j];
        return;
    }
    size_t first = f->kind == FILTER_ROWS ? (size_t)i * heads : 0, dim = width / heads;
    for (size_t h = 0; h < heads; h++) {
        float weight = f->kernels[(first + h) * (size_t)f->kernel_width + (size_t)k];
        for (size_t j = h * dim; j < (h + 1) * dim; j++)
            out[j] += weight * x[j];
    }
}

static void filter_rows(void *arg, long begin, long end, int thread)
{
    const filter *f = arg;
    int s = 0, before = f->kernel_width / 2;
    (void)thread;
    for (int i = (int)begin; i < (int)end; i++) {
        while (f->r->start[s + 1] <= i)
            s++;
        int first = f->r->start[s], last = f->r->start[s + 1];
        float *out = f->out + (size_t)i * (size_t)f->ldo;
        if (!f->adds)
            memset(out, 0, (size_t)f->width * sizeof *out);
        for (int k = 0; k < f->kernel_width; k++) {
            int row = i + k - before;
            if (row >= first && row < last)
                add_row(f, i, k, f->x + (size_t)row * (size_t)f->width, out);
        }
    }
}

void filter_run(const filter *f, team *t)
{
    long grain = GRAIN_FLOATS / ((long)f->width * f->kernel_width) + 1;
    team_for(t, ragged_rows(f->r), grain, filter_rows, (void *)(uintptr_t)f);
}
