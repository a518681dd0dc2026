/* Windows as Encoding::truncate of `tokenizers` makes them: each begins `most - stride` tokens
 * behind the one before, the last one ends with the text. */
#include "tokenizers/windows.h"
#include "base/profile.h"
#include "tokenizers/pipeline.h"

struct cut { /* how one text is cut */
    size_t n, most, step;
    enum truncation_side side;
};

static struct kept window_at(const struct cut *c, size_t i)
{
    size_t from = i * c->step;
    if (c->side == TRUNCATE_RIGHT)
        return (struct kept){from, from + c->most < c->n ? from + c->most : c->n};
    size_t end = c->n - from;
    return (struct kept){end > c->most ? end - c->most : 0, end};
}

static size_t count_windows(const struct cut *c)
{
    return c->n <= c->most ? 1 : 1 + (c->n - c->most + c->step - 1) / c->step;
}

static bool plan(const tokenizer *t, const tokens lists[2], const window_options *o, bool is_pair,
                 size_t n_other, struct cut *c, error *e)
{
    size_t n = lists[o->of_pair].n;
    long n_special = encode_template(t, is_pair)->n_special;
    long most = o->window - n_special - (long)n_other;
    *c = (struct cut){.n = n, .most = n, .step = 1, .side = o->side};
    if (o->window == 0 || (long)n <= most)
        return true;
    if (most < 1)
        return fail(e, ERR_INVALID,
                    "a window of %d tokens has no room beside %ld special tokens and %zu tokens of "
                    "the other text",
                    o->window, n_special, n_other);
    if (o->stride >= most)
        return fail(e, ERR_INVALID,
                    "windows that share %d tokens cannot move on: expected fewer than the %ld "
                    "tokens that a window has",
                    o->stride, most);
    c->most = (size_t)most;
    c->step = (size_t)(most - o->stride);
    return true;
}

static bool cut_windows(const tokenizer *t, const str inputs[2], tokens lists[2], bool is_pair,
                        const window_options *o, windows *out, arena *a, error *e)
{
    static const encode_options whole = {.add_special = true};
    for (int i = 0; i <= is_pair; i++)
        if (!encode_text(t, inputs[i], false, encode_nodes(t, i == is_pair, o->node_lines),
                         &lists[i], e))
            return false;
    const tokens *other = &lists[!o->of_pair];
    size_t n_other =
        o->max_other && (size_t)o->max_other < other->n ? (size_t)o->max_other : other->n;
    struct cut c;
    if (!plan(t, lists, o, is_pair, n_other, &c, e))
        return false;
    size_t n = count_windows(&c);
    windows made = {arena_try(a, n, sizeof *made.items), (int)n, (int)(other->n - n_other)};
    if (!made.items || n > INT32_MAX)
        return fail(e, ERR_TOO_LARGE, "no memory for %zu windows", n);
    for (size_t i = 0; i < n; i++) {
        struct kept kept[2];
        kept[o->of_pair] = window_at(&c, i);
        kept[!o->of_pair] = (struct kept){0, n_other};
        if (!encode_assemble(t, inputs, lists, is_pair, kept, &whole, &made.items[i], a, e))
            return false;
    }
    *out = made;
    return true;
}

bool tokenizer_windows(const tokenizer *t, str first, const str *pair, const window_options *o,
                       windows *out, arena *a, error *e)
{
    PROFILE(PROFILE_TOKENIZER);
    const str inputs[2] = {first, pair ? *pair : (str){0}};
    tokens lists[2] = {0};
    bool ok = cut_windows(t, inputs, lists, pair != NULL, o, out, a, e);
    tokens_release(&lists[0]);
    tokens_release(&lists[1]);
    return ok;
}

/* How many tokens of the text stay beside n_pair of its pair. */
static struct kept keep_first(size_t n, size_t n_pair, int n_special, int max_tokens,
                              enum truncation_side side)
{
    long room = max_tokens - n_special - (long)n_pair;
    if (max_tokens == 0 || (long)n <= room || room < 1)
        return (struct kept){0, n};
    size_t most = (size_t)room;
    return side == TRUNCATE_LEFT ? (struct kept){n - most, n} : (struct kept){0, most};
}

bool tokenizer_encode_pairs(const tokenizer *t, str first, const str *pairs, int n, int max_tokens,
                            enum truncation_side side, encoding *out, arena *a, error *e)
{
    static const encode_options whole = {.add_special = true};
    PROFILE(PROFILE_TOKENIZER);
    tokens lists[2] = {0};
    bool ok = encode_text(t, first, false, NODES_NONE, &lists[0], e);
    for (int i = 0; i < n && ok; i++) {
        const str inputs[2] = {first, pairs[i]};
        ok = encode_text(t, pairs[i], false, encode_nodes(t, true, false), &lists[1], e);
        struct kept kept[2] = {keep_first(lists[0].n, lists[1].n,
                                          encode_template(t, true)->n_special, max_tokens, side),
                               {0, lists[1].n}};
        ok = ok && encode_assemble(t, inputs, lists, true, kept, &whole, &out[i], a, e);
        tokens_release(&lists[1]);
        lists[1] = (tokens){0};
    }
    tokens_release(&lists[0]);
    return ok;
}
