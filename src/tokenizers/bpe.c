/* BPE: a word starts as characters; of all neighbours that may merge, those of the lowest rank do
 * first, the leftmost among equals, until none is left.
 *
 * A merge joins two characters that stand side by side in some token. So a word falls into parts
 * where two neighbours do so in no token: the parts are merged one by one, which matters for models
 * that take a whole text as one word. Short parts look for the lowest rank by walking over all; a
 * heap of candidates keeps long ones (a line without spaces) at n log n. */
#include "tokenizers/model.h"

#include <stdlib.h>

enum { PAIR_BITS = 17 };

struct bpe {
    str unk_token, prefix, suffix, inside;
    int fuse_unk, byte_fallback, ignore_merges;
    double dropout;
    int unk_id;
    int n_ids;          /* symbols from here on are no tokens, but for merges */
    const int32_t *ids; /* [n_symbols]: what symbols become, with `inside`; else NULL */
    int byte_ids[256];
    const merges *merges;
    /* Pairs of characters that stand side by side in a token: a bit for each hash of a pair. */
    uint64_t pairs[(1 << PAIR_BITS) / 64];
};

static const field fields[] = {
    FIELD_STRING(struct bpe, unk_token, "unk_token", NULL, 0, "for unknown characters"),
    FIELD_STRING(struct bpe, prefix, "continuing_subword_prefix", "", 0,
                 "before tokens inside of a word"),
    FIELD_STRING(struct bpe, suffix, "end_of_word_suffix", "", 0, "behind the last of a word"),
    FIELD_STRING(struct bpe, inside, "continuing_subword_suffix", "", 0,
                 "behind tokens inside of a word, for recipes: the last has no suffix then"),
    FIELD_BOOL(struct bpe, fuse_unk, "fuse_unk", 0, "unknown characters in a row are one token"),
    FIELD_BOOL(struct bpe, byte_fallback, "byte_fallback", 0, "unknown characters become bytes"),
    FIELD_BOOL(struct bpe, ignore_merges, "ignore_merges", 0, "a word that is a token stays one"),
    FIELD_NUMBER(struct bpe, dropout, "dropout", 0, 0, 1, "merges left out at random"),
    FIELD_END};

enum { STACK_SYMBOLS = 64, FEW = 24, MAX_JOINED = 1 << 12 };

/* The bytes of the character at p, which says itself how long it is. */
static uint32_t character_at(const char *p)
{
    uint32_t c = 0;
    for (size_t i = 0, n = unicode_length(*p); i < n; i++)
        c = c << 8 | (unsigned char)p[i];
    return c;
}

static uint32_t last_character(str s)
{
    size_t at = s.n - 1;
    while (at && ((unsigned char)s.p[at] & 0xC0) == 0x80)
        at--;
    return character_at(s.p + at);
}

static uint32_t pair_bit(uint32_t left, uint32_t right)
{
    return (uint32_t)((((uint64_t)left << 32 | right) * UINT64_C(0x9E3779B97F4A7C15)) >>
                      (64 - PAIR_BITS));
}

static bool may_join(const struct bpe *s, uint32_t left, uint32_t right)
{
    uint32_t bit = pair_bit(left, right);
    return s->pairs[bit / 64] >> bit % 64 & 1;
}

/* With a prefix or suffix, tokens are spelled otherwise than the text is: all pairs may join. Only
 * there do merges go by symbols that are no tokens. */
static void collect_pairs(struct bpe *s, const vocab *v)
{
    if (s->prefix.n || s->suffix.n) {
        memset(s->pairs, 0xFF, sizeof s->pairs);
        return;
    }
    for (int i = 0; i < v->n; i++) {
        const char *p = v->bytes + v->begin[i], *end = v->bytes + v->begin[i + 1];
        for (const char *next; p < end; p = next) {
            next = p + unicode_length(*p);
            if (next >= end)
                break;
            uint32_t bit = pair_bit(character_at(p), character_at(next));
            s->pairs[bit / 64] |= UINT64_C(1) << bit % 64;
        }
    }
}

/* The token of a symbol: without the suffix at the end of a word, else with what is inside. */
static int32_t token_of_symbol(const struct bpe *s, const vocab *v, str symbol)
{
    char spelled[MAX_JOINED];
    if (str_ends(symbol, s->suffix))
        return vocab_id(v, (str){symbol.p, symbol.n - s->suffix.n});
    if (symbol.n + s->inside.n > sizeof spelled)
        return VOCAB_ABSENT;
    memcpy(spelled, symbol.p, symbol.n);
    memcpy(spelled + symbol.n, s->inside.p, s->inside.n);
    return vocab_id(v, (str){spelled, symbol.n + s->inside.n});
}

static bool number_symbols(struct bpe *s, const char *path, loader *l)
{
    if (s->inside.n == 0)
        return true;
    int32_t *ids = arena_raw(l->memory, (size_t)l->vocab->n_symbols + 1, sizeof *ids);
    if (!ids || s->suffix.n == 0)
        return loader_fail(l, path, "%s",
                           ids ? "must have an 'end_of_word_suffix'" : "has too many symbols");
    for (int i = 0; i < l->vocab->n_symbols; i++) {
        str symbol = vocab_symbol_text(l->vocab, i);
        ids[i] = symbol.p ? token_of_symbol(s, l->vocab, symbol) : VOCAB_ABSENT;
    }
    s->ids = ids;
    return true;
}

static bool prepare(void *state, const json_t *json, const char *path, loader *l)
{
    (void)json;
    struct bpe *s = state;
    if (!number_symbols(s, path, l))
        return false;
    if (s->dropout > 0)
        return loader_fail(l, path, "has a 'dropout' of %g, expected 0: its ids would be random",
                           s->dropout);
    s->unk_id = s->unk_token.p ? vocab_id(l->vocab, s->unk_token) : VOCAB_ABSENT;
    model_byte_ids(l->vocab, s->byte_ids);
    s->n_ids = l->vocab->n_ids;
    s->merges = l->merges;
    collect_pairs(s, l->vocab);
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

/* A part of a word, and how far the word is done. */
struct word {
    struct symbol *symbols; /* [capacity] */
    struct candidate *heap; /* [3 * capacity]: each symbol is considered once at the start and
                               each merge considers two more */
    int n, n_heap, capacity;
    bool grown, failed; /* the arrays are from malloc; there was no memory */
    bool lacks_unknown; /* a symbol is no token, and there is none for unknown ones */
    uint32_t last;      /* character of the last symbol */
    size_t at;          /* bytes of the word before this part */
    const text *text;
    tokens *out;
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

static uint32_t rank_of(const struct bpe *s, const struct symbol *left, const struct symbol *right,
                        int *id)
{
    const struct merge *m = merges_find(s->merges, left->id, right->id);
    *id = m ? (int)m->id : 0;
    return m ? m->rank : MERGE_FREE;
}

/* The same for a few symbols, which move together as they merge. */
static void merge_few(const struct bpe *s, struct word *w)
{
    uint32_t ranks[FEW];
    int ids[FEW];
    struct symbol *x = w->symbols;
    for (int i = 0; i + 1 < w->n; i++)
        ranks[i] = rank_of(s, &x[i], &x[i + 1], &ids[i]);
    while (w->n > 1) {
        int at = 0;
        for (int i = 1; i + 1 < w->n; i++)
            at = ranks[i] < ranks[at] ? i : at;
        if (ranks[at] == MERGE_FREE)
            return;
        x[at].id = ids[at];
        x[at].length += x[at + 1].length;
        w->n--;
        for (int i = at + 1; i < w->n; i++) {
            x[i] = x[i + 1];
            ranks[i - 1] = ranks[i];
            ids[i - 1] = ids[i];
        }
        if (at + 1 < w->n)
            ranks[at] = rank_of(s, &x[at], &x[at + 1], &ids[at]);
        if (at)
            ranks[at - 1] = rank_of(s, &x[at - 1], &x[at], &ids[at - 1]);
    }
}

/* The part is whole: its tokens. */
static void finish_part(const struct bpe *s, struct word *w)
{
    if (w->n <= FEW)
        merge_few(s, w);
    else
        merge_all(s, w);
    for (int i = 0; i < w->n; i++) {
        uint32_t length = w->symbols[i].length;
        int id = s->ids ? s->ids[w->symbols[i].id] : w->symbols[i].id;
        if (id == VOCAB_ABSENT || id >= s->n_ids)
            id = s->unk_id;
        if (length)
            tokens_add_part(w->out, w->text, w->at, w->at + length, id);
        w->lacks_unknown |= length && id == VOCAB_ABSENT;
        w->at += length;
    }
    w->n = 0;
}

static bool grow(struct word *w)
{
    int capacity = w->capacity * 2;
    struct symbol *symbols = malloc((size_t)capacity * sizeof *symbols);
    struct candidate *heap = malloc((size_t)capacity * 3 * sizeof *heap);
    w->failed = !symbols || !heap;
    if (w->failed) {
        free(symbols);
        free(heap);
        return false;
    }
    memcpy(symbols, w->symbols, (size_t)w->n * sizeof *symbols);
    if (w->grown) {
        free(w->symbols);
        free(w->heap);
    }
    w->symbols = symbols;
    w->heap = heap;
    w->capacity = capacity;
    w->grown = true;
    return true;
}

/* A symbol whose spelling begins and ends with these characters. */
static void add_symbol(const struct bpe *s, struct word *w, int id, uint32_t length, uint32_t first,
                       uint32_t last)
{
    if (w->n && !may_join(s, w->last, first))
        finish_part(s, w);
    if (w->failed || (w->n == w->capacity && !grow(w)))
        return;
    w->symbols[w->n] = (struct symbol){id, w->n - 1, -1, length};
    if (w->n)
        w->symbols[w->n - 1].next = w->n;
    w->n++;
    w->last = last;
}

/* The same, spelled as its token. */
static void add_token(const struct bpe *s, const vocab *v, struct word *w, int id, uint32_t length)
{
    str spelled = vocab_token(v, id);
    if (spelled.n)
        add_symbol(s, w, id, length, character_at(spelled.p), last_character(spelled));
    else
        add_symbol(s, w, id, length, 0, 0);
}

/* Unknown characters that wait to be one token. */
struct unknown {
    bool waits;
    uint32_t length;
};

static void flush_unknown(const struct bpe *s, const vocab *v, struct word *w, struct unknown *u)
{
    if (u->waits)
        add_token(s, v, w, s->unk_id, u->length);
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
        return vocab_symbol(v, (str){t->p + from, n});
    if (head.n + n + tail.n > sizeof spelled)
        return VOCAB_ABSENT;
    memcpy(spelled, head.p, head.n);
    memcpy(spelled + head.n, t->p + from, n);
    memcpy(spelled + head.n + n, tail.p, tail.n);
    return vocab_symbol(v, (str){spelled, head.n + n + tail.n});
}

static bool add_bytes(const struct bpe *s, const vocab *v, struct word *w, str bytes)
{
    for (size_t i = 0; i < bytes.n; i++)
        if (s->byte_ids[(unsigned char)bytes.p[i]] == VOCAB_ABSENT)
            return false;
    for (size_t i = 0; i < bytes.n; i++)
        add_token(s, v, w, s->byte_ids[(unsigned char)bytes.p[i]], 1);
    return true;
}

static bool no_unknown(const struct bpe *s, error *e)
{
    return fail(e, ERR_BAD_MODEL, "the unknown token '%.60s' is not in the vocabulary",
                s->unk_token.p ? s->unk_token.p : "");
}

/* Turns the characters into symbols, and the parts of the word into tokens. As in the reference,
 * bytes come before unknown characters that wait, and a character that is nothing at all leaves no
 * gap in the offsets. */
static bool run_word(const struct bpe *s, const vocab *v, const text *t, struct word *w, error *e)
{
    struct unknown unknown = {0};
    for (size_t at = 0, end; at < t->n; at = end) {
        end = at + unicode_length(t->p[at]);
        uint32_t length = (uint32_t)(end - at);
        int32_t id = find_character(s, v, t, at, end);
        if (id != VOCAB_ABSENT) {
            uint32_t c = character_at(t->p + at);
            flush_unknown(s, v, w, &unknown);
            add_symbol(s, w, id, length, c, c);
        } else if (!(s->byte_fallback && add_bytes(s, v, w, (str){t->p + at, length})) &&
                   s->unk_token.p) {
            if (s->unk_id == VOCAB_ABSENT)
                return no_unknown(s, e);
            if (!s->fuse_unk)
                flush_unknown(s, v, w, &unknown);
            unknown.length = length + (unknown.waits ? unknown.length : 0);
            unknown.waits = true;
        }
    }
    flush_unknown(s, v, w, &unknown);
    finish_part(s, w);
    if (w->lacks_unknown)
        return no_unknown(s, e);
    return !w->failed || fail(e, ERR_TOO_LARGE, "out of memory for a word of %zu bytes", t->n);
}

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
    struct word w = {.symbols = few_symbols,
                     .heap = few_candidates,
                     .capacity = STACK_SYMBOLS,
                     .text = t,
                     .out = out};
    bool ok = run_word(s, v, t, &w, e);
    if (w.grown) {
        free(w.symbols);
        free(w.heap);
    }
    return ok;
}

const struct model_kind model_bpe = {{"BPE", fields, sizeof(struct bpe), prepare}, run};
