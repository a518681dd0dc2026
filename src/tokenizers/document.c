/* Finds "vocab" and "merges" in "model" by a scan that only counts brackets and quotes, reads them
 * straight into their tables and gives the rest, without them, to jansson, which checks it
 * strictly. */
#include "tokenizers/document.h"

#include "base/json.h"
#include "base/own.h"

enum { MAX_DEPTH = 200, DOCUMENT_MAX = 1 << 30 };

struct scan {
    str json;
    size_t at;
};

static void skip_space(struct scan *s)
{
    while (s->at < s->json.n && strchr(" \n\r\t", s->json.p[s->at]) && s->json.p[s->at])
        s->at++;
}

static char peek(struct scan *s)
{
    skip_space(s);
    return s->at < s->json.n ? s->json.p[s->at] : '\0';
}

static bool take(struct scan *s, char c)
{
    if (peek(s) != c || s->at >= s->json.n)
        return false;
    s->at++;
    return true;
}

/* The raw bytes of a string, escapes as they are. */
static bool take_string(struct scan *s, str *out)
{
    if (!take(s, '"'))
        return false;
    size_t begin = s->at;
    for (; s->at < s->json.n && s->json.p[s->at] != '"'; s->at++)
        if (s->json.p[s->at] == '\\')
            s->at++;
    if (s->at >= s->json.n)
        return false;
    *out = (str){s->json.p + begin, s->at - begin};
    s->at++;
    return true;
}

/* Any value; how it looks inside is for jansson to judge. */
static bool skip_value(struct scan *s)
{
    int depth = 0;
    do {
        str ignored;
        char c = peek(s);
        if (s->at >= s->json.n)
            return false;
        if (c == '"') {
            if (!take_string(s, &ignored))
                return false;
        } else if (c == '{' || c == '[') {
            depth++;
            s->at++;
        } else if (c == '}' || c == ']') {
            depth--;
            s->at++;
        } else if (c == ',' || c == ':') {
            if (depth == 0)
                return false;
            s->at++;
        } else {
            while (s->at < s->json.n && !strchr(",:[]{}\" \n\r\t", s->json.p[s->at]))
                s->at++;
            if (s->at < s->json.n && s->json.p[s->at] == '\0')
                return false;
        }
    } while (depth > 0);
    return depth == 0;
}

/* Moves behind the colon of a key of the object that starts here. */
static bool enter_key(struct scan *s, const char *wanted)
{
    if (!take(s, '{'))
        return false;
    str key;
    while (take_string(s, &key) && take(s, ':')) {
        if (str_is(key, wanted))
            return true;
        if (!skip_value(s) || !take(s, ','))
            return false;
    }
    return false;
}

/* A value that is read from the text itself and left out of the document. */
struct cut {
    size_t begin, end; /* equal: there is none */
};

struct cuts {
    struct cut vocab, merges;
};

static bool opens(struct scan *s, const char *brackets)
{
    char c = peek(s);
    return c && strchr(brackets, c);
}

static bool read_vocab(document *d, struct scan *s, struct cut *cut, error *e)
{
    cut->begin = s->at;
    if (!(peek(s) == '[' ? vocab_read_scored : vocab_read)(&d->vocab, s->json, &s->at, e) ||
        !vocab_finish(&d->vocab, e))
        return fail_in(e, "'model.vocab'");
    cut->end = s->at;
    return true;
}

static bool read_merges(document *d, struct scan *s, struct cut *cut, error *e)
{
    cut->begin = s->at;
    if (!merges_read(&d->merges, &d->vocab, s->json, &s->at, e))
        return fail_in(e, "'model.merges'");
    cut->end = s->at;
    return true;
}

/* Reads the large members of the model. Merges need the vocabulary and wait for it. Where the text
 * is not JSON the scan stops: the parser will say so. */
static bool read_model(document *d, struct scan *s, struct cuts *cuts, error *e)
{
    struct scan waiting = {s->json, 0};
    str key;
    bool more = take(s, '{');
    while (more && take_string(s, &key) && take(s, ':')) {
        bool has_vocab = cuts->vocab.end > 0;
        if (str_is(key, "vocab") && !has_vocab && opens(s, "{[")) {
            if (!read_vocab(d, s, &cuts->vocab, e))
                return false;
        } else if (str_is(key, "merges") && has_vocab && !d->merges.given && opens(s, "[")) {
            if (!read_merges(d, s, &cuts->merges, e))
                return false;
        } else {
            if (str_is(key, "merges") && opens(s, "["))
                waiting.at = s->at;
            if (!skip_value(s))
                break;
        }
        more = take(s, ',');
    }
    if (!cuts->vocab.end && !vocab_finish(&d->vocab, e))
        return false;
    return d->merges.given || !waiting.at || read_merges(d, &waiting, &cuts->merges, e);
}

/* The document without the large values, which become {}. */
static json_t *parse_rest(str json, const struct cuts *cuts, const char *name, error *e)
{
    own_buf buf rest = buf_new(json.n + 16);
    bool in_order = cuts->vocab.begin < cuts->merges.begin;
    struct cut cut[] = {in_order ? cuts->vocab : cuts->merges,
                        in_order ? cuts->merges : cuts->vocab};
    size_t done = 0;
    for (int i = 0; i < 2; i++) {
        if (cut[i].end == cut[i].begin)
            continue;
        buf_add(&rest, json.p + done, cut[i].begin - done);
        buf_puts(&rest, "{}");
        done = cut[i].end;
    }
    buf_add(&rest, json.p + done, json.n - done);
    error inner = {0};
    if (rest.full) {
        fail(e, ERR_IO, "out of memory for '%s'", name);
        return NULL;
    }
    json_t *root = json_parse(buf_view(&rest), "the file", MAX_DEPTH, &inner);
    if (!root)
        fail(e, ERR_BAD_MODEL, "'%s': %s", name, inner.message);
    return root;
}

static bool parse(document *d, str json, const char *name, error *e)
{
    if (json.n > DOCUMENT_MAX)
        return fail(e, ERR_BAD_MODEL, "'%s' has %zu bytes, expected at most %d", name, json.n,
                    DOCUMENT_MAX);
    struct scan s = {json, 0};
    struct cuts cuts = {0};
    error inner = {0};
    bool has_model = enter_key(&s, "model");
    if (!(has_model ? read_model(d, &s, &cuts, &inner) : vocab_finish(&d->vocab, &inner)))
        return fail(e, inner.kind, "'%s': %s", name, inner.message);
    d->root = parse_rest(json, &cuts, name, e);
    if (!d->root)
        return false;
    if (!json_is_object(d->root))
        return fail(e, ERR_BAD_MODEL, "'%s' must hold an object, found %s", name,
                    json_kind(d->root));
    const json_t *model = json_object_get(d->root, "model");
    const json_t *prefix = json_object_get(model, "continuing_subword_prefix");
    str spelled = json_is_string(prefix) ? json_str(prefix) : STR("");
    if (d->merges.given && !merges_finish(&d->merges, &d->vocab, spelled, &inner))
        return fail(e, inner.kind, "'%s': 'model.merges': %s", name, inner.message);
    return true;
}

bool document_parse(document *d, str json, const char *name, error *e)
{
    *d = (document){0};
    if (parse(d, json.p ? json : STR(""), name, e))
        return true;
    document_release(d);
    return false;
}

void document_release(document *d)
{
    json_decref(d->root);
    vocab_release(&d->vocab);
    merges_release(&d->merges);
    file_unmap(&d->file);
    d->root = NULL;
}
