/* Moses: the words of a text, as XLM and FlauBERT cut it. No tokenizer.json has this; recipes do.
 */
#include "tokenizers/moses.h"
#include "tokenizers/normalizer.h"

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

static void moses_text_release(moses_text *t)
{
    moses_release(&t->now);
    moses_release(&t->next);
}

static bool run(const void *state, text *t, normal_memory *m, error *e)
{
    const struct moses *s = state;
    __attribute__((cleanup(moses_text_release))) moses_text words = {0};
    for (size_t at = 0; at < t->n;) {
        span from = text_span(t, at);
        moses_add(&words.now, (moses_char){unicode_next(t->p, &at), from});
    }
    if (s->lower == BEFORE)
        moses_lower(&words);
    moses_run(&words, (enum moses_language)s->language);
    if (s->lower == BEHIND) {
        moses_lower(&words);
        moses_strip_marks(&words);
    }
    if (words.now.failed)
        return fail(e, ERR_TOO_LARGE, "a text of %zu bytes has too many words", t->n);
    text_writer *w = normal_writer(m, false);
    for (size_t i = 0; i < words.now.n; i++)
        text_put(w, words.now.items[i].c, words.now.items[i].from);
    return text_written(w, t, t, e);
}

const struct normalizer_kind normalize_moses = {{"Moses", fields, sizeof(struct moses), NULL}, run};
