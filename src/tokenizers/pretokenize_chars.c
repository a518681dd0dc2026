/* Pre-tokenizers that look at the class of each character: Whitespace, WhitespaceSplit,
 * Punctuation, Digits, CharDelimiterSplit, FixedLength. */
#include "tokenizers/pretokenizer.h"

static bool has_flag(uint32_t c, const void *flag)
{
    return unicode_flags_of(c) & *(const unsigned *)flag;
}

static const unsigned space = UNICODE_SPACE, punctuation = UNICODE_PUNCTUATION,
                      numeric = UNICODE_NUMERIC;

static bool run_whitespace_split(const void *state, const text *t, text_writer *w, sink *next,
                                 error *e)
{
    (void)state, (void)w;
    return split_at_chars(t, has_flag, &space, SPLIT_REMOVED, next, e);
}

const struct pretokenizer_kind pretokenize_whitespace_split = {{"WhitespaceSplit", NULL, 0, NULL},
                                                               run_whitespace_split};

/* \w+|[^\w\s]+: runs of word characters, runs of what is neither word nor space. */
static bool run_whitespace(const void *state, const text *t, text_writer *w, sink *next, error *e)
{
    (void)state, (void)w;
    unsigned kinds = UNICODE_WORD | UNICODE_SPACE, last = UNICODE_SPACE;
    size_t word = 0;
    for (size_t at = 0, begin; at <= t->n;) {
        begin = at;
        unsigned kind =
            at < t->n ? unicode_flags_of(unicode_next(t->p, &at)) & kinds : (unsigned)UNICODE_SPACE;
        if (kind != last) {
            text piece = text_slice(t, word, begin);
            if (!(last & UNICODE_SPACE) && !sink_put(next, &piece, e))
                return false;
            word = begin;
            last = kind;
        }
        if (begin == t->n)
            break;
    }
    return true;
}

const struct pretokenizer_kind pretokenize_whitespace = {{"Whitespace", NULL, 0, NULL},
                                                         run_whitespace};

struct punctuation {
    int behavior;
};

static const field punctuation_fields[] = {FIELD_CHOICE(struct punctuation, behavior, "behavior",
                                                        SPLIT_ISOLATED, split_behaviors,
                                                        "what becomes of the punctuation"),
                                           FIELD_END};

static bool run_punctuation(const void *state, const text *t, text_writer *w, sink *next, error *e)
{
    (void)w;
    const struct punctuation *s = state;
    return split_at_chars(t, has_flag, &punctuation, (enum split_behavior)s->behavior, next, e);
}

const struct pretokenizer_kind pretokenize_punctuation = {
    {"Punctuation", punctuation_fields, sizeof(struct punctuation), NULL}, run_punctuation};

struct digits {
    int individual;
};

static const field digits_fields[] = {FIELD_BOOL(struct digits, individual, "individual_digits", 0,
                                                 "each digit is a word of its own"),
                                      FIELD_END};

static bool run_digits(const void *state, const text *t, text_writer *w, sink *next, error *e)
{
    (void)w;
    const struct digits *s = state;
    return split_at_chars(t, has_flag, &numeric, s->individual ? SPLIT_ISOLATED : SPLIT_CONTIGUOUS,
                          next, e);
}

const struct pretokenizer_kind pretokenize_digits = {
    {"Digits", digits_fields, sizeof(struct digits), NULL}, run_digits};

struct char_delimiter {
    str text;
    uint32_t c;
};

static const field char_delimiter_fields[] = {FIELD_STRING(struct char_delimiter, text, "delimiter",
                                                           NULL, FIELD_REQUIRED,
                                                           "the character to cut at"),
                                              FIELD_END};

static bool prepare_char_delimiter(void *state, const json_t *json, const char *path, loader *l)
{
    (void)json;
    struct char_delimiter *s = state;
    size_t at = 0;
    if (s->text.n)
        s->c = unicode_next(s->text.p, &at);
    if (s->text.n == 0 || at != s->text.n)
        return loader_fail(l, path, "must have one character as 'delimiter'");
    return true;
}

static bool equals(uint32_t c, const void *wanted)
{
    return c == *(const uint32_t *)wanted;
}

static bool run_char_delimiter(const void *state, const text *t, text_writer *w, sink *next,
                               error *e)
{
    (void)w;
    const struct char_delimiter *s = state;
    return split_at_chars(t, equals, &s->c, SPLIT_REMOVED, next, e);
}

const struct pretokenizer_kind pretokenize_char_delimiter = {
    {"CharDelimiterSplit", char_delimiter_fields, sizeof(struct char_delimiter),
     prepare_char_delimiter},
    run_char_delimiter};

struct fixed_length {
    int length;
};

static const field fixed_length_fields[] = {
    FIELD_INT(struct fixed_length, length, "length", 5, 1, 1 << 30, "characters of a word"),
    FIELD_END};

static bool run_fixed_length(const void *state, const text *t, text_writer *w, sink *next, error *e)
{
    (void)w;
    const struct fixed_length *s = state;
    for (size_t begin = 0, at = 0; at < t->n; begin = at) {
        for (int i = 0; i < s->length && at < t->n; i++)
            at += unicode_length(t->p[at]);
        text piece = text_slice(t, begin, at);
        if (!sink_put(next, &piece, e))
            return false;
    }
    return true;
}

const struct pretokenizer_kind pretokenize_fixed_length = {
    {"FixedLength", fixed_length_fields, sizeof(struct fixed_length), NULL}, run_fixed_length};
