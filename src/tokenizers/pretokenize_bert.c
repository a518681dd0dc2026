/* BertPreTokenizer: words between white space, each punctuation character by itself. */
#include "tokenizers/pretokenizer.h"

static bool emit(const text *t, size_t begin, size_t end, sink *next, error *e)
{
    text piece = text_slice(t, begin, end);
    return sink_put(next, &piece, e);
}

static bool run(const void *state, const text *t, text_writer *w, sink *next, error *e)
{
    (void)state, (void)w;
    size_t word = 0;
    for (size_t at = 0, begin; at < t->n;) {
        begin = at;
        unsigned flags = unicode_flags_of(unicode_next(t->p, &at));
        if (!(flags & (UNICODE_SPACE | UNICODE_PUNCTUATION)))
            continue;
        if ((word < begin && !emit(t, word, begin, next, e)) ||
            (!(flags & UNICODE_SPACE) && !emit(t, begin, at, next, e)))
            return false;
        word = at;
    }
    return word == t->n || emit(t, word, t->n, next, e);
}

const struct pretokenizer_kind pretokenize_bert = {{"BertPreTokenizer", NULL, 0, NULL}, run};
