/* BPE: a word starts as characters; of all neighbours that may merge, those of the lowest rank do
 * first, the leftmost among equals, until none is left. A heap of candidates keeps long words
 * (a line without spaces) at n log n. */
#include "tokenizers/model.h"

#include <stdlib.h>

struct bpe {
    str unk_token, prefix, suffix;
    int fuse_unk, byte_fallback, ignore_merges;
    double dropout;
    int unk_id;
    int byte_ids[256];
    const merges *merges;
};

static const field fields[] = {
    FIELD_STRING(struct bpe, unk_token, "unk_token", NULL, 0, "for unknown characters"),
    FIELD_STRING(struct bpe, prefix, "continuing_subword_prefix", "", 0,
                 "before tokens inside of a word"),
    FIELD_STRING(struct bpe, suffix, "end_of_word_suffix", "", 0, "behind the last of a word"),
    FIELD_BOOL(struct bpe, fuse_unk, "fuse_unk", 0, "unknown characters in a row are one token"),
    FIELD_BOOL(struct bpe, byte_fallback, "byte_fallback", 0, "unknown characters become bytes"),
    FIELD_BOOL(struct bpe, ignore_merges, "ignore_merges", 0, "a word that is a token stays one"),
    FIELD_NUMBER(struct bpe, dropout, "dropout", 0, 0, 1, "merges left out at random"),
    FIELD_END};

enum { STACK_SYMBOLS = 64, MAX_JOINED = 1 << 12 };

static bool prepare(void *state, const json_t *json, const char *path, loader *l)
{
    (void)json;
    struct bpe *s = state;
    if (s->dropout > 0)
        return loader_fail(l, path, "has a 'dropout' of %g, expected 0: its ids would be random",
                           s->dropout);
    s->unk_id = s->unk_token.p ? vocab_id(l->vocab, s->unk_token) : VOCAB_ABSENT;
    model_byte_ids(l->vocab, s->byte_ids);
    s->merges = l->merges;
    return s->merges->given || loader_fail(l, path, "must have an array 'merges'");
}

/* A token under way; a symbol of length 0 was merged away. */
struct symbol {
    int id, previous, next;
    uint32_t length;
};

/* Neighbours that may merge: the symbol at `at` and its next. */
struct candidate {
    uint32_t rank;
    int at, id;
};

struct word {
    struct symbol *symbols;
    struct candidate *heap;
    int n, n_heap;
};

static bool comes_before(struct candidate a, struct candidate b)
{
    return a.rank != b.rank ? a.rank < b.rank : a.at < b.at;
}

static void push(struct word *w, struct candidate c)
{
    int i = w->n_heap++;
    for (; i > 0 && comes_before(c, w->heap[(i - 1) / 2]); i = (i - 1) / 2)
        w->heap[i] = w->heap[(i - 1) / 2];
    w->heap[i] = c;
}

static struct candidate pop(struct word *w)
{
    struct candidate top = w->heap[0], last = w->heap[--w->n_heap];
    int i = 0;
    for (int child; (child = 2 * i + 1) < w->n_heap; i = child) {
        if (child + 1 < w->n_heap && comes_before(w->heap[child + 1], w->heap[child]))
            child++;
        if (!comes_before(w->heap[child], last))
            break;
        w->heap[i] = w->heap[child];
    }
    w->heap[i] = last;
    return top;
}

static void consider(const struct bpe *s, struct word *w, int at)
{
    if (at < 0 || w->symbols[at].next < 0)
        return;
    const struct merge *m =
        merges_find(s->merges, w->symbols[at].id, w->symbols[w->symbols[at].next].id);
    if (m)
        push(w, (struct candidate){m->rank, at, (int)m->id});
}

static void merge_all(const struct bpe *s, struct word *w)
{
    for (int i = 0; i < w->n; i++)
        consider(s, w, i);
    while (w->n_heap) {
        struct candidate top = pop(w);
        struct symbol *left = &w->symbols[top.at];
        if (left->length == 0 || left->next < 0)
            continue;
        struct symbol *right = &w->symbols[left->next];
        const struct merge *m = merges_find(s->merges, left->id, right->id);
        if (!m || (int)m->id != top.id)
            continue;
        left->id = top.id;
        left->length += right->length;
        left->next = right->next;
        right->length = 0;
        if (left->next >= 0)
            w->symbols[left->next].previous = top.at;
        consider(s, w, left->previous);
        consider(s, w, top.at);
    }
}

static void add_symbol(struct word *w, int id, uint32_t length)
{
    w->symbols[w->n] = (struct symbol){id, w->n - 1, -1, length};
    if (w->n)
        w->symbols[w->n - 1].next = w->n;
    w->n++;
}

/* Unknown characters that wait to be one token. */
struct unknown {
    bool waits;
    uint32_t length;
};

static void flush_unknown(const struct bpe *s, struct word *w, struct unknown *u)
{
    if (u->waits)
        add_symbol(w, s->unk_id, u->length);
    u->waits = false;
}

/* A character with its prefix and suffix. */
static int32_t find_character(const struct bpe *s, const vocab *v, const text *t, size_t from,
                              size_t to)
{
    str head = from ? s->prefix : STR(""), tail = to == t->n ? s->suffix : STR("");
    char spelled[MAX_JOINED];
    size_t n = to - from;
    if (head.n == 0 && tail.n == 0)
        return vocab_id(v, (str){t->p + from, n});
    if (head.n + n + tail.n > sizeof spelled)
        return VOCAB_ABSENT;
    memcpy(spelled, head.p, head.n);
    memcpy(spelled + head.n, t->p + from, n);
    memcpy(spelled + head.n + n, tail.p, tail.n);
    return vocab_id(v, (str){spelled, head.n + n + tail.n});
}

static bool add_bytes(const struct bpe *s, struct word *w, str bytes)
{
    for (size_t i = 0; i < bytes.n; i++)
        if (s->byte_ids[(unsigned char)bytes.p[i]] == VOCAB_ABSENT)
            return false;
    for (size_t i = 0; i < bytes.n; i++)
        add_symbol(w, s->byte_ids[(unsigned char)bytes.p[i]], 1);
    return true;
}

/* Turns the characters into symbols. As in the reference, bytes come before unknown characters
 * that wait, and a character that is nothing at all leaves no gap in the offsets. */
static bool split(const struct bpe *s, const vocab *v, const text *t, struct word *w, error *e)
{
    struct unknown unknown = {0};
    for (size_t at = 0, end; at < t->n; at = end) {
        end = at + unicode_length(t->p[at]);
        uint32_t length = (uint32_t)(end - at);
        int32_t id = find_character(s, v, t, at, end);
        if (id != VOCAB_ABSENT) {
            flush_unknown(s, w, &unknown);
            add_symbol(w, id, length);
        } else if (!(s->byte_fallback && add_bytes(s, w, (str){t->p + at, length})) &&
                   s->unk_token.p) {
            if (s->unk_id == VOCAB_ABSENT)
                return fail(e, ERR_BAD_MODEL, "the unknown token '%.60s' is not in the vocabulary",
                            s->unk_token.p);
            if (!s->fuse_unk)
                flush_unknown(s, w, &unknown);
            unknown.length = length + (unknown.waits ? unknown.length : 0);
            unknown.waits = true;
        }
    }
    flush_unknown(s, w, &unknown);
    return true;
}

static bool run_word(const struct bpe *s, const vocab *v, const text *t, struct word *w,
                     tokens *out, error *e)
{
    if (!split(s, v, t, w, e))
        return false;
    merge_all(s, w);
    size_t at = 0;
    for (int i = 0; i < w->n; i++) {
        if (w->symbols[i].length == 0)
            continue;
        tokens_add_part(out, t, at, at + w->symbols[i].length, w->symbols[i].id);
        at += w->symbols[i].length;
    }
    return true;
}

/* Each byte is at most one symbol; each symbol is considered once at the start and each merge
 * considers two more, so three candidates a byte are enough. */
static bool run(const void *state, const vocab *v, const text *t, tokens *out, error *e)
{
    const struct bpe *s = state;
    if (s->ignore_merges) {
        int32_t id = vocab_id(v, text_bytes(t));
        if (id != VOCAB_ABSENT) {
            tokens_add_part(out, t, 0, t->n, id);
            return true;
        }
    }
    struct symbol few_symbols[STACK_SYMBOLS];
    struct candidate few_candidates[3 * STACK_SYMBOLS];
    struct word w = {few_symbols, few_candidates, 0, 0};
    bool large = t->n > STACK_SYMBOLS;
    if (large) {
        w.symbols = malloc(t->n * sizeof *w.symbols);
        w.heap = malloc(3 * t->n * sizeof *w.heap);
    }
    bool ok = w.symbols && w.heap
                  ? run_word(s, v, t, &w, out, e)
                  : fail(e, ERR_TOO_LARGE, "out of memory for a word of %zu bytes", t->n);
    if (large) {
        free(w.symbols);
        free(w.heap);
    }
    return ok;
}

const struct model_kind model_bpe = {{"BPE", fields, sizeof(struct bpe), prepare}, run};
