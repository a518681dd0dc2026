/* Normalizers that look at one character at a time: Lowercase, StripAccents, Nmt, Strip, Prepend,
 * ByteLevel. */
#include "tokenizers/byte_level.h"
#include "tokenizers/normalizer.h"

bool normalize_lower(text *t, normal_memory *m, error *e)
{
    bool plain = !t->spans && unicode_all_ascii(text_bytes(t));
    text_writer *w = normal_writer(m, plain);
    if (plain && text_writer_room(w, t->n)) {
        for (size_t i = 0; i < t->n; i++)
            w->p[i] = (char)(t->p[i] >= 'A' && t->p[i] <= 'Z' ? t->p[i] + ('a' - 'A') : t->p[i]);
        w->n = t->n;
    }
    for (size_t at = 0; at < t->n && !plain;) {
        span from = text_span(t, at);
        uint32_t lower[2];
        int n = unicode_lower(unicode_next(t->p, &at), lower);
        for (int i = 0; i < n; i++)
            text_put(w, lower[i], from);
    }
    return text_written(w, t, t, e);
}

static bool run_lowercase(const void *state, text *t, normal_memory *m, error *e)
{
    (void)state;
    return normalize_lower(t, m, e);
}

const struct normalizer_kind normalize_lowercase = {{"Lowercase", NULL, 0, NULL}, run_lowercase};

static bool run_strip_accents(const void *state, text *t, normal_memory *m, error *e)
{
    (void)state;
    if (unicode_all_ascii(text_bytes(t)))
        return true;
    text_writer *w = normal_writer(m, false);
    for (size_t at = 0; at < t->n;) {
        span from = text_span(t, at);
        uint32_t c = unicode_next(t->p, &at);
        if (!unicode_is(c, UNICODE_MARK))
            text_put(w, c, from);
    }
    return text_written(w, t, t, e);
}

const struct normalizer_kind normalize_strip_accents = {{"StripAccents", NULL, 0, NULL},
                                                        run_strip_accents};

/* 0: dropped; the rules are those of the Neural Machine Translation toolkit. */
static uint32_t nmt(uint32_t c)
{
    if ((c >= 1 && c <= 8) || c == 0x0B || (c >= 0x0E && c <= 0x1F) || c == 0x7F || c == 0x8F ||
        c == 0x9F)
        return 0;
    bool is_space = c == 9 || c == 0x0A || c == 0x0C || c == 0x0D || c == 0x1680 ||
                    (c >= 0x200B && c <= 0x200F) || c == 0x2028 || c == 0x2029 || c == 0x2581 ||
                    c == 0xFEFF || c == 0xFFFD;
    return is_space ? ' ' : c;
}

static bool run_nmt(const void *state, text *t, normal_memory *m, error *e)
{
    (void)state;
    text_writer *w = normal_writer(m, false);
    for (size_t at = 0; at < t->n;) {
        span from = text_span(t, at);
        uint32_t c = unicode_next(t->p, &at), kept = nmt(c);
        if (kept || c == 0)
            text_put(w, kept, from);
    }
    return text_written(w, t, t, e);
}

const struct normalizer_kind normalize_nmt = {{"Nmt", NULL, 0, NULL}, run_nmt};

struct strip {
    int left, right;
};

static const field strip_fields[] = {
    FIELD_BOOL(struct strip, left, "strip_left", 1, "drop white space at the start"),
    FIELD_BOOL(struct strip, right, "strip_right", 1, "drop white space at the end"), FIELD_END};

static bool run_strip(const void *state, text *t, normal_memory *m, error *e)
{
    (void)m, (void)e;
    const struct strip *s = state;
    size_t from = 0, to = t->n;
    for (size_t at = 0; s->left && at < to && unicode_is(unicode_next(t->p, &at), UNICODE_SPACE);)
        from = at;
    for (size_t at = to;
         s->right && at > from && unicode_is(unicode_previous(t->p, &at), UNICODE_SPACE);)
        to = at;
    span origin = t->origin;
    *t = text_slice(t, from, to);
    t->origin = origin;
    return true;
}

const struct normalizer_kind normalize_strip = {{"Strip", strip_fields, sizeof(struct strip), NULL},
                                                run_strip};

struct prepend {
    str prefix;
};

static const field prepend_fields[] = {
    FIELD_STRING(struct prepend, prefix, "prepend", NULL, FIELD_REQUIRED, "put before the text"),
    FIELD_END};

static bool run_prepend(const void *state, text *t, normal_memory *m, error *e)
{
    const struct prepend *s = state;
    if (t->n == 0)
        return true;
    text_writer *w = normal_writer(m, false);
    text_put_bytes(w, s->prefix, text_span(t, 0));
    text_put_slice(w, t, 0, t->n);
    return text_written(w, t, t, e);
}

const struct normalizer_kind normalize_prepend = {
    {"Prepend", prepend_fields, sizeof(struct prepend), NULL}, run_prepend};

static bool run_byte_level(const void *state, text *t, normal_memory *m, error *e)
{
    (void)state;
    text_writer *w = normal_writer(m, false);
    byte_level_write(w, t);
    return text_written(w, t, t, e);
}

const struct normalizer_kind normalize_byte_level = {{"ByteLevel", NULL, 0, NULL}, run_byte_level};
