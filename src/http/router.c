/* Rows sorted by how specific they are, so the first that matches is the right one. A look-up
 * compares the parts of every row until one fits: tens of rows, mostly settled by the first part.
 */
#include "http/router.h"

#include "base/memory.h"
#include "http/h1.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum { ROUTE_MAX_PARTS = 12 };

enum part_kind { PART_LITERAL, PART_ONE, PART_REST }; /* in order of precedence */

struct part {
    enum part_kind kind;
    str text; /* literal */
};

struct route {
    str method;
    struct part parts[ROUTE_MAX_PARTS];
    int n_parts;
    http_handler *handler;
    void *app;
};

struct router {
    struct route *routes;
    int n, capacity;
};

router *router_new(void)
{
    return xcalloc(1, sizeof(router));
}

void router_free(router *r)
{
    if (!r)
        return;
    free(r->routes);
    free(r);
}

static void compile(const char *pattern, struct route *out)
{
    const char *p = pattern;
    int n_captures = 0;
    assert(*p == '/');
    while (*p == '/' && p[1]) {
        size_t n = strcspn(++p, "/");
        str text = {p, n};
        struct part *part = &out->parts[out->n_parts++];
        assert(n > 0 && out->n_parts < ROUTE_MAX_PARTS);
        part->text = text;
        if (text.p[0] == '{') {
            n_captures++;
            assert(text.p[n - 1] == '}' && n_captures <= ROUTER_MAX_CAPTURES);
            part->kind = str_ends(text, STR("...}")) ? PART_REST : PART_ONE;
        }
        p += n;
        assert(part->kind != PART_REST || !*p);
    }
}

/* Negative when a comes first. */
static int compare(const struct route *a, const struct route *b)
{
    for (int i = 0; i < a->n_parts && i < b->n_parts; i++) {
        if (a->parts[i].kind != b->parts[i].kind)
            return (int)a->parts[i].kind - (int)b->parts[i].kind;
    }
    return a->n_parts - b->n_parts;
}

void router_add(router *r, const char *method, const char *pattern, http_handler *handler,
                void *app)
{
    struct route route = {.method = str_of(method), .handler = handler, .app = app};
    compile(pattern, &route);
    if (r->n == r->capacity) {
        r->capacity = r->capacity ? r->capacity * 2 : 16;
        r->routes = xrealloc(r->routes, (size_t)r->capacity * sizeof *r->routes);
    }
    int at = r->n++;
    for (; at > 0 && compare(&route, &r->routes[at - 1]) < 0; at--)
        r->routes[at] = r->routes[at - 1];
    r->routes[at] = route;
}

void router_split(str path, char *decoded, router_path *out)
{
    out->n_parts = 0;
    if (path.n <= 1)
        return;
    bool escaped = memchr(path.p, '%', path.n) != NULL;
    const char *p = path.p + 1;
    const char *end = path.p + path.n;
    for (;;) {
        const char *slash = memchr(p, '/', (size_t)(end - p));
        str part = {p, (size_t)((slash ? slash : end) - p)};
        if (out->n_parts == ROUTER_MAX_PARTS) {
            out->n_parts = -1;
            return;
        }
        if (escaped) {
            part = (str){decoded, (size_t)h1_percent_decode(part, false, decoded)};
            decoded += part.n;
            *decoded++ = '/'; /* so that several parts together are one view */
        }
        out->parts[out->n_parts++] = part;
        if (!slash)
            return;
        p = slash + 1;
    }
}

static bool matches(const struct route *route, const router_path *path, router_match *out)
{
    out->n_captures = 0;
    for (int i = 0; i < route->n_parts; i++) {
        const struct part *part = &route->parts[i];
        if (i >= path->n_parts)
            return false;
        str text = path->parts[i];
        if (part->kind == PART_LITERAL) {
            if (!str_eq(part->text, text))
                return false;
            continue;
        }
        if (part->kind == PART_REST) {
            str last = path->parts[path->n_parts - 1];
            text.n = (size_t)(last.p + last.n - text.p);
        }
        if (text.n == 0)
            return false;
        out->captures[out->n_captures++] = text;
        if (part->kind == PART_REST)
            return true;
    }
    return route->n_parts == path->n_parts;
}

void router_find(const router *r, str method, const router_path *path, router_match *out)
{
    out->handler = NULL;
    out->path_exists = false;
    if (str_is(method, "HEAD"))
        method = STR("GET");
    for (int i = 0; i < r->n; i++) {
        const struct route *route = &r->routes[i];
        if (!matches(route, path, out))
            continue;
        out->path_exists = true;
        if (str_eq(route->method, method)) {
            out->handler = route->handler;
            out->app = route->app;
            return;
        }
    }
    out->n_captures = 0;
}

static void add_method(char out[ROUTER_ALLOW], str method)
{
    size_t n = strlen(out);
    snprintf(out + n, ROUTER_ALLOW - n, "%s%.*s", n ? ", " : "", (int)method.n, method.p);
}

void router_allow(const router *r, const router_path *path, char out[ROUTER_ALLOW])
{
    router_match match;
    out[0] = '\0';
    for (int i = 0; i < r->n; i++) {
        str method = r->routes[i].method;
        if (!matches(&r->routes[i], path, &match) || h1_has_token(str_of(out), method))
            continue;
        add_method(out, method);
        if (str_is(method, "GET"))
            add_method(out, STR("HEAD"));
    }
    if (!h1_has_token(str_of(out), STR("OPTIONS")))
        add_method(out, STR("OPTIONS"));
}
