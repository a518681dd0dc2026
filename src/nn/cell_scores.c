#include "nn/cell_scores.h"
#include "nn/table_types.h"

/* As the reference has them. */
static const float log_of_zero = -10000, zero_divisor = 1e-10f;

void cell_scores_bind(cell_scores *m, weights w, int width)
{
    const int64_t none[1] = {0};
    m->width = width;
    m->cell = weights_vector(w, "output_weights", width);
    m->cell_bias = weights_shaped(w, "output_bias", 0, none);
    if (!m->options.one_column)
        return;
    m->column = weights_vector(w, "column_output_weights", width);
    m->column_bias = weights_shaped(w, "column_output_bias", 0, none);
}

/* Of each token of a sequence. */
struct tokens {
    const cell_scores *m;
    const int *types;
    int n;
    float *first;  /* number of the first token of its cell */
    float *column; /* score for its column; of a first token of a cell, the mean of the cell's */
    float *count;  /* of a first token of a cell: how many it has */
    float *sum;    /* of a first token of a column: its cells' scores ... */
    float *cells;  /* ... and how many they are */
};

enum { PARTS = 5 };

size_t cell_scores_work(int n_tokens)
{
    return (size_t)n_tokens * PARTS;
}

static int clamped(int id, int n)
{
    return id < n ? id : n - 1;
}

static int column_of(const struct tokens *t, int i)
{
    return t->types
               ? clamped(t->types[(size_t)i * TABLE_TYPES + TABLE_COLUMN], t->m->options.columns)
               : 0;
}

static int row_of(const struct tokens *t, int i)
{
    return t->types ? clamped(t->types[(size_t)i * TABLE_TYPES + TABLE_ROW], t->m->options.rows)
                    : 0;
}

static bool same_cell(const struct tokens *t, int i, int j)
{
    return column_of(t, i) == column_of(t, j) && row_of(t, i) == row_of(t, j);
}

/* Neighbours are mostly of one cell. */
static void find_cells(struct tokens *t)
{
    for (int i = 0, first = 0; i < t->n; i++) {
        if (!same_cell(t, first, i))
            for (first = 0; !same_cell(t, first, i);)
                first++;
        t->first[i] = (float)first;
    }
}

static bool starts_cell(const struct tokens *t, int i)
{
    return t->first[i] == (float)i;
}

/* The mean of each cell's tokens, at the first of them. */
static void average_cells(const struct tokens *t, float *scores)
{
    for (int i = 0; i < t->n; i++) {
        int first = (int)t->first[i];
        t->count[i] = 0;
        t->count[first] += 1;
        if (first != i)
            scores[first] += scores[i];
    }
    for (int i = 0; i < t->n; i++)
        if (starts_cell(t, i))
            scores[i] /= t->count[i];
}

/* The column of the answer, by the mean of its cells; 0: there is none. */
static int best_column(struct tokens *t)
{
    int best = 0;
    float most = 0;
    average_cells(t, t->column);
    for (int i = 0; i < t->n; i++)
        t->sum[i] = t->cells[i] = 0;
    for (int i = 0; i < t->n; i++) {
        int first = 0;
        if (!starts_cell(t, i))
            continue;
        while (column_of(t, first) != column_of(t, i))
            first++;
        t->sum[first] += t->column[i];
        t->cells[first] += 1;
    }
    for (int i = 0; i < t->n; i++) {
        if (t->cells[i] == 0)
            continue;
        int column = column_of(t, i);
        float score = t->sum[i] / (t->cells[i] + zero_divisor);
        if (column == 0 && !t->m->options.allow_none)
            score += log_of_zero;
        if (i == 0 || score > most || (score == most && column < best)) {
            best = column;
            most = score;
        }
    }
    return best;
}

static float product(const float *a, const float *b, int n)
{
    float sum = 0;
    for (int i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

/* All of a sequence: out [t->n]. */
static void choose(struct tokens *t, const float *rows, float *out)
{
    const cell_scores *m = t->m;
    const cell_options *o = &m->options;
    for (int i = 0; i < t->n; i++) {
        const float *row = rows + (size_t)i * (size_t)m->width;
        out[i] = (product(row, m->cell, m->width) + *m->cell_bias) / (float)o->temperature;
        if (o->one_column)
            t->column[i] = product(row, m->column, m->width) + *m->column_bias;
    }
    if (!o->one_column && !o->average)
        return;
    find_cells(t);
    average_cells(t, out);
    int chosen = o->one_column ? best_column(t) : 0;
    for (int i = 0; i < t->n; i++) {
        int column = column_of(t, i);
        if (starts_cell(t, i))
            out[i] += o->one_column && (column == 0 || column != chosen) ? log_of_zero : 0;
        else
            out[i] = out[(int)t->first[i]];
    }
}

void cell_scores_run(const cell_scores *m, const float *rows, const int *types, int n, float *out,
                     float *work)
{
    struct tokens t = {.m = m,
                       .types = types,
                       .n = n,
                       .first = work,
                       .column = work + n,
                       .count = work + 2 * (size_t)n,
                       .sum = work + 3 * (size_t)n,
                       .cells = work + 4 * (size_t)n};
    choose(&t, rows, out);
}
