#include "gateway/hub/request.h"

#include "gateway/api/call.h"
#include "http/h1.h"

#include <stdarg.h>
#include <stdio.h>
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

bool hub_query_next(http_request *req, size_t *at, str *name, str *value)
{
    str query = http_query(req);
    while (*at < query.n) {
        str pair = str_skip(query, *at);
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

bool hub_query_is_true(http_request *req, const char *name)
{
    str value = http_query_value(req, name);
    return value.p && (h1_equal_fold(value, STR("true")) || str_is(value, "1"));
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
