/* Leftmost, then longest, without overlap. The patterns are sorted; from each place of the text
 * the range of patterns that still agree is narrowed byte by byte. */
#include "tokenizers/added_tokens.h"

#include "base/map.h"
#include "tokenizers/normalizer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct row {
    str content;
    int single_word, lstrip, rstrip, normalized, special;
};

static const field rows[] = {
    FIELD_STRING(struct row, content, "content", NULL, FIELD_REQUIRED, "the token"),
    FIELD_BOOL(struct row, single_word, "single_word", 0, "only between non-word characters"),
    FIELD_BOOL(struct row, lstrip, "lstrip", 0, "takes the white space on its left"),
    FIELD_BOOL(struct row, rstrip, "rstrip", 0, "takes the white space on its right"),
    FIELD_BOOL(struct row, normalized, "normalized", 0, "is looked for in the normalised text"),
    FIELD_BOOL(struct row, special, "special", 0, "left out when decoding without special tokens"),
    FIELD_END};

const added_token *added_by_id(const added_tokens *list, int id)
{
    int low = 0, high = list->n;
    while (low < high) {
        int middle = (low + high) / 2;
        if (list->by_id[middle]->id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < list->n && list->by_id[low]->id == id ? list->by_id[low] : NULL;
}

const added_token *added_by_content(const added_tokens *list, str content)
{
    for (int i = list->n - 1; i >= 0; i--)
        if (str_eq(list->items[i].content, content))
            return &list->items[i];
    return NULL;
}

static bool make_pattern(loader *l, const component_list *normalizers, added_token *t)
{
    t->pattern = t->content;
    if (!t->normalized)
        return true;
    normal_memory m = {0};
    text normal = text_of(t->content);
    bool ok = normalizers_run(normalizers, &normal, &m, l->e);
    if (ok) {
        t->pattern = (str){arena_copy(l->memory, normal.p, normal.n), normal.n};
        ok = t->pattern.p != NULL || loader_fail(l, "added_tokens", "are too long");
    }
    normal_memory_release(&m);
    return ok;
}

static int compare(const void *a, const void *b)
{
    const added_token *x = *(const added_token *const *)a, *y = *(const added_token *const *)b;
    size_t n = x->pattern.n < y->pattern.n ? x->pattern.n : y->pattern.n;
    int order = memcmp(x->pattern.p, y->pattern.p, n);
    if (order == 0)
        order = (x->pattern.n > y->pattern.n) - (x->pattern.n < y->pattern.n);
    return order ? order : (x > y) - (x < y);
}

static int compare_ids(const void *a, const void *b)
{
    const added_token *x = *(const added_token *const *)a, *y = *(const added_token *const *)b;
    return (x->id > y->id) - (x->id < y->id);
}

static bool index_ids(loader *l, added_tokens *list)
{
    list->by_id = arena_try(l->memory, (size_t)list->n + 1, sizeof *list->by_id);
    if (!list->by_id)
        return loader_fail(l, "added_tokens", "are too many");
    for (int i = 0; i < list->n; i++)
        list->by_id[i] = &list->items[i];
    qsort(list->by_id, (size_t)list->n, sizeof *list->by_id, compare_ids);
    return true;
}

static bool matcher_make(loader *l, const added_tokens *list, bool normalized, added_matcher *out)
{
    out->sorted = arena_try(l->memory, (size_t)list->n + 1, sizeof *out->sorted);
    if (!out->sorted)
        return loader_fail(l, "added_tokens", "are too many");
    for (int i = 0; i < list->n; i++)
        if (list->items[i].normalized == normalized && list->items[i].pattern.n)
            out->sorted[out->n++] = &list->items[i];
    qsort(out->sorted, (size_t)out->n, sizeof *out->sorted, compare);
    int at = 0;
    for (int byte = 0; byte <= 256; byte++) {
        while (at < out->n && (unsigned char)out->sorted[at]->pattern.p[0] < byte)
            at++;
        out->first[byte] = (uint16_t)at;
    }
    return true;
}

static bool index_all(loader *l, added_tokens *list)
{
    return index_ids(l, list) && matcher_make(l, list, false, &list->raw) &&
           matcher_make(l, list, true, &list->normalized);
}

static bool load_row(loader *l, const json_t *json, size_t number,
                     const component_list *normalizers, added_token *out)
{
    char path[40];
    struct row row;
    error inner = {0};
    snprintf(path, sizeof path, "added_tokens[%zu]", number);
    if (!json_is_object(json))
        return loader_fail(l, path, "must be an object, found %s", json_kind(json));
    if (!fields_parse(rows, json, path, &row, l->memory, &inner))
        return fail(l->e, ERR_BAD_MODEL, "'%s': %s", l->file, inner.message);
    *out = (added_token){.content = row.content,
                         .single_word = row.single_word,
                         .lstrip = row.lstrip,
                         .rstrip = row.rstrip,
                         .normalized = row.normalized,
                         .special = row.special};
    return make_pattern(l, normalizers, out);
}

bool added_tokens_load(loader *l, const json_t *json, const component_list *normalizers,
                       added_tokens *out)
{
    if (json && !json_is_null(json) && !json_is_array(json))
        return loader_fail(l, "added_tokens", "must be an array, found %s", json_kind(json));
    size_t n = json_array_size(json);
    if (n > ADDED_MAX)
        return loader_fail(l, "added_tokens", "are %zu, expected at most %d", n, ADDED_MAX);
    *out = (added_tokens){0};
    out->items = arena_try(l->memory, n + 1, sizeof *out->items);
    if (!out->items)
        return loader_fail(l, "added_tokens", "are too many");
    __attribute__((cleanup(map_release))) map places; /* by content: index + 1 */
    map_init(&places, n);
    /* A list of pieces counts with those that it has twice. */
    int next_id = l->vocab->scores ? l->vocab->n : l->vocab->n_distinct;
    for (size_t i = 0; i < n; i++) {
        added_token t;
        if (!load_row(l, json_array_get(json, i), i, normalizers, &t))
            return false;
        if (t.content.n == 0)
            continue;
        struct map_slot *place = map_add(&places, t.content);
        if (place->value.number == 0) {
            int32_t id = vocab_id(l->vocab, t.content);
            t.id = id == VOCAB_ABSENT ? next_id++ : id;
            place->value.number = ++out->n;
        } else {
            t.id = out->items[place->value.number - 1].id;
        }
        out->items[place->value.number - 1] = t;
    }
    return index_all(l, out);
}

bool added_tokens_put(loader *l, added_tokens *list, const added_token *token)
{
    added_token *items = arena_try(l->memory, (size_t)list->n + 1, sizeof *items);
    if (!items || list->n >= ADDED_MAX)
        return loader_fail(l, "added_tokens", "are too many");
    int place = 0;
    while (place < list->n && !str_eq(list->items[place].content, token->content))
        place++;
    added_tokens grown = {.items = items, .n = list->n + (place == list->n)};
    memcpy(items, list->items, (size_t)list->n * sizeof *items);
    items[place] = *token;
    if (!index_all(l, &grown))
        return false;
    *list = grown;
    return true;
}

/* First pattern in low .. high - 1 whose byte at `depth` is at least `byte`; all agree before. */
static int lower_bound(const added_matcher *m, int low, int high, size_t depth, int byte)
{
    while (low < high) {
        int middle = (low + high) / 2;
        str candidate = m->sorted[middle]->pattern;
        int found = depth < candidate.n ? (unsigned char)candidate.p[depth] : -1;
        if (found < byte)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static const added_token *longest_at(const added_matcher *m, str in, size_t at)
{
    unsigned char byte = (unsigned char)in.p[at];
    int low = m->first[byte], high = m->first[byte + 1];
    const added_token *longest = NULL;
    for (size_t depth = 1; low < high; depth++) {
        if (m->sorted[low]->pattern.n == depth)
            longest = m->sorted[low];
        if (at + depth >= in.n)
            break;
        byte = (unsigned char)in.p[at + depth];
        low = lower_bound(m, low, high, depth, byte);
        high = lower_bound(m, low, high, depth, byte + 1);
    }
    return longest;
}

static bool is_single_word(str in, size_t begin, size_t end)
{
    size_t before = begin, after = end;
    bool word_before = begin > 0 && unicode_is(unicode_previous(in.p, &before), UNICODE_WORD);
    bool word_after = end < in.n && unicode_is(unicode_next(in.p, &after), UNICODE_WORD);
    return !word_before && !word_after;
}

/* Takes the white space around a match that asks for it, not beyond what was handed out. */
static void widen(const added_walk *w, added_match *match)
{
    for (size_t at = match->begin; match->token->lstrip && at > w->done;) {
        if (!unicode_is(unicode_previous(w->in.p, &at), UNICODE_SPACE))
            break;
        match->begin = at;
    }
    for (size_t at = match->end; match->token->rstrip && at < w->in.n;) {
        if (!unicode_is(unicode_next(w->in.p, &at), UNICODE_SPACE))
            break;
        match->end = at;
    }
}

/* The next match that counts. Those that do not still use up their text, as in the reference. */
static bool find(added_walk *w, added_match *out)
{
    while (w->at < w->in.n && w->matcher->n) {
        const added_token *t = longest_at(w->matcher, w->in, w->at);
        if (!t) {
            w->at++;
            continue;
        }
        *out = (added_match){t, w->at, w->at + t->pattern.n};
        w->at = out->end;
        if ((w->special_as_text && t->special) ||
            (t->single_word && !is_single_word(w->in, out->begin, out->end)))
            continue;
        widen(w, out);
        /* It may lie in the white space that the one before took, and counts even so, unless it
         * takes what is before it itself. */
        if (t->lstrip && out->begin < w->done)
            out->begin = w->done;
        if (out->begin < out->end)
            return true;
    }
    return false;
}

bool added_next(added_walk *w, added_match *out)
{
    if (w->held.token) {
        *out = w->held;
        w->held.token = NULL;
        w->done = out->end;
        return true;
    }
    added_match match;
    size_t before = w->done;
    if (!find(w, &match)) {
        *out = (added_match){NULL, before, w->in.n};
        w->done = w->in.n;
        return before < w->in.n;
    }
    if (match.begin > before) {
        w->held = match;
        w->done = match.begin;
        *out = (added_match){NULL, before, match.begin};
        return true;
    }
    w->done = match.end;
    *out = match;
    return true;
}
