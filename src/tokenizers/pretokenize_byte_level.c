/* ByteLevel: GPT-2's words, then every byte as a printable character. */
#include "tokenizers/byte_level.h"
#include "tokenizers/pretokenizer.h"

struct byte_level {
    int add_prefix_space, use_regex;
    const pattern *words;
};

static const field fields[] = {
    FIELD_BOOL(struct byte_level, add_prefix_space, "add_prefix_space", 1,
               "put a space before a text that does not start with one"),
    FIELD_BOOL(struct byte_level, use_regex, "use_regex", 1, "cut into GPT-2's words"), FIELD_END};

static bool prepare(void *state, const json_t *json, const char *path, loader *l)
{
    (void)json, (void)path;
    struct byte_level *s = state;
    return pattern_regex(&s->words,
                         "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|"
                         "\\s+(?!\\S)|\\s+",
                         l);
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
    return split_at_pattern(&whole, s->words, false, SPLIT_ISOLATED, &bytes.base, e);
}

const struct pretokenizer_kind pretokenize_byte_level = {
    {"ByteLevel", fields, sizeof(struct byte_level), prepare}, run};
