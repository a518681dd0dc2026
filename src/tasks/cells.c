#include "tasks/cells.h"
#include "base/utf8.h"
#include "nn/table_types.h"

#include <assert.h>
#include <math.h>

static_assert((int)N_TABLE_KINDS == (int)TABLE_TYPES && (int)KIND_COLUMN == (int)TABLE_COLUMN &&
                  (int)KIND_ROW == (int)TABLE_ROW,
              "what the tokenizer numbers is what the model reads");

static int64_t characters_of(const cell_table *table)
{
    int64_t n = 0;
    for (size_t i = 0; i < ((size_t)table->n_rows + 1) * (size_t)table->n_columns; i++)
        n += (int64_t)utf8_length(table->cells[i]);
    return n;
}

bool cells_encode(task_call *c, const cell_table *table, const strs *questions, bool truncate,
                  cells_asked *out, error *e)
{
    const pipeline *p = c->pipeline;
    table_limits limits = {.max_tokens = p->max_tokens};
    for (int i = 0; i < N_TABLE_KINDS; i++)
        limits.kinds[i] = p->info->table_sizes[i];
    table_text *text = table_text_make(p->tables, table, &limits, c->memory, e);
    for (int i = 0; text && i < questions->n; i++) {
        if (atomic_load(&c->cancelled))
            return fail(e, ERR_CANCELLED, "the client has left");
        if (!table_encode(p->tables, text, questions->items[i], truncate, &out[i].encoding,
                          c->memory, e))
            return false;
        out[i].n_characters =
            (int64_t)utf8_length(questions->items[i]) + (i ? 0 : characters_of(table));
    }
    return text != NULL;
}

void cells_add(task_call *c, cells_asked *asked)
{
    const table_encoding *enc = &asked->encoding;
    asked->sequence = c->n_sequences++;
    c->sequences[asked->sequence] = (sequence){
        .ids = enc->ids, .table_types = &enc->kinds[0][0], .n = enc->n, .n_given = enc->n_total};
    c->usage.characters += asked->n_characters;
    c->usage.tokens += enc->n;
    c->usage.tokens_given += enc->n_total;
    c->usage.n_truncated += enc->n_total > enc->n;
}

static bool same_cell(const int *a, const int *b)
{
    return a[KIND_COLUMN] == b[KIND_COLUMN] && a[KIND_ROW] == b[KIND_ROW];
}

/* As the reference has it, in floats. */
static float probability(float logit)
{
    static const float least = -88.7f;
    return 1 / (1 + expf(-(logit < least ? least : logit)));
}

/* The next cell from token *at on that the model selects, or NULL: its numbers. Tokens of a cell
 * stand together, row by row. */
static const int *next_selected(const cells_asked *asked, const float *logits, int *at)
{
    const table_encoding *enc = &asked->encoding;
    while (*at < enc->n) {
        const int *kinds = enc->kinds[*at];
        double sum = 0;
        int first = *at;
        for (; *at < enc->n && same_cell(enc->kinds[*at], kinds); ++*at)
            sum += (double)probability(logits[*at]);
        if (kinds[KIND_ROW] > 0 && kinds[KIND_COLUMN] > 0 && sum / (*at - first) > 0.5)
            return kinds;
    }
    return NULL;
}

/* Cells of both questions come in the same order. */
void cells_tell(const task_call *c, const cells_asked *before, cells_asked *next)
{
    const float *logits = c->sequences[before->sequence].out;
    table_encoding *enc = &next->encoding;
    const int *cell;
    int i = 0;
    for (int at = 0; (cell = next_selected(before, logits, &at));) {
        while (i < enc->n && (enc->kinds[i][KIND_ROW] < cell[KIND_ROW] ||
                              (enc->kinds[i][KIND_ROW] == cell[KIND_ROW] &&
                               enc->kinds[i][KIND_COLUMN] < cell[KIND_COLUMN])))
            i++;
        for (; i < enc->n && same_cell(enc->kinds[i], cell); i++)
            enc->kinds[i][KIND_ANSWER] = 1;
    }
}

/* The label that scores most. */
static int best_label(const float *scores, int n)
{
    int best = n ? 0 : -1;
    for (int i = 1; i < n; i++)
        if (scores[i] > scores[best])
            best = i;
    return best;
}

bool cells_find(const task_call *c, const cells_asked *asked, cells_answer *out, error *e)
{
    const sequence *s = &c->sequences[asked->sequence];
    const int *cell;
    cells_answer made = {arena_try(c->memory, (size_t)s->n, sizeof *made.places), 0, -1};
    if (!made.places)
        return fail(e, ERR_TOO_LARGE,
                    "the answer is larger than the memory allowed for one request");
    for (int at = 0; (cell = next_selected(asked, s->out, &at));)
        made.places[made.n++] = (struct cells_place){cell[KIND_ROW] - 1, cell[KIND_COLUMN] - 1};
    made.aggregator = best_label(s->out + s->n, c->pipeline->info->n_labels);
    *out = made;
    return true;
}

str cells_text(const cell_table *table, struct cells_place place)
{
    return table->cells[((size_t)place.row + 1) * (size_t)table->n_columns + (size_t)place.column];
}
