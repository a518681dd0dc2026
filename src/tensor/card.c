#include "tensor/card.h"

#include "base/own.h"

#include <ctype.h>
#include <math.h>
#include <string.h>
#include <yaml.h>

struct reader {
    yaml_parser_t yaml;
    yaml_event_t event; /* the current one, deleted by next() */
    bool has_event;
    int n_nodes;
    error *e;
};

/* Length of the line at the start, without its line break; *next is the start of the one behind. */
static size_t line_length(str text, size_t *next)
{
    const char *end = text.n ? memchr(text.p, '\n', text.n) : NULL;
    size_t n = end ? (size_t)(end - text.p) : text.n;
    *next = end ? n + 1 : n;
    return n && text.p[n - 1] == '\r' ? n - 1 : n;
}

static bool is_fence(str text, size_t *next)
{
    size_t n = line_length(text, next);
    while (n > 3 && (text.p[n - 1] == ' ' || text.p[n - 1] == '\t'))
        n--;
    return str_eq((str){text.p, n}, STR("---"));
}

void card_split(str text, str *front, str *body)
{
    if (str_starts(text, STR("\xef\xbb\xbf")))
        text = str_skip(text, 3);
    *front = (str){text.p, 0};
    *body = text;
    size_t next;
    if (!is_fence(text, &next))
        return;
    size_t start = next;
    for (size_t at = start; at < text.n; at += next)
        if (is_fence(str_skip(text, at), &next)) {
            *front = (str){text.p + start, at - start};
            *body = str_skip(text, at + next);
            return;
        }
}

static bool next_event(struct reader *r)
{
    if (r->has_event)
        yaml_event_delete(&r->event);
    r->has_event = yaml_parser_parse(&r->yaml, &r->event) == 1;
    if (r->has_event)
        return true;
    return fail(r->e, ERR_BAD_MODEL, "line %zu: %s", r->yaml.problem_mark.line + 1,
                r->yaml.problem ? r->yaml.problem : "malformed YAML");
}

static bool fail_here(struct reader *r, const char *what)
{
    return fail(r->e, ERR_BAD_MODEL, "line %zu: %s", r->event.start_mark.line + 1, what);
}

/* A number as YAML's core schema and JSON agree on it. */
static json_t *plain_number(str text)
{
    char copy[64];
    size_t at = text.n && (text.p[0] == '-' || text.p[0] == '+');
    bool real = false;
    if (text.n >= sizeof copy || at == text.n ||
        (!isdigit((unsigned char)text.p[at]) &&
         !(text.p[at] == '.' && at + 1 < text.n && isdigit((unsigned char)text.p[at + 1]))))
        return NULL;
    if (text.p[at] == '0' && at + 1 < text.n && isdigit((unsigned char)text.p[at + 1]))
        return NULL; /* "007" is a name */
    for (size_t i = at; i < text.n; i++) {
        if (strchr(".eE", text.p[i]))
            real = true;
        else if (!isdigit((unsigned char)text.p[i]) && !(strchr("+-", text.p[i]) && real))
            return NULL;
    }
    memcpy(copy, text.p, text.n);
    copy[text.n] = '\0';
    char *end;
    if (!real && text.n - at <= 18)
        return json_integer(strtoll(copy, &end, 10));
    double value = strtod(copy, &end);
    return *end == '\0' && isfinite(value) ? json_real(value) : NULL;
}

static json_t *plain_scalar(str text)
{
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL"};
    static const char *const truths[] = {"true", "True", "TRUE"};
    static const char *const lies[] = {"false", "False", "FALSE"};
    for (size_t i = 0; i < 5; i++)
        if (str_is(text, nulls[i]))
            return json_null();
    for (size_t i = 0; i < 3; i++) {
        if (str_is(text, truths[i]))
            return json_true();
        if (str_is(text, lies[i]))
            return json_false();
    }
    json_t *number = plain_number(text);
    return number ? number : json_stringn(text.p, text.n);
}

static str event_text(const yaml_event_t *event)
{
    return (str){(const char *)event->data.scalar.value, event->data.scalar.length};
}

static json_t *read_node(struct reader *r, int depth);

static json_t *read_scalar(struct reader *r)
{
    str text = event_text(&r->event);
    json_t *value = r->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE
                        ? plain_scalar(text)
                        : json_stringn(text.p, text.n);
    if (!value)
        fail_here(r, "a text that is not valid UTF-8");
    return value;
}

static json_t *read_sequence(struct reader *r, int depth)
{
    own_json json_t *items = json_array();
    while (next_event(r)) {
        if (r->event.type == YAML_SEQUENCE_END_EVENT)
            return json_incref(items);
        json_t *item = read_node(r, depth + 1);
        if (!item)
            return NULL;
        json_array_append_new(items, item);
    }
    return NULL;
}

static json_t *read_mapping(struct reader *r, int depth)
{
    own_json json_t *object = json_object();
    while (next_event(r)) {
        if (r->event.type == YAML_MAPPING_END_EVENT)
            return json_incref(object);
        if (r->event.type != YAML_SCALAR_EVENT) {
            fail_here(r, "a key that is not a text");
            return NULL;
        }
        own_json json_t *key = json_stringn(event_text(&r->event).p, event_text(&r->event).n);
        if (!key || memchr(json_string_value(key), '\0', json_string_length(key))) {
            fail_here(r, "a key that is not valid text");
            return NULL;
        }
        json_t *value = next_event(r) ? read_node(r, depth + 1) : NULL;
        if (!value)
            return NULL;
        json_object_set_new(object, json_string_value(key), value);
    }
    return NULL;
}

/* The value that starts with the current event; new reference. */
static json_t *read_node(struct reader *r, int depth)
{
    if (depth > CARD_MAX_DEPTH || ++r->n_nodes > CARD_MAX_NODES) {
        fail_here(r, depth > CARD_MAX_DEPTH ? "nested too deeply" : "too many values");
        return NULL;
    }
    switch (r->event.type) {
    case YAML_SCALAR_EVENT:
        return read_scalar(r);
    case YAML_SEQUENCE_START_EVENT:
        return read_sequence(r, depth);
    case YAML_MAPPING_START_EVENT:
        return read_mapping(r, depth);
    case YAML_ALIAS_EVENT:
        fail_here(r, "aliases are not supported");
        return NULL;
    default:
        fail_here(r, "expected a value");
        return NULL;
    }
}

static json_t *read_document(struct reader *r)
{
    do {
        if (!next_event(r))
            return NULL;
    } while (r->event.type == YAML_STREAM_START_EVENT ||
             r->event.type == YAML_DOCUMENT_START_EVENT);
    if (r->event.type == YAML_STREAM_END_EVENT || r->event.type == YAML_DOCUMENT_END_EVENT)
        return json_object();
    json_t *value = read_node(r, 0);
    if (json_is_null(value))
        return json_object(); /* comments only */
    if (value && !json_is_object(value)) {
        fail(r->e, ERR_BAD_MODEL, "found %s, expected keys and values",
             json_is_array(value) ? "a list" : "a single value");
        json_decref(value);
        return NULL;
    }
    return value;
}

json_t *card_meta(str front, error *e)
{
    struct reader r = {.e = e};
    json_t *meta = NULL;
    if (front.n > CARD_MAX_BYTES) {
        fail(e, ERR_BAD_MODEL, "has %zu bytes, expected at most %d", front.n, CARD_MAX_BYTES);
    } else if (!yaml_parser_initialize(&r.yaml)) {
        fail(e, ERR_INTERNAL, "out of memory");
    } else {
        yaml_parser_set_encoding(&r.yaml, YAML_UTF8_ENCODING);
        yaml_parser_set_input_string(&r.yaml, (const unsigned char *)(front.p ? front.p : ""),
                                     front.n);
        meta = read_document(&r);
        if (r.has_event)
            yaml_event_delete(&r.event);
        yaml_parser_delete(&r.yaml);
    }
    if (!meta)
        fail_in(e, "front matter of the model card");
    return meta;
}
