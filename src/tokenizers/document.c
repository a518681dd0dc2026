/* Finds the value of "vocab" in "model" by a scan that only counts brackets and quotes, reads it
 * with vocab_read or vocab_read_scored and gives the rest, without it, to jansson, which checks it
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

/* The document without the bytes begin .. end - 1, which become {}. */
static json_t *parse_without(str json, size_t begin, size_t end, const char *name, error *e)
{
    own_buf buf rest = buf_new(json.n + 8);
    buf_add(&rest, json.p, begin);
    if (end > begin)
        buf_puts(&rest, "{}");
    buf_add(&rest, json.p + end, json.n - end);
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
    size_t begin = json.n, end = json.n;
    error inner = {0};
    if (enter_key(&s, "model") && enter_key(&s, "vocab") && strchr("{[", peek(&s)) && peek(&s)) {
        bool scored = peek(&s) == '[';
        begin = s.at;
        if (!(scored ? vocab_read_scored : vocab_read)(&d->vocab, json, &s.at, &inner))
            return fail(e, ERR_BAD_MODEL, "'%s': 'model.vocab': %s", name, inner.message);
        end = s.at;
    }
    if (!vocab_finish(&d->vocab, &inner))
        return fail(e, inner.kind, "'%s': 'model.vocab': %s", name, inner.message);
    d->root = parse_without(json, begin, end, name, e);
    if (d->root && !json_is_object(d->root))
        return fail(e, ERR_BAD_MODEL, "'%s' must hold an object, found %s", name,
                    json_kind(d->root));
    return d->root != NULL;
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
    d->root = NULL;
}
