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
