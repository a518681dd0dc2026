#include "gateway/hub/request.h"

#include "gateway/api/call.h"
#include "http/h1.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void hub_error(http_request *req, int status, const char *code, const char *format, ...)
{
    char message[600];
    va_list values;
    va_start(values, format);
    vsnprintf(message, sizeof message, format, values);
    va_end(values);
    http_header(req, "X-Error-Code", code);
    http_header(req, "X-Error-Message", message);
    http_error(req, status, "%s", message);
}

static bool decode(http_request *req, str text, str *out)
{
    char *to = arena_try(http_arena(req), text.n + 1, 1);
    long n = to ? h1_percent_decode(text, true, to) : -1;
    if (n < 0)
        return false;
    *out = (str){to, (size_t)n};
    return true;
}

bool hub_pairs_next(http_request *req, str pairs, size_t *at, str *name, str *value)
{
    while (*at < pairs.n) {
        str pair = str_skip(pairs, *at);
        const char *end = memchr(pair.p, '&', pair.n);
        if (end)
            pair.n = (size_t)(end - pair.p);
        *at += pair.n + 1;
        const char *equals = pair.n ? memchr(pair.p, '=', pair.n) : NULL;
        str key = equals ? (str){pair.p, (size_t)(equals - pair.p)} : pair;
        str text = equals ? str_skip(pair, key.n + 1) : (str){pair.p, 0};
        if (key.n == 0 || !decode(req, key, name) || !decode(req, text, value))
            continue;
        if (str_ends(*name, STR("[]")))
            name->n -= 2;
        return true;
    }
    return false;
}

bool hub_query_next(http_request *req, size_t *at, str *name, str *value)
{
    return hub_pairs_next(req, http_query(req), at, name, value);
}

bool hub_is_true(str value)
{
    return value.n && (h1_equal_fold(value, STR("true")) || str_is(value, "1"));
}

bool hub_query_is_true(http_request *req, const char *name)
{
    return hub_is_true(http_query_value(req, name));
}

long hub_query_number(http_request *req, const char *name, long absent, long most)
{
    str text = http_query_value(req, name);
    if (!text.n || !isdigit((unsigned char)text.p[0]))
        return absent;
    long value = strtol(text.p, NULL, 10);
    return value < most ? value : most;
}

void hub_link_next(http_request *req, long next)
{
    own_buf buf url = buf_new(16384);
    buf_puts(&url, request_origin(req));
    buf_str(&url, http_path(req));
    str query = http_query(req);
    char separator = '?';
    while (query.n) {
        const char *end = memchr(query.p, '&', query.n);
        str pair = {query.p, end ? (size_t)(end - query.p) : query.n};
        query = str_skip(query, pair.n + 1);
        if (str_starts(pair, STR("cursor=")))
            continue;
        buf_byte(&url, separator);
        buf_str(&url, pair);
        separator = '&';
    }
    buf_printf(&url, "%ccursor=%ld", separator, next);
    if (!url.full)
        http_headerf(req, "Link", "<%s>; rel=\"next\"", buf_text(&url));
}

static bool is_current(const local_model *m, str revision)
{
    return revision.n == 0 || str_is(revision, "main") || str_is(revision, "HEAD") ||
           str_is(revision, m->hub.commit);
}

bool hub_find(http_request *req, gateway *g, str id, str revision, hub_target *out)
{
    error e = {0};
    *out = (hub_target){.model = library_find(g->library, id, &e)};
    if (!out->model) {
        reply_no_model(req, g, id, &e);
        return false;
    }
    if (is_current(out->model, revision))
        return true;
    const char *name = arena_copy(http_arena(req), revision.p, revision.n);
    if (!name || !library_find_revision(g->library, id, name, &out->other, &e)) {
        hub_error(req, 404, "RevisionNotFound", "Invalid rev id: %.*s", (int)revision.n,
                  revision.p);
        return false;
    }
    out->model = &out->other;
    return true;
}

void hub_target_release(hub_target *t)
{
    local_model_release(&t->other);
}
