/* Metaspace: spaces become a visible character, which starts each word. */
#include "tokenizers/metaspace.h"
#include "tokenizers/pretokenizer.h"

static bool is_replacement(uint32_t c, const void *wanted)
{
    return c == *(const uint32_t *)wanted;
}

static bool run(const void *state, const text *t, text_writer *w, sink *next, error *e)
{
    const struct metaspace *s = state;
    size_t at = 0;
    uint32_t first = t->n ? unicode_next(t->p, &at) : 0;
    bool starts = first == s->c || first == ' ';
    bool prepend =
        s->scheme == METASPACE_ALWAYS || (s->scheme == METASPACE_FIRST && t->origin.begin == 0);
    text_writer_begin(w, false);
    if (t->n && prepend && !starts)
        text_put(w, s->c, text_span(t, 0));
    for (at = 0; at < t->n;) {
        span from = text_span(t, at);
        uint32_t c = unicode_next(t->p, &at);
        text_put(w, c == ' ' ? s->c : c, from);
    }
    text marked;
    if (!text_written(w, t, &marked, e))
        return false;
    if (!s->split)
        return sink_put(next, &marked, e);
    return split_at_chars(&marked, is_replacement, &s->c, SPLIT_MERGED_WITH_NEXT, next, e);
}

const struct pretokenizer_kind pretokenize_metaspace = {
    {"Metaspace", metaspace_fields, sizeof(struct metaspace), metaspace_prepare}, run};
