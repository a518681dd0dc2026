#include "tokenizers/table_tokenizer.h"
#include "base/own.h"
#include "tokenizers/numeric_values.h"
#include "tokenizers/table_options.h"

/* A token of a cell. */
struct cell_token {
    int id;
    int row, column; /* row 0: of headers; column from 0 */
    int word;        /* place, in the cell, of the first token of its word */
};

struct table_text {
    int n_rows, n_columns;
    table_limits limits;
    int most_rows;             /* that can be numbered */
    struct cell_token *tokens; /* [n_tokens] of those rows, row by row */
    int n_tokens, n_beyond;    /* n_beyond: tokens of all other rows */
    int longest;               /* most tokens of a cell among them */
    int *row_end;              /* [most_rows + 1] where the tokens of a row end */
    numeric_column *columns;   /* [n_columns] */
};

static bool no_room(error *e)
{
    return fail(e, ERR_TOO_LARGE, "the table is larger than the memory allowed for one request");
}

/* Tokens of the table while it is read. */
struct reader {
    const table_tokenizer *m;
    table_text *t;
    arena *memory;
    int capacity;
};

static bool make_room(struct reader *r, int n, error *e)
{
    table_text *t = r->t;
    if (n <= r->capacity - t->n_tokens)
        return true;
    if (t->n_tokens > (1 << 28) - n)
        return no_room(e);
    int more = 2 * r->capacity > t->n_tokens + n ? 2 * r->capacity : t->n_tokens + n + 256;
    struct cell_token *grown = arena_raw(r->memory, (size_t)more, sizeof *grown);
    if (!grown)
        return no_room(e);
    if (t->n_tokens)
        memcpy(grown, t->tokens, (size_t)t->n_tokens * sizeof *grown);
    t->tokens = grown;
    r->capacity = more;
    return true;
}

static bool read_cell(struct reader *r, str cell, int row, int column, tokens *list, error *e)
{
    table_text *t = r->t;
    list->n = 0;
    if (!table_tokens_of(r->m, cell, list, e))
        return false;
    if (row > t->most_rows) {
        t->n_beyond += list->n < (1 << 20) ? (int)list->n : 1 << 20;
        return true;
    }
    if (list->n > 1 << 28 || !make_room(r, (int)list->n, e))
        return no_room(e);
    for (int i = 0, word = 0; i < (int)list->n; i++) {
        int id = list->items[i].id;
        if (!table_token_is_inner(r->m, id))
            word = i;
        t->tokens[t->n_tokens++] = (struct cell_token){id, row, column, word};
    }
    if ((int)list->n > t->longest)
        t->longest = (int)list->n;
    return true;
}

static bool read_cells(struct reader *r, const cell_table *table, error *e)
{
    table_text *t = r->t;
    OWN(tokens_release) tokens list = {0};
    for (int row = 0; row <= t->n_rows; row++) {
        for (int column = 0; column < t->n_columns; column++) {
            const str *cell = &table->cells[(size_t)row * (size_t)t->n_columns + (size_t)column];
            bool none = row == 0 && r->m->strip_names;
            if (!read_cell(r, none ? STR("") : *cell, row, column, &list, e))
                return false;
        }
        if (row <= t->most_rows)
            t->row_end[row] = t->n_tokens;
    }
    return true;
}

static bool read_values(struct reader *r, const cell_table *table, error *e)
{
    table_text *t = r->t;
    numeric_values *cells = arena_try(r->memory, (size_t)t->n_rows + 1, sizeof *cells);
    if (!cells)
        return no_room(e);
    for (int column = 0; column < t->n_columns; column++) {
        for (int row = 1; row <= t->n_rows; row++) {
            size_t at = (size_t)row * (size_t)t->n_columns + (size_t)column;
            if (!numeric_values_of(table->cells[at], &cells[row - 1], r->memory, e))
                return false;
        }
        if (!numeric_column_make(&t->columns[column], cells, t->n_rows, r->memory, e))
            return false;
    }
    return true;
}

static int smaller(int a, int b)
{
    return a < b ? a : b;
}

table_text *table_text_make(const table_tokenizer *m, const cell_table *table,
                            const table_limits *limits, arena *a, error *e)
{
    int most_columns = smaller(m->max_column, limits->kinds[KIND_COLUMN]) - 1;
    table_text *t = arena_alloc(a, sizeof *t);
    *t = (table_text){.n_rows = table->n_rows, .n_columns = table->n_columns, .limits = *limits};
    if (t->n_columns > most_columns) {
        fail(e, ERR_INVALID, "the table has %d columns, this model takes at most %d", t->n_columns,
             most_columns);
        return NULL;
    }
    t->most_rows = smaller(smaller(m->max_row, limits->kinds[KIND_ROW]) - 1, t->n_rows);
    t->row_end = arena_try(a, (size_t)t->most_rows + 1, sizeof *t->row_end);
    t->columns = arena_try(a, (size_t)t->n_columns + 1, sizeof *t->columns);
    struct reader r = {.m = m, .t = t, .memory = a};
    if (!t->row_end || !t->columns) {
        no_room(e);
        return NULL;
    }
    return read_cells(&r, table, e) && read_values(&r, table, e) ? t : NULL;
}

/* What is kept of a table: rows, and words of a cell that begin before this token. */
struct cut {
    int rows, words;
};

/* The most that `budget` tokens hold of the first rows; words 0 when not one of each cell fits, or
 * fewer than the options want. counts: [longest + 1] tokens of the kept rows, by the place of their
 * word. */
static int words_that_fit(const table_tokenizer *m, const table_text *t, const int *counts,
                          int budget)
{
    int most = m->trim >= 0 && t->longest > m->trim ? m->trim : t->longest, words = 0;
    for (int cost = 0; words <= most; words++) {
        cost += words < t->longest ? counts[words] : 0;
        if (cost > budget)
            break;
    }
    if (words > most)
        return most > 0 ? most : 1;
    return words < most && m->trim >= 0 ? 0 : words;
}

static bool find_cut(const table_tokenizer *m, const table_text *t, int budget, struct cut *out,
                     arena *a, error *e)
{
    int *counts = arena_try(a, (size_t)t->longest + 1, sizeof *counts);
    if (!counts)
        return no_room(e);
    for (int i = 0; i < t->n_tokens; i++)
        counts[t->tokens[i].word]++;
    for (*out = (struct cut){t->most_rows, 0}; out->rows > 0; out->rows--) {
        out->words = words_that_fit(m, t, counts, budget);
        if (out->words > 0)
            return true;
        for (int i = t->row_end[out->rows - 1]; i < t->row_end[out->rows]; i++)
            counts[t->tokens[i].word]--;
    }
    return true;
}

static bool is_kept(const struct cell_token *k, const struct cut *cut)
{
    return k->row <= cut->rows && k->word < cut->words;
}

static int count_kept(const table_text *t, const struct cut *cut)
{
    int n = 0;
    for (int i = 0; i < t->n_tokens; i++)
        n += is_kept(&t->tokens[i], cut);
    return n;
}

/* What is to be kept beside a question of n_question tokens, with [CLS] and [SEP]. */
static bool plan(const table_tokenizer *m, const table_text *t, int n_question, bool truncate,
                 struct cut *out, arena *a, error *e)
{
    int budget = t->limits.max_tokens - n_question;
    long total = (long)n_question + t->n_tokens + t->n_beyond;
    if (truncate) {
        if (!find_cut(m, t, budget, out, a, e))
            return false;
        return out->rows > 0 ||
               fail(e, ERR_INVALID,
                    "the question and the headers leave no room for a row of the table: the model "
                    "reads %d tokens, %d are of the question",
                    t->limits.max_tokens, n_question);
    }
    if (t->most_rows < t->n_rows)
        return fail(e, ERR_INVALID,
                    "the table has %d rows, this model takes at most %d: shorten it, or let it be "
                    "cut with \"truncation\": true",
                    t->n_rows, t->most_rows);
    if (total > t->limits.max_tokens)
        return fail(e, ERR_INVALID,
                    "question and table must have at most %d tokens, found %ld: shorten them, or "
                    "let the table be cut with \"truncation\": true",
                    t->limits.max_tokens, total);
    *out = (struct cut){t->n_rows, t->longest + 1};
    return true;
}

static void put(table_encoding *out, int id, const int kinds[N_TABLE_KINDS])
{
    out->ids[out->n] = id;
    memcpy(out->kinds[out->n++], kinds, sizeof *out->kinds);
}

static void put_cells(const table_text *t, const struct cut *cut, const numeric_column *columns,
                      int *const *relations, table_encoding *out)
{
    int kinds[N_TABLE_KINDS] = {0};
    for (int i = 0; i < t->n_tokens; i++) {
        const struct cell_token *k = &t->tokens[i];
        if (!is_kept(k, cut))
            continue;
        if (kinds[KIND_COLUMN] != k->column + 1 || kinds[KIND_ROW] != k->row ||
            !kinds[KIND_SEGMENT]) {
            const numeric_column *c = &columns[k->column];
            int rank = k->row ? c->ranks[k->row - 1] : 0;
            kinds[KIND_SEGMENT] = 1;
            kinds[KIND_COLUMN] = k->column + 1;
            kinds[KIND_ROW] = k->row;
            kinds[KIND_RANK] = rank;
            kinds[KIND_INVERSE_RANK] = rank ? c->n_ranks - rank + 1 : 0;
            kinds[KIND_RELATION] = k->row ? relations[k->column][k->row - 1] : 0;
        }
        put(out, k->id, kinds);
    }
}

/* The columns with ranks that the model knows: those of the kept rows where there are more. */
static bool limit_ranks(const table_text *t, int n_rows, numeric_column **out, arena *a, error *e)
{
    int most = smaller(t->limits.kinds[KIND_RANK], t->limits.kinds[KIND_INVERSE_RANK]) - 1;
    *out = arena_try(a, (size_t)t->n_columns + 1, sizeof **out);
    for (int i = 0; *out && i < t->n_columns; i++) {
        numeric_column *c = &(*out)[i];
        *c = t->columns[i];
        if (c->n_ranks <= most)
            continue;
        c->ranks = arena_try(a, (size_t)t->n_rows + 1, sizeof *c->ranks);
        if (!c->ranks)
            return no_room(e);
        if (!numeric_column_rank(c, n_rows, a, e))
            return false;
        if (c->n_ranks > most)
            return fail(e, ERR_INVALID,
                        "column %d of the table has %d different numbers, this model tells at most "
                        "%d apart",
                        i + 1, c->n_ranks, most);
    }
    return *out != NULL || no_room(e);
}

/* relations[column][row] of the rows that are kept. */
static bool relate(const table_text *t, int n_rows, str question, int ***out, arena *a, error *e)
{
    numeric_values values;
    int **relations = arena_try(a, (size_t)t->n_columns + 1, sizeof *relations);
    if (!relations)
        return no_room(e);
    if (!numeric_values_of(question, &values, a, e))
        return false;
    for (int i = 0; i < t->n_columns; i++) {
        relations[i] = arena_raw(a, (size_t)n_rows + 1, sizeof **relations);
        if (!relations[i])
            return no_room(e);
        if (!numeric_column_relate(&t->columns[i], n_rows, &values, relations[i], a, e))
            return false;
    }
    *out = relations;
    return true;
}

static bool check_question(const table_tokenizer *m, size_t n, error *e)
{
    if (m->max_question >= 0 && n > (size_t)m->max_question)
        return fail(e, ERR_INVALID, "the question has %zu tokens, this model takes at most %d", n,
                    m->max_question);
    if (m->min_question >= 0 && n < (size_t)m->min_question)
        return fail(e, ERR_INVALID, "the question has %zu tokens, this model takes at least %d", n,
                    m->min_question);
    return true;
}

static bool encode(const table_tokenizer *m, const table_text *t, str question, const tokens *list,
                   bool truncate, table_encoding *out, arena *a, error *e)
{
    static const int outside[N_TABLE_KINDS] = {0};
    enum { SPECIAL = 2 };
    struct cut cut = {0};
    int **relations = NULL;
    numeric_column *columns = NULL;
    const tokenizer_info *about = tokenizer_info_of(m->tokenizer);
    if (!check_question(m, list->n, e))
        return false;
    if (list->n > (size_t)t->limits.max_tokens)
        return fail(e, ERR_INVALID,
                    "the question has %zu tokens, the model reads %d with its table", list->n,
                    t->limits.max_tokens);
    int n_question = (int)list->n + SPECIAL;
    if (!plan(m, t, n_question, truncate, &cut, a, e) ||
        !relate(t, cut.rows, question, &relations, a, e) ||
        !limit_ranks(t, cut.rows, &columns, a, e))
        return false;
    size_t n = (size_t)n_question + (size_t)count_kept(t, &cut);
    *out = (table_encoding){.ids = arena_raw(a, n, sizeof *out->ids),
                            .kinds = arena_raw(a, n, sizeof *out->kinds),
                            .n_total = n_question + t->n_tokens + t->n_beyond,
                            .n_rows = cut.rows};
    if (!out->ids || !out->kinds)
        return no_room(e);
    put(out, about->cls_id, outside);
    for (size_t i = 0; i < list->n; i++)
        put(out, list->items[i].id, outside);
    put(out, about->sep_id, outside);
    put_cells(t, &cut, columns, relations, out);
    return true;
}

bool table_encode(const table_tokenizer *m, const table_text *t, str question, bool truncate,
                  table_encoding *out, arena *a, error *e)
{
    OWN(tokens_release) tokens list = {0};
    return table_tokens_of(m, question, &list, e) &&
           encode(m, t, question, &list, truncate, out, a, e);
}
