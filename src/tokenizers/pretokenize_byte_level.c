/* ByteLevel: GPT-2's words, then every byte as a printable character. */
#include "tokenizers/byte_level.h"
#include "tokenizers/pretokenizer.h"

struct byte_level {
    int add_prefix_space, use_regex;
};

static const field fields[] = {
    FIELD_BOOL(struct byte_level, add_prefix_space, "add_prefix_space", 1,
               "put a space before a text that does not start with one"),
    FIELD_BOOL(struct byte_level, use_regex, "use_regex", 1, "cut into GPT-2's words"), FIELD_END};

/* Length of 's 't 'm 'd 're 've 'll at the start, 0 when it is none. */
static size_t contraction(str s)
{
    static const char *const endings[] = {"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"};
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        if (str_starts(s, str_of(endings[i])))
            return strlen(endings[i]);
    return 0;
}

/* UNICODE_SPACE, UNICODE_LETTER, UNICODE_NUMBER, or 0 for anything else. */
static unsigned class_at(const text *t, size_t *at)
{
    unsigned flags = unicode_flags_of(unicode_next(t->p, at));
    return flags & UNICODE_LETTER   ? (unsigned)UNICODE_LETTER
           : flags & UNICODE_NUMBER ? (unsigned)UNICODE_NUMBER
                                    : flags & UNICODE_SPACE;
}

/* End of the characters of one class from `at` on; the last of them starts at *last. */
static size_t run_end(const text *t, size_t at, unsigned class, size_t *last)
{
    for (size_t next = at; at < t->n && class_at(t, &next) == class; at = next)
        *last = at;
    return at;
}

/* End of the word at `at`, as by
 * 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
 * White space before a word leaves its last character to that word. */
static size_t word_end(const text *t, size_t at)
{
    size_t length = contraction((str){t->p + at, t->n - at}), last = at;
    if (length)
        return at + length;
    size_t begin = at + (t->p[at] == ' '), next = begin;
    unsigned class = begin < t->n ? class_at(t, &next) : (unsigned)UNICODE_SPACE;
    if (class != UNICODE_SPACE)
        return run_end(t, begin, class, &last);
    size_t end = run_end(t, at, UNICODE_SPACE, &last);
    return end == t->n || last == at ? end : last;
}

static bool split_words(const text *t, sink *next, error *e)
{
    for (size_t at = 0, end; at < t->n; at = end) {
        end = word_end(t, at);
        text word = text_slice(t, at, end);
        if (!sink_put(next, &word, e))
            return false;
    }
    return true;
}

/* Takes the words, hands on their bytes as characters. */
struct to_bytes {
    sink base;
    text_writer *w;
    sink *next;
};

static bool put_bytes(sink *self, const text *piece, error *e)
{
    struct to_bytes *b = (struct to_bytes *)self;
    text_writer_begin(b->w, false);
    byte_level_write(b->w, piece);
    text written;
    return text_written(b->w, piece, &written, e) && sink_put(b->next, &written, e);
}

static bool run(const void *state, const text *t, text_writer *w, sink *next, error *e)
{
    const struct byte_level *s = state;
    __attribute__((cleanup(text_writer_release))) text_writer spaced = {0};
    text whole = *t;
    if (s->add_prefix_space && t->n && t->p[0] != ' ') {
        text_put(&spaced, ' ', text_span(t, 0));
        text_put_slice(&spaced, t, 0, t->n);
        if (!text_written(&spaced, t, &whole, e))
            return false;
    }
    struct to_bytes bytes = {{put_bytes}, w, next};
    if (!s->use_regex)
        return put_bytes(&bytes.base, &whole, e);
    return split_words(&whole, &bytes.base, e);
}

const struct pretokenizer_kind pretokenize_byte_level = {
    {"ByteLevel", fields, sizeof(struct byte_level), NULL}, run};
