#include "nn/table_types.h"

enum { GRAIN_FLOATS = 1 << 13 }; /* least work worth another thread */

void table_types_bind(table_types *m, weights w, const int *sizes, int width)
{
    for (int i = 0; i < TABLE_TYPES; i++)
        embedding_bind(&m->tables[i], weights_in(w, "token_type_embeddings_%d", i), sizes[i],
                       width);
}

bool table_types_check(const table_types *m, const int *types, int n, error *e)
{
    for (int i = 0; i < n; i++)
        for (int k = 0; k < TABLE_TYPES; k++, types++)
            if (*types < 0 || *types >= m->tables[k].rows)
                return fail(e, ERR_INVALID, "token type %d of kind %d in a table, expected 0 to %d",
                            *types, k, m->tables[k].rows - 1);
    return true;
}

struct add_job {
    const table_types *m;
    const int *types;
    float *rows;
};

static void add_rows(void *arg, long begin, long end, int thread)
{
    const struct add_job *job = arg;
    size_t width = (size_t)job->m->tables[0].width;
    (void)thread;
    for (long i = begin; i < end; i++)
        for (int k = 0; k < TABLE_TYPES; k++) {
            int row = job->types ? job->types[i * TABLE_TYPES + k] : 0;
            const float *from = job->m->tables[k].table + (size_t)row * width;
            float *out = job->rows + (size_t)i * width;
            for (size_t j = 0; j < width; j++)
                out[j] += from[j];
        }
}

void table_types_add(const table_types *m, team *t, const int *types, float *rows, int n)
{
    team_for(t, n, GRAIN_FLOATS / (TABLE_TYPES * m->tables[0].width) + 1, add_rows,
             &(struct add_job){m, types, rows});
}

static bool same_cell(const int *types, int i, int j)
{
    const int *a = types + (size_t)i * TABLE_TYPES, *b = types + (size_t)j * TABLE_TYPES;
    return a[TABLE_COLUMN] == b[TABLE_COLUMN] && a[TABLE_ROW] == b[TABLE_ROW];
}

void table_types_number(const int *types, const ragged *r, int *positions)
{
    for (int s = 0; s < r->n_seq; s++) {
        int first = r->start[s];
        for (int i = r->start[s]; i < r->start[s + 1]; i++) {
            if (!same_cell(types, first, i))
                for (first = r->start[s]; !same_cell(types, first, i);)
                    first++;
            positions[i] = i - first;
        }
    }
}
