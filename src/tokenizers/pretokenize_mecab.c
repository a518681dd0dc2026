/* MeCab: Japanese words, in lower case if wanted. No tokenizer.json has this; recipes do. */
#include "base/own.h"
#include "tokenizers/mecab.h"
#include "tokenizers/moses.h"
#include "tokenizers/pretokenizer.h"

struct words {
    str dictionary;
    int lower_case;
    const mecab *mecab;
};

static const field fields[] = {
    FIELD_STRING(struct words, dictionary, "dictionary", "", 0, "whose words"),
    FIELD_BOOL(struct words, lower_case, "lower_case", 0, "words in lower case"), FIELD_END};

static bool prepare(void *state, const json_t *json, const char *path, loader *l)
{
    (void)json, (void)path;
    struct words *s = state;
    s->mecab = mecab_open(s->dictionary.p, l->e);
    return s->mecab != NULL;
}

/* Takes MeCab's words. */
struct taker {
    range_sink base;
    const struct words *words;
    const text *text;
    text_writer *memory;
    sink *next;
};

/* Lower case goes word by word, as its last sigma does. */
static bool put_lower(struct taker *t, const text *word, error *e)
{
    OWN(moses_text_release) moses_text lower = {0};
    text made;
    moses_read(&lower, word);
    moses_lower(&lower);
    text_writer_begin(t->memory, false);
    for (size_t i = 0; i < lower.now.n; i++)
        text_put(t->memory, lower.now.items[i].c, lower.now.items[i].from);
    if (lower.now.failed)
        return fail(e, ERR_TOO_LARGE, "out of memory for a word");
    return text_written(t->memory, word, &made, e) && sink_put(t->next, &made, e);
}

static bool take(range_sink *self, size_t from, size_t to, error *e)
{
    struct taker *t = (struct taker *)self;
    text word = text_slice(t->text, from, to);
    return t->words->lower_case ? put_lower(t, &word, e) : sink_put(t->next, &word, e);
}

static bool run(const void *state, const text *t, text_writer *w, sink *next, error *e)
{
    const struct words *s = state;
    struct taker taker = {{take}, s, t, w, next};
    return mecab_words(s->mecab, text_bytes(t), &taker.base, e);
}

const struct pretokenizer_kind pretokenize_mecab = {
    {"MeCab", fields, sizeof(struct words), prepare}, run};
