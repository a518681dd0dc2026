/* HTTP/1.1 server: listeners, limits, hooks, routes, drain. What a handler does with a request is
 * in http/request.h.
 *
 *     http_server *s = http_server_new(loop, &(http_server_options){.app = app, .before = check});
 *     http_route(s, "GET", "/models/{owner}/{name}", show_model, app);
 *     if (!http_listen(s, "127.0.0.1:8080", e)) ...
 *     loop_run(loop);
 *
 * The path of a request: head parsed -> `before` -> router (404, 405, OPTIONS) -> handler -> reply,
 * with `head` called just before the reply's head is written -> `finished`.
 *
 * A client that closes its side of the connection has left: its request is cancelled (on_gone), so
 * clients must not half-close behind a request. */
#pragma once

#include "base/error.h"
#include "base/str.h"
#include "http/loop.h"

#include <stdint.h>

typedef struct http_server http_server;
typedef struct http_request http_request;

typedef void http_handler(http_request *req, void *app);

/* What a request came to. `status` is 499 when the client left before the reply was complete and
 * 0 when the server cut the connection in the middle of a reply. */
typedef struct http_summary {
    int status;
    uint64_t bytes_in;   /* body bytes taken */
    uint64_t bytes_out;  /* body bytes of the reply */
    int64_t duration_us; /* from the first byte of the head to the last byte of the reply queued */
} http_summary;

/* 0 in any field means the preset. */
typedef struct http_limits {
    int max_connections; /* 20,000; further ones wait in the kernel's queue */
    int head_ms;         /* 10,000: a request head, from its first byte */
    int idle_ms;         /* 75,000: a connection without a request */
    int body_ms;         /* 30,000: in each such span the client sends ... */
    int body_min_bytes;  /* 4,096: ... this much of its body, or its end */
    int write_ms;        /* 60,000: without any progress of a write */
    int linger_ms;       /* 2,000: reading on after a refused body, at most 1 MiB */
    size_t arena_bytes;  /* 64 MiB: http_arena() of one request */
} http_limits;

typedef struct http_server_options {
    http_limits limits;
    void *app; /* given to the hooks below */

    /* Called with every well-formed head before routing: authorisation, host check, CORS. May set
     * reply headers. True: go on. False: the hook has answered the request. */
    bool (*before)(http_request *req, void *app);

    /* Called just before a reply's head is written, errors included; may call http_header(). */
    void (*head)(http_request *req, int status, void *app);

    /* Writes the reply of every error (http_error, http_fail, and those of the server itself) with
     * http_reply(). code: "not_found", "bad_request" ... from the status, or "empty" for
     * ERR_EMPTY. When the head was malformed, method and path are empty. NULL: {"error":"message"}.
     */
    void (*error_writer)(http_request *req, int status, const char *code, const char *message,
                         void *app);

    /* Called once for every request, when it is over (behind on_gone when it was lost), from inside
     * the call that ended it; req can still be read, not answered. */
    void (*finished)(http_request *req, const http_summary *summary, void *app);
} http_server_options;

http_server *http_server_new(loop *l, const http_server_options *options);

/* Cuts all connections (on_gone of their requests is called) and stops listening. NULL is fine. */
void http_server_free(http_server *s);

/* Listens on "127.0.0.1:8080", "[::1]:8080", "0.0.0.0:0" (any port) or "unix:/path". A unix socket
 * gets mode 0600; a stale one is replaced, a live one is an error. May be called several times. */
bool http_listen(http_server *s, const char *address, error *e);

/* Takes a listening socket made by somebody else; owned by the server on success. */
bool http_listen_fd(http_server *s, int fd, error *e);

/* Port of the n-th listener (0 for unix sockets). */
int http_server_port(const http_server *s, int n);

/* Adds a route. method: "GET" (serves HEAD too), "POST" ...
 * pattern: literal parts, "{name}" for one part, "{name...}" as the last for one or more parts:
 *     "/api/models/{owner}/{name}/resolve/{revision}/{path...}"
 * A part is compared and captured percent-decoded after splitting at '/', so %2F stays inside a
 * capture ("{name...}" keeps the slashes between its parts). The most specific pattern wins
 * (literal over {part} over {parts...}, from the left), whatever the order of adding. Strings are
 * kept, not copied. Unknown paths get 404, known ones with another method 405 with Allow; OPTIONS
 * is answered with Allow and 204 unless a route takes it. */
void http_route(http_server *s, const char *method, const char *pattern, http_handler *handler,
                void *app);

typedef struct http_route_row {
    const char *method, *pattern;
    http_handler *handler;
} http_route_row;

/* Adds rows up to one with method == NULL. */
void http_routes(http_server *s, const http_route_row *rows, void *app);

typedef struct http_server_counts {
    int connections;   /* open now */
    int requests;      /* being answered now */
    uint64_t accepted; /* connections so far */
    uint64_t answered; /* requests so far */
} http_server_counts;
http_server_counts http_server_count(const http_server *s);

/* Stops listening, says "Connection: close" in replies, closes idle connections, and calls
 * done(arg) when the last request is over, or after deadline_ms, when the rest has been cut. Once
 * only. */
void http_server_drain(http_server *s, int64_t deadline_ms, loop_fn *done, void *arg);
bool http_server_is_draining(const http_server *s);
