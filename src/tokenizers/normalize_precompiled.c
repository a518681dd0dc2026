/* Precompiled: sentencepiece's character map, applied as the reference does it: to a grapheme
 * cluster of less than six bytes as a whole, else to each of its characters; of a text
 * whose prefix is mapped the rest is dropped. */
#include "base/utf8.h"
#include "tokenizers/base64.h"
#include "tokenizers/break_table.h"
#include "tokenizers/charsmap.h"
#include "tokenizers/normalizer.h"

enum { CLUSTER_BYTES = 6, JOINER = 0x200D };

struct precompiled {
    charsmap map;
};

/* What the end of a cluster depends on. */
struct cluster {
    unsigned previous;
    bool picture, joined_picture; /* pictograph Extend*, and with a joiner behind */
    bool consonant, linked;       /* consonant [Extend]*, and with a linker among them */
};

static bool joins_hangul(unsigned previous, unsigned next)
{
    switch (previous) {
    case CLUSTER_L:
        return next == CLUSTER_L || next == CLUSTER_V || next == CLUSTER_LV || next == CLUSTER_LVT;
    case CLUSTER_V:
    case CLUSTER_LV:
        return next == CLUSTER_V || next == CLUSTER_T;
    case CLUSTER_T:
    case CLUSTER_LVT:
        return next == CLUSTER_T;
    default:
        return false;
    }
}

static bool joins(const struct cluster *g, unsigned next)
{
    bool after_control = g->previous >= CLUSTER_CONTROL && g->previous <= CLUSTER_LF;
    bool is_control = next >= CLUSTER_CONTROL && next <= CLUSTER_LF;
    if (after_control || is_control)
        return g->previous == CLUSTER_CR && next == CLUSTER_LF;
    return next & CLUSTER_EXTENDS || g->previous == CLUSTER_PREPEND ||
           (next == CLUSTER_PICTURE && g->joined_picture) ||
           (next == CLUSTER_CONSONANT && g->linked) || joins_hangul(g->previous, next);
}

static void advance(struct cluster *g, unsigned next, bool is_joiner)
{
    g->previous = next;
    if (next & CLUSTER_EXTENDS) {
        g->joined_picture = g->picture && is_joiner;
        g->picture = g->picture && next & CLUSTER_PICTURE_EXTENDS;
        g->consonant = g->consonant && next & (CLUSTER_LINKER | CLUSTER_CONSONANT_EXTENDS);
        g->linked = g->consonant && (g->linked || next & CLUSTER_LINKER);
        return;
    }
    g->picture = next == CLUSTER_PICTURE;
    g->consonant = next == CLUSTER_CONSONANT;
    g->joined_picture = g->linked = false;
}

/* End of the extended grapheme cluster (Unicode Standard Annex 29) that starts at `at`. Regional
 * indicators are not paired: a pair is too long to be mapped as a whole. */
static size_t cluster_end(const text *t, size_t at)
{
    struct cluster g = {0};
    advance(&g, cluster_class_of(unicode_next(t->p, &at)), false);
    while (at < t->n) {
        size_t behind = at;
        uint32_t c = unicode_next(t->p, &behind);
        unsigned next = cluster_class_of(c);
        if (!joins(&g, next))
            break;
        advance(&g, next, c == JOINER);
        at = behind;
    }
    return at;
}

/* The rewriting, one character behind: what is replaced by nothing is dropped by the character
 * before it, which may have been an insertion and then takes its place; at the start of a text the
 * reference forgets to drop it. */
struct rewriting {
    struct text_edit edit;
    uint32_t last;
    int change;
    bool has_last;
};

static void flush(struct rewriting *r)
{
    if (r->has_last)
        text_edit_put(&r->edit, r->last, r->change);
    r->has_last = false;
}

static void put(struct rewriting *r, uint32_t c, int change)
{
    flush(r);
    r->last = c;
    r->change = change;
    r->has_last = true;
}

/* The first character takes the place of all that is replaced, the others are inserted. */
static void put_replacement(struct rewriting *r, str replacement, str replaced)
{
    int n_replaced = (int)utf8_length(replaced), change = 1 - n_replaced;
    if (replacement.n == 0)
        r->change -= n_replaced;
    for (size_t at = 0; at < replacement.n; change = 1)
        put(r, unicode_next(replacement.p, &at), change);
}

static void put_cluster(const charsmap *map, struct rewriting *r, str cluster)
{
    str replacement;
    if (cluster.n < CLUSTER_BYTES && charsmap_find(map, cluster, &replacement)) {
        put_replacement(r, replacement, cluster);
        return;
    }
    for (size_t at = 0, begin; at < cluster.n;) {
        begin = at;
        uint32_t c = unicode_next(cluster.p, &at);
        str part = {cluster.p + begin, at - begin};
        if (charsmap_find(map, part, &replacement))
            put_replacement(r, replacement, part);
        else
            put(r, c, 0);
    }
}

/* Whether the byte is a cluster of its own that nothing is done with. */
static bool is_plain(const charsmap *map, const text *t, size_t at)
{
    return map->plain_byte[(unsigned char)t->p[at]] && (at + 1 == t->n || !(t->p[at + 1] & 0x80));
}

static bool run(const void *state, text *t, normal_memory *m, error *e)
{
    const charsmap *map = &((const struct precompiled *)state)->map;
    size_t at = 0;
    while (at < t->n && is_plain(map, t, at))
        at++;
    if (at == t->n)
        return true;
    text_writer *w = normal_writer(m, false);
    at -= at > 0;
    text_put_slice(w, t, 0, at);
    struct rewriting r = {.edit = {t, at, w}};
    while (at < t->n) {
        if (is_plain(map, t, at)) {
            put(&r, (unsigned char)t->p[at++], 0);
            continue;
        }
        size_t end = cluster_end(t, at);
        put_cluster(map, &r, (str){t->p + at, end - at});
        at = end;
    }
    flush(&r);
    return text_written(w, t, t, e);
}

static bool prepare(void *state, const json_t *json, const char *path, loader *l)
{
    struct precompiled *s = state;
    const json_t *encoded = json_object_get(json, "precompiled_charsmap");
    if (!json_is_string(encoded))
        return loader_fail(l, path, "must have a string 'precompiled_charsmap', found %s",
                           encoded ? json_kind(encoded) : "none");
    error inner = {0};
    str bytes;
    if (!base64_decode(json_str(encoded), &bytes, l->memory, &inner) ||
        !charsmap_open(&s->map, bytes, &inner))
        return loader_fail(l, path, "has a broken 'precompiled_charsmap': %s", inner.message);
    return true;
}

const struct normalizer_kind normalize_precompiled = {
    {"Precompiled", NULL, sizeof(struct precompiled), prepare}, run};
