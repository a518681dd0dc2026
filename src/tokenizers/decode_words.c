/* Decoders that rewrite each token: WordPiece, BPEDecoder, Metaspace, Strip, Replace, CTC; and
 * Fuse, which joins them. */
#include "tokenizers/decoder.h"
#include "tokenizers/metaspace.h"
#include "tokenizers/text.h"

static bool too_long(error *e)
{
    return fail(e, ERR_TOO_LARGE, "the decoded text is too long");
}

/* Every `from` in s gives way to `to`; s itself when there is none, p == NULL out of memory. */
static str replace_all(arena *a, str s, str from, str to)
{
    size_t count = 0;
    const char *at = s.p, *end = s.p + s.n, *found;
    if (from.n == 0 || s.n == 0)
        return s;
    while ((found = memmem(at, (size_t)(end - at), from.p, from.n))) {
        count++;
        at = found + from.n;
    }
    if (count == 0)
        return s;
    size_t n = s.n - count * from.n + count * to.n;
    char *made = arena_try(a, n + 1, 1), *out = made;
    if (!made)
        return (str){0};
    for (at = s.p; (found = memmem(at, (size_t)(end - at), from.p, from.n)); at = found + from.n) {
        out = mempcpy(out, at, (size_t)(found - at));
        if (to.n)
            out = mempcpy(out, to.p, to.n);
    }
    memcpy(out, at, (size_t)(end - at));
    return (str){made, n};
}

/* Takes out the spaces that tokenisation leaves before English punctuation. */
static str clean_up(arena *a, str s)
{
    static const struct {
        str from, to;
    } rules[] = {
        {{" .", 2}, {".", 1}},     {{" ?", 2}, {"?", 1}},           {{" !", 2}, {"!", 1}},
        {{" ,", 2}, {",", 1}},     {{" ' ", 3}, {"'", 1}},          {{" n't", 4}, {"n't", 3}},
        {{" 'm", 3}, {"'m", 2}},   {{" do not", 7}, {" don't", 6}}, {{" 's", 3}, {"'s", 2}},
        {{" 've", 4}, {"'ve", 3}}, {{" 're", 4}, {"'re", 3}}};
    for (size_t i = 0; i < sizeof rules / sizeof *rules && s.p; i++)
        s = replace_all(a, s, rules[i].from, rules[i].to);
    return s;
}

struct wordpiece {
    str prefix;
    int cleanup;
};

static const field wordpiece_fields[] = {
    FIELD_STRING(struct wordpiece, prefix, "prefix", "##", 0, "before tokens inside of a word"),
    FIELD_BOOL(struct wordpiece, cleanup, "cleanup", 1, "no spaces before punctuation"), FIELD_END};

static bool run_wordpiece(const void *state, pieces *p, error *e)
{
    const struct wordpiece *s = state;
    for (int i = 0; i < p->n; i++) {
        str token = p->items[i];
        if (i && str_starts(token, s->prefix)) {
            token = str_skip(token, s->prefix.n);
        } else if (i) {
            char *spaced = arena_try(p->memory, token.n + 2, 1);
            if (!spaced)
                return too_long(e);
            spaced[0] = ' ';
            memcpy(spaced + 1, token.p, token.n);
            token = (str){spaced, token.n + 1};
        }
        p->items[i] = s->cleanup && token.p ? clean_up(p->memory, token) : token;
        if (!p->items[i].p)
            return too_long(e);
    }
    return true;
}

const struct decoder_kind decode_wordpiece = {
    {"WordPiece", wordpiece_fields, sizeof(struct wordpiece), NULL}, run_wordpiece};

struct bpe {
    str suffix, inside;
};

static const field bpe_fields[] = {
    FIELD_STRING(struct bpe, suffix, "suffix", "</w>", 0, "at the end of a word"),
    FIELD_STRING(struct bpe, inside, "inside", "", 0,
                 "behind tokens inside of a word, in place of a suffix"),
    FIELD_END};

/* Parts of words lose their marks, words get a space behind. */
static bool join_parts(str inside, pieces *p, error *e)
{
    for (int i = 0; i + 1 < p->n; i++) {
        str *token = &p->items[i];
        if (str_ends(*token, inside)) {
            token->n -= inside.n;
            continue;
        }
        char *spaced = arena_raw(p->memory, token->n + 1, 1);
        if (!spaced)
            return too_long(e);
        memcpy(spaced, token->p, token->n);
        spaced[token->n++] = ' ';
        token->p = spaced;
    }
    return true;
}

/* An empty suffix is found between all characters. */
static str spread(arena *a, str s)
{
    char *made = arena_try(a, 2 * s.n + 1, 1), *out = made;
    if (!made)
        return (str){0};
    for (size_t i = 0; i < s.n; i++) {
        if ((s.p[i] & 0xc0) != 0x80)
            *out++ = ' ';
        *out++ = s.p[i];
    }
    *out++ = ' ';
    return (str){made, (size_t)(out - made)};
}

static bool run_bpe(const void *state, pieces *p, error *e)
{
    const struct bpe *s = state;
    if (s->inside.n)
        return join_parts(s->inside, p, e);
    for (int i = 0; i < p->n; i++) {
        bool last = i + 1 == p->n;
        p->items[i] = !s->suffix.n && !last ? spread(p->memory, p->items[i])
                                            : replace_all(p->memory, p->items[i], s->suffix,
                                                          last ? STR("") : STR(" "));
        if (!p->items[i].p)
            return too_long(e);
    }
    return true;
}

const struct decoder_kind decode_bpe = {{"BPEDecoder", bpe_fields, sizeof(struct bpe), NULL},
                                        run_bpe};

static bool run_metaspace(const void *state, pieces *p, error *e)
{
    const struct metaspace *s = state;
    for (int i = 0; i < p->n; i++) {
        bool dropped = i == 0 && s->scheme != METASPACE_NEVER;
        p->items[i] =
            replace_all(p->memory, p->items[i], s->replacement, dropped ? STR("") : STR(" "));
        if (!p->items[i].p)
            return too_long(e);
    }
    return true;
}

const struct decoder_kind decode_metaspace = {
    {"Metaspace", metaspace_fields, sizeof(struct metaspace), metaspace_prepare}, run_metaspace};

struct strip {
    str content;
    int start, stop;
};

static const field strip_fields[] = {
    FIELD_STRING(struct strip, content, "content", NULL, FIELD_REQUIRED, "the character to drop"),
    FIELD_INT(struct strip, start, "start", 0, 0, 1 << 30, "how many at the start at most"),
    FIELD_INT(struct strip, stop, "stop", 0, 0, 1 << 30, "how many at the end at most"), FIELD_END};

static bool run_strip(const void *state, pieces *p, error *e)
{
    (void)e;
    const struct strip *s = state;
    for (int i = 0; i < p->n && s->content.n; i++) {
        str *token = &p->items[i];
        for (int k = 0; k < s->start && str_starts(*token, s->content); k++)
            *token = str_skip(*token, s->content.n);
        for (int k = 0; k < s->stop && str_ends(*token, s->content); k++)
            token->n -= s->content.n;
    }
    return true;
}

const struct decoder_kind decode_strip = {{"Strip", strip_fields, sizeof(struct strip), NULL},
                                          run_strip};

struct replace {
    const pattern *pattern;
    str content;
};

static const field replace_fields[] = {
    FIELD_STRING(struct replace, content, "content", NULL, FIELD_REQUIRED, "what to put there"),
    FIELD_END};

static bool prepare_replace(void *state, const json_t *json, const char *path, loader *l)
{
    return pattern_load(&((struct replace *)state)->pattern, json_object_get(json, "pattern"), path,
                        l);
}

static bool replace_matches(const struct replace *s, str token, buf *out, error *e)
{
    __attribute__((cleanup(pattern_walk_release))) pattern_walk walk =
        pattern_begin(s->pattern, token);
    size_t begin, end, done = 0;
    int found;
    while ((found = pattern_next(&walk, &begin, &end, e)) > 0) {
        buf_add(out, token.p + done, begin - done);
        buf_str(out, s->content);
        done = end;
    }
    buf_add(out, token.p + done, token.n - done);
    return found == 0;
}

static bool run_replace(const void *state, pieces *p, error *e)
{
    own_buf buf made = buf_new(TEXT_MAX);
    for (int i = 0; i < p->n; i++) {
        buf_clear(&made);
        if (p->items[i].n == 0)
            continue;
        if (!replace_matches(state, p->items[i], &made, e))
            return false;
        char *copy = made.full ? NULL : arena_copy(p->memory, made.p ? made.p : "", made.n);
        if (!copy)
            return too_long(e);
        p->items[i] = (str){copy, made.n};
    }
    return true;
}

const struct decoder_kind decode_replace = {
    {"Replace", replace_fields, sizeof(struct replace), prepare_replace}, run_replace};

struct ctc {
    str pad_token, word_delimiter_token;
    int cleanup;
};

static const field ctc_fields[] = {
    FIELD_STRING(struct ctc, pad_token, "pad_token", "<pad>", 0, "between two equal tokens"),
    FIELD_STRING(struct ctc, word_delimiter_token, "word_delimiter_token", "|", 0, "a space"),
    FIELD_BOOL(struct ctc, cleanup, "cleanup", 1, "no spaces before punctuation"), FIELD_END};

static bool run_ctc(const void *state, pieces *p, error *e)
{
    const struct ctc *s = state;
    int kept = 0;
    str last = {0};
    for (int i = 0; i < p->n; i++) {
        str token = p->items[i];
        bool again = i && str_eq(token, last);
        last = token;
        if (again)
            continue;
        token = replace_all(p->memory, token, s->pad_token, STR(""));
        if (s->cleanup && token.p)
            token = clean_up(p->memory, token);
        if (s->cleanup && token.p)
            token = replace_all(p->memory, token, s->word_delimiter_token, STR(" "));
        if (!token.p)
            return too_long(e);
        if (token.n)
            p->items[kept++] = token;
    }
    p->n = kept;
    return true;
}

const struct decoder_kind decode_ctc = {{"CTC", ctc_fields, sizeof(struct ctc), NULL}, run_ctc};

static bool run_fuse(const void *state, pieces *p, error *e)
{
    (void)state;
    str joined;
    if (!pieces_join(p, STR(""), &joined, e))
        return false;
    p->items = arena_alloc(p->memory, sizeof *p->items);
    p->items[0] = joined;
    p->n = 1;
    return true;
}

const struct decoder_kind decode_fuse = {{"Fuse", NULL, 0, NULL}, run_fuse};
