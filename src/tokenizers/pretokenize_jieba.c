/* Jieba: Chinese words, of which those that are no tokens fall apart into characters. No
 * tokenizer.json has this; recipes do. */
#include "tokenizers/jieba.h"
#include "tokenizers/pretokenizer.h"
#include "tokenizers/python.h"

struct words {
    const jieba *jieba;
    const vocab *vocab;
};

static bool prepare(void *state, const json_t *json, const char *path, loader *l)
{
    (void)json, (void)path;
    struct words *s = state;
    s->jieba = jieba_open(l->e);
    s->vocab = l->vocab;
    return s->jieba != NULL;
}

/* Takes jieba's words. */
struct taker {
    range_sink base;
    const struct words *words;
    const text *text;
    sink *next;
};

static bool put(const struct taker *t, size_t from, size_t to, error *e)
{
    text piece = text_slice(t->text, from, to);
    return sink_put(t->next, &piece, e);
}

/* Chinese characters one by one, what stands between them whole, no white space. */
static bool put_apart(const struct taker *t, size_t from, size_t to, error *e)
{
    size_t done = from;
    for (size_t at = from, begin; at < to;) {
        begin = at;
        uint32_t c = unicode_next(t->text->p, &at);
        bool is_space = python_is(c, PYTHON_SPACE);
        if (!is_space && !unicode_is_chinese(c))
            continue;
        if (!put(t, done, begin, e) || (!is_space && !put(t, begin, at, e)))
            return false;
        done = at;
    }
    return put(t, done, to, e);
}

static bool take(range_sink *self, size_t from, size_t to, error *e)
{
    struct taker *t = (struct taker *)self;
    str word = {t->text->p + from, to - from};
    bool is_token = vocab_id(t->words->vocab, word) != VOCAB_ABSENT;
    return (is_token ? put : put_apart)(t, from, to, e);
}

static bool run(const void *state, const text *t, text_writer *w, sink *next, error *e)
{
    (void)w;
    const struct words *s = state;
    struct taker taker = {{take}, s, t, next};
    return jieba_words(s->jieba, text_bytes(t), &taker.base, e);
}

const struct pretokenizer_kind pretokenize_jieba = {{"Jieba", NULL, sizeof(struct words), prepare},
                                                    run};
