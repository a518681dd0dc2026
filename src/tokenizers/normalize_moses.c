/* Moses: the words of a text, as XLM and FlauBERT cut it. No tokenizer.json has this; recipes do.
 */
#include "base/own.h"
#include "tokenizers/moses.h"

enum lower { NEVER, BEFORE, BEHIND };

struct moses {
    int language, lower;
};

static const char *const languages[] = {"en", "fr", NULL};
static const char *const lowers[] = {"never", "before", "behind", NULL};

static const field fields[] = {
    FIELD_CHOICE(struct moses, language, "language", MOSES_EN, languages, "whose rules"),
    FIELD_CHOICE(struct moses, lower, "lower", NEVER, lowers,
                 "lower case before the rules, or behind them and without accents"),
    FIELD_END};

static bool run(const void *state, text *t, normal_memory *m, error *e)
{
    const struct moses *s = state;
    OWN(moses_text_release) moses_text words = {0};
    moses_read(&words, t);
    if (s->lower == BEFORE)
        moses_lower(&words);
    moses_run(&words, (enum moses_language)s->language);
    if (s->lower == BEHIND) {
        moses_lower(&words);
        moses_strip_marks(&words);
    }
    return moses_write(&words, t, m, e);
}

const struct normalizer_kind normalize_moses = {{"Moses", fields, sizeof(struct moses), NULL}, run};
