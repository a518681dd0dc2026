/* Which handler a path belongs to. See http_route() for patterns and precedence. */
#pragma once

#include "base/str.h"
#include "http/server.h"

enum { ROUTER_MAX_PARTS = 64, ROUTER_MAX_CAPTURES = 8 };

typedef struct router router;

router *router_new(void);
void router_free(router *r);

/* A malformed pattern is our own mistake: asserted. */
void router_add(router *r, const char *method, const char *pattern, http_handler *handler,
                void *app);

/* A path in decoded parts. */
typedef struct router_path {
    str parts[ROUTER_MAX_PARTS];
    int n_parts; /* -1: too many, matches nothing */
} router_path;

/* Splits a valid encoded path (h1_parse_request's). decoded: memory for path.n bytes, which the
 * parts point into. */
void router_split(str path, char *decoded, router_path *out);

typedef struct router_match {
    http_handler *handler; /* NULL: no such path, or not with this method */
    void *app;
    bool path_exists;
    str captures[ROUTER_MAX_CAPTURES]; /* views into the parts */
    int n_captures;
} router_match;

void router_find(const router *r, str method, const router_path *path, router_match *out);

/* "GET, HEAD, OPTIONS" of a path that exists. */
enum { ROUTER_ALLOW = 128 };
void router_allow(const router *r, const router_path *path, char out[ROUTER_ALLOW]);
