#include "nn/layout.h"

#include <stdint.h>
#include <string.h>

enum { GRAIN_FLOATS = 1 << 13 }; /* least work worth another thread */

void layout_bind(layout *m, weights in, int places, int width)
{
    *m = (layout){
        .places = places,
        .width = width,
        .x = weights_table(weights_in(in, "x_position_embeddings"), "weight", places, width),
        .y = weights_table(weights_in(in, "y_position_embeddings"), "weight", places, width),
        .h = weights_table(weights_in(in, "h_position_embeddings"), "weight", places, width),
        .w = weights_table(weights_in(in, "w_position_embeddings"), "weight", places, width)};
}

bool layout_check(const layout *m, const box *boxes, int n, error *e)
{
    int most = m->places - 1;
    for (int i = 0; i < n; i++) {
        const box *b = &boxes[i];
        if (b->left < 0 || b->top < 0 || b->right > most || b->bottom > most ||
            b->left > b->right || b->top > b->bottom)
            return fail(e, ERR_INVALID,
                        "box [%d, %d, %d, %d], expected left <= right and top <= bottom from 0 to "
                        "%d",
                        b->left, b->top, b->right, b->bottom, most);
    }
    return true;
}

struct lookup {
    const layout *m;
    const box *boxes;
    float *out;
    bool side_by_side; /* or added to what is there */
};

static void look_up_rows(void *arg, long begin, long end, int thread)
{
    const struct lookup *job = arg;
    const layout *m = job->m;
    size_t width = (size_t)m->width;
    (void)thread;
    for (long i = begin; i < end; i++) {
        box b = job->boxes ? job->boxes[i] : (box){0};
        const float *const tables[LAYOUT_PARTS] = {m->x, m->y, m->x, m->y, m->h, m->w};
        const int rows[LAYOUT_PARTS] = {b.left,           b.top,           b.right, b.bottom,
                                        b.bottom - b.top, b.right - b.left};
        float *out = job->out + (size_t)i * width * (job->side_by_side ? LAYOUT_PARTS : 1);
        for (int k = 0; k < LAYOUT_PARTS; k++) {
            const float *from = tables[k] + (size_t)rows[k] * width;
            if (job->side_by_side)
                memcpy(out + (size_t)k * width, from, width * sizeof *out);
            else
                for (size_t j = 0; j < width; j++)
                    out[j] += from[j];
        }
    }
}

static void look_up(const struct lookup *job, team *t, int n)
{
    team_for(t, n, GRAIN_FLOATS / (LAYOUT_PARTS * job->m->width) + 1, look_up_rows,
             (void *)(uintptr_t)job);
}

void layout_add(const layout *m, team *t, const box *boxes, float *rows, int n)
{
    look_up(&(struct lookup){.m = m, .boxes = boxes, .out = rows}, t, n);
}

void layout_join(const layout *m, team *t, const box *boxes, float *out, int n)
{
    look_up(&(struct lookup){.m = m, .boxes = boxes, .out = out, .side_by_side = true}, t, n);
}
