/* Requests: reading them, their bodies, their end. */
#include "http/request.h"

#include "base/clock.h"
#include "base/memory.h"
#include "http/conn.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    MAX_REPLY_HEADERS = 16 * 1024,
    BODY_AT_ONCE = 1024 * 1024, /* memory for an announced body, before its bytes are here */
};

http_request *request_new(conn *c, str head, h1_error *e)
{
    http_request *req = xmalloc(sizeof *req + 2 * head.n);
    memset(req, 0, offsetof(http_request, head));
    req->head.n_headers = 0;
    req->decoded = req->bytes + head.n;
    if (head.n > 0) {
        memcpy(req->bytes, head.p, head.n);
        if (!h1_parse_request((str){req->bytes, head.n}, &req->head, e)) {
            free(req);
            return NULL;
        }
    } else {
        memset(&req->head, 0, offsetof(h1_head, headers));
        req->head.method = req->head.target = req->head.path = req->head.query = STR("");
    }
    req->conn = c;
    req->server = c->server;
    req->started_us = clock_us();
    req->keep_alive = head.n > 0 && req->head.keep_alive;
    req->headers = buf_new(MAX_REPLY_HEADERS);
    c->n_requests++;
    c->server->counts.requests++;
    return req;
}

void request_free(http_request *req)
{
    buf_release(&req->body);
    buf_release(&req->headers);
    arena_free(req->arena);
    free(req);
}

void request_finish(http_request *req, int status, bool keep)
{
    conn *c = req->conn;
    http_server *s = req->server;
    sock_flush(&c->sock);
    http_summary summary = {status, req->bytes_in, req->bytes_out, clock_us() - req->started_us};
    req->reply = REPLY_ENDED;
    s->counts.requests--;
    s->counts.answered++;
    if (s->options.finished)
        s->options.finished(req, &summary, s->options.app);
    bool rest_is_small =
        c->body.done || (c->body.framing == H1_LENGTH && c->body.left <= DROP_AT_MOST);
    if (c->state == CONN_OPEN && (!keep || !rest_is_small))
        c->state = CONN_FLUSHING;
    c->req = NULL;
    request_free(req);
    conn_touch(c);
}

void request_refuse(http_request *req, int status, const char *message)
{
    loop_fn *gone = req->gone;
    req->gone = NULL;
    req->body_ended = true; /* nobody gets more of it */
    req->keep_alive = false;
    if (gone)
        gone(req->gone_arg);
    if (req->reply == REPLY_NONE)
        http_error(req, status, "%s", message);
    else
        http_abort(req);
}

/* --- what was asked --- */

str http_method(const http_request *req)
{
    return req->head.method;
}

str http_path(const http_request *req)
{
    return req->head.path;
}

str http_query(const http_request *req)
{
    return req->head.query;
}

str http_target(const http_request *req)
{
    str path = req->head.path, query = req->head.query;
    /* both are views of one target, unless the path was empty in an absolute one */
    if (query.p && query.p == path.p + path.n + 1)
        return (str){path.p, path.n + 1 + query.n};
    return path;
}

str http_host(const http_request *req)
{
    return req->head.host;
}

str http_request_header(const http_request *req, const char *name)
{
    return h1_find(&req->head, name);
}

bool http_request_header_at(const http_request *req, int i, str *name, str *value)
{
    if (i >= req->head.n_headers)
        return false;
    *name = req->head.headers[i].name;
    *value = req->head.headers[i].value;
    return true;
}

str http_capture(const http_request *req, int i)
{
    assert(i < req->match.n_captures);
    return req->match.captures[i];
}

static bool decode_query_part(http_request *req, str text, str *out)
{
    char *memory = arena_try(http_arena(req), text.n + 1, 1);
    long n = memory ? h1_percent_decode(text, true, memory) : -1;
    *out = (str){memory, n < 0 ? 0 : (size_t)n};
    return n >= 0;
}

str http_query_value(http_request *req, const char *name)
{
    str query = req->head.query;
    while (query.n > 0) {
        const char *and = memchr(query.p, '&', query.n);
        str pair = {query.p, and? (size_t)(and-query.p) : query.n};
        query = str_skip(query, pair.n + (and != NULL));
        const char *equal = pair.n ? memchr(pair.p, '=', pair.n) : NULL;
        str key = {pair.p, equal ? (size_t)(equal - pair.p) : pair.n};
        str value = equal ? str_skip(pair, key.n + 1) : STR("");
        str decoded;
        if (decode_query_part(req, key, &decoded) && str_is(decoded, name) &&
            decode_query_part(req, value, &decoded))
            return decoded;
    }
    return (str){NULL, 0};
}

static struct sockaddr_storage peer_of(const http_request *req)
{
    struct sockaddr_storage peer = {0};
    memcpy(&peer, &req->conn->peer, sizeof req->conn->peer);
    return peer;
}

const char *http_peer(const http_request *req)
{
    http_request *cache = (http_request *)req;
    if (!req->peer[0]) {
        struct sockaddr_storage peer = peer_of(req);
        sock_name(&peer, cache->peer);
    }
    return req->peer;
}

bool http_peer_is_local(const http_request *req)
{
    struct sockaddr_storage peer = peer_of(req);
    return sock_is_local(&peer);
}

int64_t http_body_length(const http_request *req)
{
    return req->head.framing == H1_CHUNKED ? -1 : (int64_t)req->head.length;
}

/* --- what belongs to it --- */

arena *http_arena(http_request *req)
{
    if (!req->arena)
        req->arena = arena_new(req->server->limits.arena_bytes);
    return req->arena;
}

void http_set_user(http_request *req, void *user)
{
    req->user = user;
}

void *http_user(const http_request *req)
{
    return req->user;
}

http_server *http_request_server(const http_request *req)
{
    return req->server;
}

loop *http_request_loop(const http_request *req)
{
    return req->server->l;
}

void http_on_gone(http_request *req, loop_fn *fn, void *arg)
{
    assert(loop_is_here(req->server->l));
    req->gone = fn;
    req->gone_arg = arg;
}

void http_on_room(http_request *req, loop_fn *fn, void *arg)
{
    req->room = fn;
    req->room_arg = arg;
}

/* --- taking the body --- */

static void take_body(http_request *req, uint64_t max_bytes, enum body_use use, void *arg)
{
    assert(loop_is_here(req->server->l) && req->body_use == BODY_UNUSED);
    req->body_use = use;
    req->body_max = max_bytes;
    req->body_arg = arg;
    if (req->head.framing != H1_LENGTH || req->head.length <= max_bytes)
        conn_send_continue(req->conn);
    conn_touch(req->conn);
}

void http_read_all(http_request *req, size_t max_bytes, http_body_fn *fn, void *arg)
{
    req->body_fn = fn;
    req->body = buf_new(max_bytes);
    take_body(req, max_bytes, BODY_WHOLE, arg);
}

void http_read_stream(http_request *req, uint64_t max_bytes, const http_sink *sink, void *arg)
{
    req->sink = *sink;
    take_body(req, max_bytes, BODY_STREAM, arg);
}

static void refuse_size(http_request *req)
{
    char message[100];
    snprintf(message, sizeof message, "the request body is larger than %llu bytes",
             (unsigned long long)req->body_max);
    request_refuse(req, 413, message);
}

bool request_body_too_large(http_request *req)
{
    if (req->conn->body.framing != H1_LENGTH || req->head.length <= req->body_max)
        return false;
    refuse_size(req);
    return true;
}

void http_body_resume(http_request *req)
{
    req->body_paused = false;
    conn_touch(req->conn);
}

void request_body_bytes(http_request *req, str bytes)
{
    req->bytes_in += bytes.n;
    if (req->bytes_in > req->body_max) {
        refuse_size(req);
        return;
    }
    if (req->body_use == BODY_STREAM) {
        conn *c = req->conn;
        enum http_flow flow = req->sink.bytes(req, bytes, req->body_arg);
        if (c->req == req && flow == HTTP_FULL)
            req->body_paused = true;
        return;
    }
    if (req->body.n == 0 && req->head.framing == H1_LENGTH && req->head.length <= BODY_AT_ONCE)
        buf_room(&req->body, (size_t)req->head.length); /* at once, without doubling */
    buf_add(&req->body, bytes.p, bytes.n);
    if (req->body.full)
        request_refuse(req, 503, "out of memory for the request body");
}

void request_body_end(http_request *req)
{
    req->body_ended = true;
    if (req->body_use == BODY_STREAM)
        req->sink.end(req, req->body_arg);
    else
        req->body_fn(req, buf_view(&req->body), req->body_arg);
}
