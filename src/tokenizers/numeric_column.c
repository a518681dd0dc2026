/* Columns, and how their values compare. */
#include "tokenizers/numeric_values.h"

#include <stdlib.h>
#include <string.h>

static const double least_share =
    0.7; /* of the cells that must have a value of the column's kind */

void numeric_key_add(numeric_key *k, const numeric_value *v)
{
    k->mixed |= k->any && k->is_date != v->is_date;
    for (int i = 0; i < DATE_PARTS; i++)
        k->counts[i] = v->is_date && (!k->any || k->counts[i]) && v->parts[i] >= 0;
    k->is_date = v->is_date;
    k->any = true;
}

bool numeric_key_compares(const numeric_key *k)
{
    return k->any && !k->mixed && (!k->is_date || k->counts[0] || k->counts[1] || k->counts[2]);
}

int numeric_compare(const numeric_key *k, const numeric_value *a, const numeric_value *b)
{
    for (int i = 0; i < DATE_PARTS; i++) {
        double x = a->parts[i], y = b->parts[i];
        if (x != y && (k->is_date ? k->counts[i] : i == 0))
            return x < y ? -1 : 1;
    }
    return 0;
}

static const numeric_value *first_of(const numeric_values *values, bool dates)
{
    for (int i = 0; i < values->n; i++)
        if (values->items[i].is_date == dates)
            return &values->items[i];
    return NULL;
}

/* Of the kind that more cells have, dates if as many have both. */
static void choose_values(numeric_column *c, const numeric_values *cells, int n_rows)
{
    int n_dates = 0, n_numbers = 0;
    for (int i = 0; i < n_rows; i++) {
        n_dates += first_of(&cells[i], true) != NULL;
        n_numbers += first_of(&cells[i], false) != NULL;
    }
    bool dates = n_dates >= n_numbers;
    if ((double)(dates ? n_dates : n_numbers) < (double)n_rows * least_share)
        return;
    for (int i = 0; i < n_rows; i++) {
        c->values[i] = first_of(&cells[i], dates);
        if (c->values[i])
            numeric_key_add(&c->key, c->values[i]);
    }
}

bool numeric_column_make(numeric_column *c, const numeric_values *cells, int n_rows, arena *a,
                         error *e)
{
    *c = (numeric_column){.values = arena_try(a, (size_t)n_rows + 1, sizeof *c->values),
                          .ranks = arena_try(a, (size_t)n_rows + 1, sizeof *c->ranks)};
    if (!c->values || !c->ranks)
        return fail(e, ERR_TOO_LARGE, "no memory for the numbers of %d rows", n_rows);
    choose_values(c, cells, n_rows);
    return numeric_column_rank(c, n_rows, a, e);
}

struct ranked {
    const numeric_key *key;
    const numeric_value *value;
    int row;
};

static int compare_ranked(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    int order = numeric_compare(x->key, x->value, y->value);
    return order ? order : (x->row > y->row) - (x->row < y->row);
}

bool numeric_column_rank(numeric_column *c, int n_rows, arena *a, error *e)
{
    int n = 0;
    numeric_key key = {0};
    struct ranked *sorted = arena_try(a, (size_t)n_rows + 1, sizeof *sorted);
    if (!sorted)
        return fail(e, ERR_TOO_LARGE, "no memory for the numbers of %d rows", n_rows);
    for (int i = 0; i < n_rows; i++)
        if (c->values[i]) {
            numeric_key_add(&key, c->values[i]);
            sorted[n++] = (struct ranked){&key, c->values[i], i};
        }
    c->n_ranks = 0;
    if (!numeric_key_compares(&key))
        return true;
    qsort(sorted, (size_t)n, sizeof *sorted, compare_ranked);
    for (int i = 0; i < n; i++) {
        if (i == 0 || numeric_compare(&key, sorted[i - 1].value, sorted[i].value))
            c->n_ranks++;
        c->ranks[sorted[i].row] = c->n_ranks;
    }
    return true;
}

enum { EQUAL = 1, LOWER = 2, HIGHER = 4 };

/* Whether a value compares with the column by exactly the parts of the key. */
static bool has_key(const numeric_column *c, const numeric_value *v, const numeric_key *key)
{
    numeric_key own = c->key;
    numeric_key_add(&own, v);
    return numeric_key_compares(&own) && memcmp(own.counts, key->counts, sizeof own.counts) == 0;
}

static void relate(const numeric_column *c, int n_rows, const struct ranked *sorted, int n,
                   int *out)
{
    const numeric_key *key = sorted->key;
    for (int i = 0; i < n_rows; i++) {
        int low = 0, high = n;
        if (!c->values[i])
            continue;
        while (low < high) {
            int middle = (low + high) / 2;
            if (numeric_compare(key, sorted[middle].value, c->values[i]) < 0)
                low = middle + 1;
            else
                high = middle;
        }
        if (low > 0)
            out[i] |= LOWER;
        if (low < n && numeric_compare(key, sorted[low].value, c->values[i]) == 0)
            out[i] |= EQUAL;
        if (numeric_compare(key, sorted[n - 1].value, c->values[i]) > 0)
            out[i] |= HIGHER;
    }
}

/* The values of the question are taken together that compare by the same parts. */
bool numeric_column_relate(const numeric_column *c, int n_rows, const numeric_values *question,
                           int *out, arena *a, error *e)
{
    struct ranked *sorted = arena_try(a, (size_t)question->n + 1, sizeof *sorted);
    if (!sorted)
        return fail(e, ERR_TOO_LARGE, "no memory for %d numbers", question->n);
    memset(out, 0, (size_t)n_rows * sizeof *out);
    for (int parts = 0; parts < 1 << DATE_PARTS && c->key.any; parts++) {
        numeric_key key = {.is_date = c->key.is_date, .any = true};
        int n = 0;
        for (int i = 0; i < DATE_PARTS; i++)
            key.counts[i] = parts >> i & 1;
        for (int i = 0; i < question->n; i++)
            if (has_key(c, &question->items[i], &key))
                sorted[n++] = (struct ranked){&key, &question->items[i], i};
        if (n == 0)
            continue;
        qsort(sorted, (size_t)n, sizeof *sorted, compare_ranked);
        relate(c, n_rows, sorted, n, out);
    }
    return true;
}
