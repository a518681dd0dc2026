/* What the files of the gateway share: its state, and what is known of a request. */
#pragma once

#include "gateway/auth.h"
#include "gateway/gateway.h"
#include "gateway/library.h"
#include "gateway/limits.h"
#include "gateway/metrics.h"
#include "gateway/pool.h"
#include "gateway/store.h"
#include "http/request.h"

#include <jansson.h>

typedef struct gateway {
    const gateway_options *options;
    loop *loop;
    http_server *server;
    store *store;
    library *library;
    metrics *metrics;
    limits *limits;
    pool *pool;
    host_rules hosts;
    bool auth_required;
    char *run_dir;
    int64_t started_unix_ms;
    bool stopping;
} gateway;

/* Who may ask for a route. */
enum access {
    ACCESS_PUBLIC, /* everybody: pages and probes */
    ACCESS_TOKEN,  /* who has a token, where the server wants one */
    ACCESS_RATED,  /* the same, and counted against the caller's rate */
};

typedef void route_handler(http_request *req, gateway *g);

typedef struct route {
    const char *method, *pattern;
    route_handler *handler;
    enum access access;
} route;

enum { REQUEST_ID_MAX = 128 };

/* One request's record: http_user() of it, NULL when its head was malformed. */
typedef struct visit {
    const route *route; /* NULL: none matched */
    char id[REQUEST_ID_MAX + 1];
    char caller[STORE_NAME_MAX + 1]; /* name of the token; "" without */
    double estimated_s;              /* put into an error reply when > 0 */
    const char *error_code;          /* of OpenAI's error form; NULL: by the status */
} visit;

static inline visit *visit_of(const http_request *req)
{
    return http_user(req);
}

/* The hooks of the server (hooks.c). */
bool hook_before(http_request *req, void *app);
void hook_head(http_request *req, int status, void *app);
void hook_error(http_request *req, int status, const char *code, const char *message, void *app);
void hook_finished(http_request *req, const http_summary *summary, void *app);

/* Adds all rows of routes.h (routes.c). */
void routes_add(gateway *g);

/* Replies with a JSON document and drops the reference. */
void reply_json(http_request *req, int status, json_t *document);

/* What every page is sent with: no script or style of its own, nothing from other hosts. */
void page_headers(http_request *req);

/* The origin under which the client asked: "http://127.0.0.1:8080", in the request's arena. */
const char *request_origin(http_request *req);
