#include "tokenizers/basic_words.h"
#include "base/buf.h"
#include "base/own.h"
#include "base/utf8.h"
#include "tokenizers/normalizer.h"
#include "tokenizers/python.h"

enum { LINE_SEPARATOR = 0x2028, PARAGRAPH_SEPARATOR = 0x2029, REPLACEMENT = 0xFFFD };

/* A run over a text, and memory for a word on its way. */
struct run {
    const basic_words *options;
    word_sink *out;
    buf cleaned, lowered, stripped;
    normal_memory composed, decomposed;
};

static void run_release(struct run *r)
{
    buf_release(&r->cleaned);
    buf_release(&r->lowered);
    buf_release(&r->stripped);
    normal_memory_release(&r->composed);
    normal_memory_release(&r->decomposed);
}

static bool is_white(uint32_t c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' ||
           (c != LINE_SEPARATOR && c != PARAGRAPH_SEPARATOR && python_is(c, PYTHON_SPACE));
}

static bool is_dropped(uint32_t c)
{
    return c == 0 || c == REPLACEMENT ||
           (c != '\t' && c != '\n' && c != '\r' && python_is(c, PYTHON_OTHER));
}

static bool is_punctuation(uint32_t c)
{
    return (c >= 33 && c <= 47) || (c >= 58 && c <= 64) || (c >= 91 && c <= 96) ||
           (c >= 123 && c <= 126) || python_is(c, PYTHON_PUNCTUATION);
}

/* The blocks as the reference means them; unicode_is_chinese() has one that is not quite. */
static bool is_chinese(uint32_t c)
{
    return (c >= 0x2B820 && c <= 0x2CEAF) || unicode_is_chinese(c);
}

static void clean(struct run *r, str input)
{
    for (size_t at = 0; at < input.n;) {
        size_t begin = at;
        uint32_t c = unicode_next(input.p, &at);
        bool apart = r->options->split_chinese && is_chinese(c);
        if (is_dropped(c))
            continue;
        if (is_white(c) || apart)
            buf_byte(&r->cleaned, ' ');
        if (!is_white(c))
            buf_add(&r->cleaned, input.p + begin, at - begin);
        if (apart)
            buf_byte(&r->cleaned, ' ');
    }
}

static bool full(error *e)
{
    return fail(e, ERR_TOO_LARGE, "no memory for the words of a text");
}

/* Place of a word among those that stay; -1: it is none of them. */
static int place_of(const basic_words *b, str word)
{
    for (int i = 0; i < b->n_whole; i++)
        if (str_eq(word, b->whole[i]))
            return i;
    return -1;
}

static bool put_word(struct run *r, str word, error *e)
{
    int place = place_of(r->options, word);
    return word.n == 0 || r->out->put(r->out, word, place >= 0 && place < r->options->n_ready, e);
}

/* Each punctuation character by itself. */
static bool split_punctuation(struct run *r, str word, error *e)
{
    size_t begin = 0;
    if (place_of(r->options, word) >= 0)
        return put_word(r, word, e);
    for (size_t at = 0; at < word.n;) {
        size_t before = at;
        if (!is_punctuation(unicode_next(word.p, &at)))
            continue;
        if (!put_word(r, (str){word.p + begin, before - begin}, e) ||
            !put_word(r, (str){word.p + before, at - before}, e))
            return false;
        begin = at;
    }
    return put_word(r, str_skip(word, begin), e);
}

static bool strip_accents(struct run *r, str *word, error *e)
{
    text t = text_of(*word);
    if (unicode_all_ascii(*word))
        return true;
    if (!normalize_nfd.run(NULL, &t, &r->decomposed, e))
        return false;
    buf_clear(&r->stripped);
    for (size_t at = 0; at < t.n;) {
        size_t begin = at;
        if (!python_is(unicode_next(t.p, &at), PYTHON_NONSPACING))
            buf_add(&r->stripped, t.p + begin, at - begin);
    }
    *word = buf_view(&r->stripped);
    return !r->stripped.full || full(e);
}

static bool run_word(struct run *r, str word, error *e)
{
    const basic_words *b = r->options;
    if (b->plain)
        return r->out->put(r->out, word, false, e);
    if (place_of(b, word) < 0) {
        if (b->lower_case) {
            buf_clear(&r->lowered);
            python_lower(word, &r->lowered);
            if (r->lowered.full)
                return full(e);
            word = buf_view(&r->lowered);
        }
        if (b->strip_accents && !strip_accents(r, &word, e))
            return false;
    }
    return split_punctuation(r, word, e);
}

static bool run_words(struct run *r, str input, error *e)
{
    size_t begin = 0;
    for (size_t at = 0; at < input.n;) {
        size_t before = at;
        if (!python_is(unicode_next(input.p, &at), PYTHON_SPACE))
            continue;
        if (before > begin && !run_word(r, (str){input.p + begin, before - begin}, e))
            return false;
        begin = at;
    }
    return begin == input.n || run_word(r, str_skip(input, begin), e);
}

bool basic_words_run(const basic_words *b, str input, word_sink *out, error *e)
{
    OWN(run_release)
    struct run r = {.options = b,
                    .out = out,
                    .cleaned = buf_new(TEXT_MAX),
                    .lowered = buf_new(TEXT_MAX),
                    .stripped = buf_new(TEXT_MAX)};
    if (b->plain)
        return run_words(&r, input, e);
    clean(&r, input);
    if (r.cleaned.full)
        return full(e);
    text t = text_of(buf_view(&r.cleaned));
    if (!unicode_all_ascii(buf_view(&r.cleaned)) && !normalize_nfc.run(NULL, &t, &r.composed, e))
        return false;
    return run_words(&r, text_bytes(&t), e);
}
