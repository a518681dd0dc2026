/* BertNormalizer: clean the text, put spaces around Chinese characters, strip accents, lower the
 * case; accents go when the case does unless said otherwise. ASCII without control characters,
 * most text, is done in one pass that needs no origins. */
#include "tokenizers/normalizer.h"

struct bert {
    int clean_text, handle_chinese_chars, strip_accents, lowercase;
};

static const field fields[] = {
    FIELD_BOOL(struct bert, clean_text, "clean_text", 1, "drop control characters"),
    FIELD_BOOL(struct bert, handle_chinese_chars, "handle_chinese_chars", 1,
               "put spaces around Chinese characters"),
    FIELD_BOOL(struct bert, strip_accents, "strip_accents", -1, "-1: as lowercase"),
    FIELD_BOOL(struct bert, lowercase, "lowercase", 1, "lower the case"), FIELD_END};

static bool is_dropped(uint32_t c)
{
    return c == 0 || c == 0xFFFD || unicode_is(c, UNICODE_OTHER);
}

/* Lower-cases bytes when all are printable ASCII or white space that may stay a byte. */
static bool run_ascii(const struct bert *b, text *t, text_writer *w)
{
    w->n = 0;
    if (!text_writer_room(w, t->n))
        return true;
    for (size_t i = 0; i < t->n; i++) {
        unsigned char c = (unsigned char)t->p[i];
        if (c < ' ' || c >= 0x7F) {
            bool is_space = c == '\t' || c == '\n' || c == '\r';
            if (b->clean_text && !is_space)
                return false;
            c = b->clean_text ? ' ' : c;
        }
        w->p[i] = (char)(b->lowercase && c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
    }
    w->n = t->n;
    return true;
}

static bool clean_and_space(const struct bert *b, text *t, normal_memory *m, error *e)
{
    text_writer *w = normal_writer(m, false);
    for (size_t at = 0; at < t->n;) {
        span from = text_span(t, at);
        uint32_t c = unicode_next(t->p, &at);
        if (b->clean_text) {
            if (is_dropped(c))
                continue;
            if (unicode_is(c, UNICODE_SPACE))
                c = ' ';
        }
        bool apart = b->handle_chinese_chars && unicode_is_chinese(c);
        if (apart)
            text_put(w, ' ', from);
        text_put(w, c, from);
        if (apart)
            text_put(w, ' ', from);
    }
    return text_written(w, t, t, e);
}

/* Receives decomposed characters: drops accents, lowers the rest. */
struct accents {
    struct text_edit edit;
    bool lowercase;
};

/* An accent still takes its place in the input: it is written, then taken back. */
static void put_without_accents(void *context, uint32_t c, int change)
{
    struct accents *a = context;
    text_writer *w = a->edit.out;
    size_t before = w->n;
    if (unicode_is(c, UNICODE_NONSPACING)) {
        text_edit_put(&a->edit, c, change);
        w->n = before;
        return;
    }
    uint32_t lower[2] = {c};
    int n = a->lowercase ? unicode_lower(c, lower) : 1;
    text_edit_put(&a->edit, lower[0], change);
    if (n == 2 && !w->failed)
        text_put(w, lower[1], w->spans[w->n - 1]);
}

static bool strip_and_lower(const struct bert *b, text *t, normal_memory *m, error *e)
{
    text_writer *w = normal_writer(m, false);
    struct accents accents = {{t, 0, w}, b->lowercase};
    struct decomposer d = {.emit = put_without_accents, .context = &accents};
    for (size_t at = 0; at < t->n;)
        decomposer_add(&d, unicode_next(t->p, &at));
    decomposer_end(&d);
    w->failed |= d.failed;
    decomposer_release(&d);
    return text_written(w, t, t, e);
}

static bool run(const void *state, text *t, normal_memory *m, error *e)
{
    const struct bert *b = state;
    if (!t->spans && unicode_all_ascii(text_bytes(t))) {
        text_writer *w = normal_writer(m, true);
        if (run_ascii(b, t, w))
            return text_written(w, t, t, e);
    }
    if ((b->clean_text || b->handle_chinese_chars) && !clean_and_space(b, t, m, e))
        return false;
    if (b->strip_accents < 0 ? b->lowercase : b->strip_accents)
        return strip_and_lower(b, t, m, e);
    return b->lowercase ? normalize_lower(t, m, e) : true;
}

const struct normalizer_kind normalize_bert = {
    {"BertNormalizer", fields, sizeof(struct bert), NULL}, run};
