#include "nn/embedding.h"
#include "kernels/rows.h"

void embedding_bind(embedding *m, weights w, int rows, int width)
{
    *m =
        (embedding){.rows = rows, .width = width, .table = weights_table(w, "weight", rows, width)};
}

void embedding_sum(const embedding *const tables[EMBEDDINGS], const int *const ids[EMBEDDINGS],
                   team *t, float *out, int n)
{
    embed_args args = {.out = out, .n_rows = n};
    for (int i = 0; i < EMBEDDINGS; i++) {
        if (!tables[i] || !tables[i]->rows)
            continue;
        args.table[args.n_tables] = tables[i]->table;
        args.ids[args.n_tables++] = ids[i];
        args.width = tables[i]->width;
    }
    embed_f32(t, &args);
}

struct scaled_job {
    const embedding *m;
    const int *ids;
    float factor, *out;
};

static void scale_rows(void *arg, long begin, long end, int thread)
{
    (void)thread;
    const struct scaled_job *job = arg;
    long width = job->m->width;
    for (long i = begin; i < end; i++) {
        const float *row = job->m->table + job->ids[i] * width;
        for (long j = 0; j < width; j++)
            job->out[i * width + j] = row[j] * job->factor;
    }
}

void embedding_scaled(const embedding *m, const int *ids, float factor, team *t, float *out, int n)
{
    enum { PART_VALUES = 8 * 1024 }; /* least work worth another thread */
    team_for(t, n, PART_VALUES / m->width + 1, scale_rows,
             &(struct scaled_job){m, ids, factor, out});
}
