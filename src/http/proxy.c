/* The client's request and one upstream, tied together: each side's FULL pauses the other.
 * A proxying ends in exactly one place: give_back() (no reply head came), finish() (the request is
 * over), or on_client_gone(). */
#include "http/proxy.h"

#include "base/memory.h"
#include "http/conn.h"
#include "http/upstream.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    CONNECT_MS = 5000,
    MAX_HEAD_OUT = 32 * 1024,
    BODY_PIECE = 64 * 1024,
};

struct proxy {
    http_request *req;
    upstream *up;
    void (*head)(http_request *req, const h1_head *head, void *arg);
    void (*failed)(http_request *req, const http_proxy_failure *failure, void *arg);
    void (*done)(bool complete, void *arg);
    void *arg;
    uint64_t max_body;
    bool streams; /* the client's unread body */
    str body;     /* else this one: what is left to send of it */
};

/* --- the request's head --- */

static const http_pair *find_pair(const http_pair *pairs, str name)
{
    for (; pairs && pairs->name; pairs++)
        if (h1_equal_fold(str_of(pairs->name), name))
            return pairs;
    return NULL;
}

static void put_header(buf *out, str name, str value)
{
    buf_str(out, name);
    buf_str(out, STR(": "));
    size_t from = out->n;
    buf_str(out, value);
    for (size_t i = from; i < out->n; i++) /* pairs are made from variables */
        if (out->p[i] == '\r' || out->p[i] == '\n' || out->p[i] == '\0')
            out->p[i] = ' ';
    buf_str(out, STR("\r\n"));
}

static bool is_made_anew(const h1_head *head, str name)
{
    static const str names[] = {STR("host"),
                                STR("content-length"),
                                STR("transfer-encoding"),
                                STR("expect"),
                                STR("x-forwarded-for"),
                                STR("x-forwarded-host"),
                                STR("x-forwarded-proto")};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (h1_equal_fold(name, names[i]))
            return true;
    return h1_is_hop_by_hop(head, name);
}

/* A front proxy on this machine is believed; what a client from elsewhere says is dropped. */
static void put_forwarded(buf *out, const http_request *req)
{
    bool trusted = http_peer_is_local(req);
    str before = trusted ? http_request_header(req, "x-forwarded-for") : (str){0};
    str host = trusted ? http_request_header(req, "x-forwarded-host") : (str){0};
    str scheme = trusted ? http_request_header(req, "x-forwarded-proto") : (str){0};
    str peer = str_of(http_peer(req));
    const char *colon = memrchr(peer.p, ':', peer.n);
    if (colon)
        peer.n = (size_t)(colon - peer.p);
    buf_str(out, STR("X-Forwarded-For: "));
    if (before.n > 0) {
        buf_str(out, before);
        buf_str(out, STR(", "));
    }
    buf_str(out, peer);
    buf_str(out, STR("\r\n"));
    put_header(out, STR("X-Forwarded-Host"), host.n ? host : http_host(req));
    put_header(out, STR("X-Forwarded-Proto"), scheme.n ? scheme : STR("http"));
}

/* What replaces the client's framing. */
static void put_framing(buf *out, const struct proxy *p)
{
    const h1_head *head = &p->req->head;
    uint64_t length = p->streams ? head->length : p->body.n;
    bool plain = str_is(head->method, "GET") || str_is(head->method, "HEAD");
    if (p->streams && head->framing == H1_CHUNKED)
        buf_str(out, STR("Transfer-Encoding: chunked\r\n"));
    else if (length > 0 || !plain)
        buf_printf(out, "Content-Length: %llu\r\n", (unsigned long long)length);
    if (head->upgrade && p->streams) {
        buf_str(out, STR("Connection: upgrade\r\n"));
        put_header(out, STR("Upgrade"), h1_find(head, "upgrade"));
    }
}

static void make_head(buf *out, const struct proxy *p, const http_proxy_options *options)
{
    const http_request *req = p->req;
    buf_str(out, options->method ? str_of(options->method) : http_method(req));
    buf_byte(out, ' ');
    buf_str(out, options->target ? str_of(options->target) : http_target(req));
    buf_str(out, STR(" HTTP/1.1\r\n"));
    if (!find_pair(options->headers, STR("host")))
        put_header(out, STR("Host"), http_host(req));
    for (int i = 0; i < req->head.n_headers; i++) {
        const h1_header *h = &req->head.headers[i];
        if (!is_made_anew(&req->head, h->name) && !find_pair(options->headers, h->name))
            put_header(out, h->name, h->value);
    }
    for (const http_pair *pair = options->headers; pair && pair->name; pair++)
        if (pair->value)
            put_header(out, str_of(pair->name), str_of(pair->value));
    put_forwarded(out, req);
    put_framing(out, p);
    buf_str(out, STR("\r\n"));
}

/* --- the request's body --- */

/* Sends on of the given body until the upstream is full. */
static void send_body(struct proxy *p)
{
    while (p->body.n > 0) {
        size_t n = p->body.n < BODY_PIECE ? p->body.n : BODY_PIECE;
        struct iovec part = {(void *)p->body.p, n};
        p->body = str_skip(p->body, n);
        if (upstream_send(p->up, &part, 1) == HTTP_FULL)
            return;
    }
}

static enum http_flow on_client_bytes(http_request *req, str bytes, void *arg)
{
    struct proxy *p = arg;
    char size[24];
    bool chunked = req->head.framing == H1_CHUNKED && req->conn->body.framing == H1_CHUNKED;
    int n_size = chunked ? snprintf(size, sizeof size, "%zx\r\n", bytes.n) : 0;
    struct iovec parts[] = {
        {size, (size_t)n_size}, {(void *)bytes.p, bytes.n}, {(void *)"\r\n", chunked ? 2 : 0}};
    return upstream_send(p->up, parts, 3);
}

static void on_client_body_end(http_request *req, void *arg)
{
    struct proxy *p = arg;
    if (req->head.framing == H1_CHUNKED)
        upstream_send(p->up, &(struct iovec){(void *)"0\r\n\r\n", 5}, 1);
}

static const http_sink client_body = {on_client_bytes, on_client_body_end};

/* --- how it ends --- */

static void on_client_gone(void *arg)
{
    struct proxy *p = arg;
    upstream_close(p->up); /* this is how the upstream learns it */
    if (p->done)
        p->done(false, p->arg);
    free(p);
}

static void finish(struct proxy *p, bool complete)
{
    const http_request *req = p->req;
    bool sent = p->streams ? req->body_ended || req->head.framing == H1_NO_BODY : p->body.n == 0;
    if (complete && sent)
        upstream_leave(p->up);
    else
        upstream_close(p->up);
    if (complete)
        http_end(p->req);
    else
        http_abort(p->req);
    if (p->done)
        p->done(complete, p->arg);
    free(p);
}

/* The request goes back to the caller, as unread as possible. */
static void give_back(struct proxy *p, const error *e)
{
    http_request *req = p->req;
    http_proxy_failure failure = {.error = *e, .sent = upstream_has_sent(p->up)};
    if (p->streams && req->body_use == BODY_STREAM) {
        failure.body_taken = req->bytes_in > 0 || req->body_ended;
        if (failure.body_taken)
            req->body_ended = true; /* there is nobody to give the rest to */
        else
            req->body_use = BODY_UNUSED;
        req->body_paused = false;
    }
    http_on_gone(req, NULL, NULL);
    http_on_room(req, NULL, NULL);
    upstream_close(p->up);
    p->failed(req, &failure, p->arg);
    free(p);
}

/* --- the reply --- */

static void on_connected(void *owner)
{
    struct proxy *p = owner;
    if (p->streams && p->req->head.framing != H1_NO_BODY)
        http_read_stream(p->req, p->max_body, &client_body, p);
}

static void start_tunnel(struct proxy *p, const h1_head *head)
{
    str upgrade = h1_find(head, "upgrade");
    reply_header_default(p->req, STR("Upgrade"), upgrade);
    upstream_tunnel(p->up);
    http_begin(p->req, 101, NULL);
    conn_tunnel(p->req, &client_body, p);
}

static void on_head(void *owner, const h1_head *head)
{
    struct proxy *p = owner;
    http_request *req = p->req;
    if (p->head)
        p->head(req, head, p->arg);
    for (int i = 0; i < head->n_headers; i++) {
        str name = head->headers[i].name;
        if (!h1_is_hop_by_hop(head, name) && !h1_equal_fold(name, STR("content-length")) &&
            !h1_equal_fold(name, STR("date")))
            reply_header_default(req, name, head->headers[i].value);
    }
    if (head->status == 101) {
        start_tunnel(p, head);
        return;
    }
    bool no_body = head->framing == H1_NO_BODY;
    bool known = head->framing == H1_LENGTH || (no_body && h1_find(head, "content-length").p);
    http_begin_sized(req, head->status, NULL, known ? head->length : HTTP_UNKNOWN_LENGTH);
}

static enum http_flow on_bytes(void *owner, str bytes)
{
    struct proxy *p = owner;
    return http_send(p->req, bytes.p, bytes.n);
}

static void on_end(void *owner)
{
    finish(owner, true);
}

static void on_failed(void *owner, const error *e)
{
    struct proxy *p = owner;
    if (http_is_begun(p->req))
        finish(p, false);
    else
        give_back(p, e);
}

static void on_upstream_room(void *owner)
{
    struct proxy *p = owner;
    if (p->streams)
        http_body_resume(p->req);
    else
        send_body(p);
}

static void on_client_room(void *arg)
{
    struct proxy *p = arg;
    upstream_resume(p->up);
}

static const upstream_events events = {on_connected, on_head,          on_bytes,
                                       on_end,       on_upstream_room, on_failed};

static void start(http_request *req, bool streams, str body, const http_proxy_options *options)
{
    assert(options->failed && req->reply == REPLY_NONE);
    struct proxy *p = xcalloc(1, sizeof *p);
    p->req = req;
    p->head = options->head;
    p->failed = options->failed;
    p->done = options->done;
    p->arg = options->arg;
    p->max_body = options->max_body ? options->max_body : UINT64_MAX;
    p->streams = streams;
    p->body = body;
    upstream_options to = {
        .address = options->address,
        .method = options->method ? str_of(options->method) : http_method(req),
        .connect_ms = options->connect_ms ? options->connect_ms : CONNECT_MS,
        .reply_ms = options->reply_ms,
        .pool = options->keeps ? server_upstreams(req->server) : NULL,
    };
    p->up = upstream_open(req->server->l, &to, &events, p);
    own_buf buf head = buf_new(MAX_HEAD_OUT);
    make_head(&head, p, options);
    http_on_gone(req, on_client_gone, p);
    http_on_room(req, on_client_room, p);
    size_t n = body.n < BODY_PIECE ? body.n : BODY_PIECE; /* head and a small body in one write */
    struct iovec parts[] = {{head.p, head.n}, {(void *)body.p, n}};
    p->body = str_skip(body, n);
    if (upstream_send(p->up, parts, n > 0 ? 2 : 1) == HTTP_ROOM)
        send_body(p);
}

void http_proxy(http_request *req, const http_proxy_options *options)
{
    start(req, true, (str){NULL, 0}, options);
}

void http_proxy_body(http_request *req, str body, const http_proxy_options *options)
{
    start(req, false, body, options);
}
