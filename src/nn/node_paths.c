/* Most tokens have the path of their neighbour: runs of equal paths are made some at a time. */
#include "nn/node_paths.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

enum { RUNS = 64 }; /* paths that are made together */

struct no_path {
    bool made;
    float vector[];
};

bool node_paths_bind(node_paths *m, weights w, int hidden, error *e)
{
    int width = m->depth * m->unit;
    if (m->no_tag >= m->n_tags || m->no_number >= m->n_numbers)
        return fail(e, ERR_BAD_MODEL,
                    "tag_pad_id %d and subs_pad_id %d, expected some below %d and %d", m->no_tag,
                    m->no_number, m->n_tags, m->n_numbers);
    m->tags = xcalloc((size_t)m->depth, sizeof *m->tags);
    m->numbers = xcalloc((size_t)m->depth, sizeof *m->numbers);
    m->no_path = xcalloc(1, sizeof *m->no_path + (size_t)hidden * sizeof(float));
    for (int i = 0; i < m->depth; i++) {
        m->tags[i] = weights_table(weights_in(w, "xpath_tag_sub_embeddings.%d", i), "weight",
                                   m->n_tags, m->unit);
        m->numbers[i] = weights_table(weights_in(w, "xpath_subs_sub_embeddings.%d", i), "weight",
                                      m->n_numbers, m->unit);
    }
    linear_bind(&m->inner, weights_in(w, "xpath_unitseq2_inner"), 4 * hidden, width);
    linear_bind(&m->out, weights_in(w, "inner2emb"), hidden, 4 * hidden);
    return true;
}

void node_paths_release(node_paths *m)
{
    free(m->tags);
    free(m->numbers);
    free(m->no_path);
    *m = (node_paths){0};
}

bool node_paths_check(const node_paths *m, const int *paths, int n, error *e)
{
    for (long i = 0; i < (long)n * 2 * m->depth; i++) {
        int rows = i / m->depth % 2 ? m->n_numbers : m->n_tags;
        if (paths[i] < -1 || paths[i] >= rows)
            return fail(e, ERR_INVALID, "a path has the %s %d, expected -1 to %d",
                        i / m->depth % 2 ? "subscript" : "tag", paths[i], rows - 1);
    }
    return true;
}

static size_t path_floats(const node_paths *m)
{
    return (size_t)m->inner.in + (size_t)m->inner.out + (size_t)m->out.out;
}

size_t node_paths_work(const node_paths *m, int n)
{
    return m->depth ? (size_t)(n < RUNS ? n : RUNS) * path_floats(m) : 0;
}

/* The units of all steps side by side; NULL: no path. */
static void join_units(const node_paths *m, const int *path, float *out)
{
    for (int i = 0; i < m->depth; i++) {
        int tag = path ? path[i] : -1, number = path ? path[m->depth + i] : -1;
        tag = tag < 0 ? m->no_tag : tag;
        number = number < 0 ? m->no_number : number;
        const float *a = m->tags[i] + (size_t)tag * (size_t)m->unit;
        const float *b = m->numbers[i] + (size_t)number * (size_t)m->unit;
        for (int j = 0; j < m->unit; j++)
            *out++ = a[j] + b[j];
    }
}

/* out: [n][hidden] of joined units. */
static void make(const node_paths *m, team *t, const float *joined, int n, float *middle,
                 float *out)
{
    linear_run(&m->inner, t, joined, ACT_RELU, middle, n);
    linear_run(&m->out, t, middle, ACT_NONE, out, n);
}

static void add_row(float *row, const float *vector, int width)
{
    for (int j = 0; j < width; j++)
        row[j] += vector[j];
}

bool node_paths_prepare(const node_paths *m, team *t, error *e)
{
    if (!m->depth || m->no_path->made)
        return true;
    float *work = calloc(path_floats(m), sizeof *work);
    if (!work)
        return fail(e, ERR_IO, "no memory for a path");
    join_units(m, NULL, work);
    make(m, t, work, 1, work + m->inner.in, m->no_path->vector);
    free(work);
    m->no_path->made = true;
    return true;
}

static void add_no_path(const node_paths *m, float *rows, int n)
{
    int hidden = m->out.out;
    for (int i = 0; i < n; i++)
        add_row(rows + (size_t)i * (size_t)hidden, m->no_path->vector, hidden);
}

void node_paths_add(const node_paths *m, team *t, const int *paths, float *rows, int n, float *work)
{
    size_t length = 2 * (size_t)m->depth, hidden = (size_t)m->out.out;
    float *middle = work + (size_t)(n < RUNS ? n : RUNS) * (size_t)m->inner.in;
    float *made = middle + (size_t)(n < RUNS ? n : RUNS) * (size_t)m->inner.out;
    if (!paths) {
        add_no_path(m, rows, n);
        return;
    }
    for (int i = 0; i < n;) {
        int first[RUNS + 1], n_runs = 0; /* tokens where runs begin */
        for (; i < n; i++) {
            const int *path = paths + (size_t)i * length;
            if (n_runs && memcmp(path, path - length, length * sizeof *path) == 0)
                continue;
            if (n_runs == RUNS)
                break;
            join_units(m, path, work + (size_t)n_runs * (size_t)m->inner.in);
            first[n_runs++] = i;
        }
        first[n_runs] = i;
        make(m, t, work, n_runs, middle, made);
        for (int k = 0; k < n_runs; k++)
            for (int row = first[k]; row < first[k + 1]; row++)
                add_row(rows + (size_t)row * hidden, made + (size_t)k * hidden, (int)hidden);
    }
}
