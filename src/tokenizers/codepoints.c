/* CodePoints: each character is a token, whose id is its code point (CANINE). No tokenizer.json has
 * this type; documents that are made for folders without one do. */
#include "tokenizers/model.h"

/* Words are what white space parts, and the white space between them: nothing else tells which
 * characters belong together. */
static bool run(const void *state, const vocab *v, const text *word, tokens *out, error *e)
{
    (void)state, (void)v, (void)e;
    bool was_space = false;
    for (size_t at = 0, begin = 0; at < word->n; begin = at) {
        uint32_t c = unicode_next(word->p, &at);
        bool is_space = unicode_is(c, UNICODE_SPACE);
        if (begin && is_space != was_space)
            out->n_words++;
        was_space = is_space;
        tokens_add_part(out, word, begin, at, (int)c);
    }
    return true;
}

const struct model_kind model_code_points = {{"CodePoints", NULL, 0, NULL}, run};
