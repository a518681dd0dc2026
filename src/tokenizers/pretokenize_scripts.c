/* UnicodeScripts: cuts where the script changes. Kana count as Han; spaces and characters of no
 * script go with what is before them, and are lost at the start of a text, as in the reference. */
#include "tokenizers/break_table.h"
#include "tokenizers/pretokenizer.h"

static bool run(const void *state, const text *t, text_writer *w, sink *next, error *e)
{
    (void)state, (void)w;
    unsigned last = 0;
    size_t word = t->n;
    for (size_t at = 0, begin; at < t->n;) {
        begin = at;
        unsigned script = script_of(unicode_next(t->p, &at));
        if (script == 0 || script == last)
            continue;
        if (last) {
            text piece = text_slice(t, word, begin);
            if (!sink_put(next, &piece, e))
                return false;
        }
        word = begin;
        last = script;
    }
    text piece = text_slice(t, word, t->n);
    return sink_put(next, &piece, e);
}

const struct pretokenizer_kind pretokenize_scripts = {{"UnicodeScripts", NULL, 0, NULL}, run};
