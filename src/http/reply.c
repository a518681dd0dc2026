/* Replies: headers, heads, bodies whole or in pieces, errors, server-sent events. */
#include "base/json.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "http/conn.h"
#include "http/h1_chars.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <time.h>

enum {
    MAX_MESSAGE = 1000,
    WRITE_THROUGH = 4096, /* pieces from this size on go to the kernel without being copied */
};

/* --- headers --- */

/* The line of a header in req->headers, its length in *n; NULL when it is not set. */
static char *find_line(http_request *req, str name, size_t *n)
{
    str all = buf_view(&req->headers);
    while (all.n > 0) {
        const char *end = memchr(all.p, '\n', all.n);
        *n = (size_t)(end - all.p) + 1;
        if (*n > name.n && all.p[name.n] == ':' && h1_equal_fold((str){all.p, name.n}, name))
            return (char *)all.p;
        all = str_skip(all, *n);
    }
    return NULL;
}

static void remove_header(http_request *req, str name)
{
    size_t n;
    char *line = find_line(req, name, &n);
    if (!line)
        return;
    char *end = req->headers.p + req->headers.n;
    memmove(line, line + n, (size_t)(end - line) - n);
    req->headers.n -= n;
}

static void add_header(http_request *req, str name, str value)
{
    buf *h = &req->headers;
    for (size_t i = 0; i < name.n; i++)
        assert(h1_is_token_char(name.p[i]));
    char *p = buf_room(h, name.n + value.n + 4);
    if (!p)
        return;
    memcpy(p, name.p, name.n);
    p += name.n;
    *p++ = ':';
    *p++ = ' ';
    for (size_t i = 0; i < value.n; i++)
        *p++ = h1_is_control(value.p[i]) ? ' ' : value.p[i];
    *p++ = '\r';
    *p = '\n';
    h->n += name.n + value.n + 4;
}

void http_header(http_request *req, const char *name, const char *value)
{
    assert(req->reply == REPLY_NONE);
    if (strcasecmp(name, "set-cookie") != 0)
        remove_header(req, str_of(name));
    if (value)
        add_header(req, str_of(name), str_of(value));
}

void http_headerf(http_request *req, const char *name, const char *format, ...)
{
    char value[2048];
    va_list args;
    va_start(args, format);
    vsnprintf(value, sizeof value, format, args);
    va_end(args);
    http_header(req, name, value);
}

void reply_header_default(http_request *req, str name, str value)
{
    size_t n;
    if (h1_equal_fold(name, STR("set-cookie")) || !find_line(req, name, &n))
        add_header(req, name, value);
}

/* --- heads --- */

static void put_number(buf *out, uint64_t value)
{
    char text[20];
    size_t at = sizeof text;
    do
        text[--at] = (char)('0' + value % 10);
    while (value /= 10);
    buf_add(out, text + at, sizeof text - at);
}

static str date_line(http_server *s)
{
    time_t now = time(NULL);
    if (now != s->date_second) {
        struct tm utc;
        gmtime_r(&now, &utc);
        strftime(s->date, sizeof s->date, "%a, %d %b %Y %H:%M:%S GMT", &utc);
        s->date_second = now;
    }
    return str_of(s->date);
}

/* Whether the connection can serve another request behind this reply. */
static bool decide_keep_alive(const http_request *req)
{
    const struct body_in *body = &req->conn->body;
    if (!req->keep_alive || req->server->draining || req->reply_framing == REPLY_RAW)
        return false;
    if (body->done || (req->body_use != BODY_UNUSED && !req->body_ended))
        return true;
    return body->framing == H1_LENGTH && body->left <= DROP_AT_MOST && !req->head.expect_continue;
}

static enum reply_framing choose_framing(const http_request *req, int status, uint64_t length)
{
    if (status == 101)
        return REPLY_RAW;
    if (status < 200 || status == 204 || status == 304 || str_is(req->head.method, "HEAD"))
        return REPLY_NOBODY;
    if (length != HTTP_UNKNOWN_LENGTH)
        return REPLY_LENGTH;
    return req->head.minor == 1 ? REPLY_CHUNKED : REPLY_RAW;
}

/* Composes the head in the server's scratch buffer. */
static str make_head(http_request *req, int status, uint64_t length)
{
    http_server *s = req->server;
    buf *out = &s->head;
    buf_clear(out);
    buf_str(out, STR("HTTP/1.1 "));
    put_number(out, (uint64_t)status);
    buf_byte(out, ' ');
    buf_puts(out, http_status_text(status));
    buf_str(out, STR("\r\nDate: "));
    buf_str(out, date_line(s));
    buf_str(out, STR("\r\n"));
    buf_str(out, buf_view(&req->headers));
    bool has_length = status >= 200 && status != 204 && status != 304;
    if (has_length && length != HTTP_UNKNOWN_LENGTH) {
        buf_str(out, STR("Content-Length: "));
        put_number(out, length);
        buf_str(out, STR("\r\n"));
    } else if (req->reply_framing == REPLY_CHUNKED) {
        buf_str(out, STR("Transfer-Encoding: chunked\r\n"));
    }
    if (status == 101)
        buf_str(out, STR("Connection: upgrade\r\n"));
    else if (!req->keep_alive)
        buf_str(out, STR("Connection: close\r\n"));
    else if (req->head.minor == 0)
        buf_str(out, STR("Connection: keep-alive\r\n"));
    buf_str(out, STR("\r\n"));
    return buf_view(out);
}

/* Decides everything about a reply and gives its head. */
static str begin(http_request *req, int status, const char *type, uint64_t length)
{
    http_server *s = req->server;
    assert(loop_is_here(s->l) && req->reply == REPLY_NONE);
    if (type)
        http_header(req, "Content-Type", type);
    if (s->options.head)
        s->options.head(req, status, s->options.app);
    req->status = status;
    req->reply = REPLY_BEGUN;
    req->reply_framing = choose_framing(req, status, length);
    req->reply_left = length;
    req->keep_alive = decide_keep_alive(req);
    return make_head(req, status, length);
}

/* --- whole replies --- */

void http_reply(http_request *req, int status, const char *type, const void *bytes, size_t n)
{
    str head = begin(req, status, type, n);
    struct iovec parts[] = {{(char *)head.p, head.n}, {(void *)bytes, n}};
    bool body = req->reply_framing != REPLY_NOBODY;
    sock_write(&req->conn->sock, parts, body && n > 0 ? 2 : 1);
    req->bytes_out = body ? n : 0;
    request_finish(req, status, req->keep_alive);
}

void http_reply_text(http_request *req, int status, const char *type, const char *text)
{
    http_reply(req, status, type, text, strlen(text));
}

static void reply_memory(http_request *req, int status, const char *type, str bytes,
                         void (*release)(const void *bytes, size_t n, void *arg), void *arg)
{
    str head = begin(req, status, type, bytes.n);
    sock *s = &req->conn->sock;
    sock_add(s, head.p, head.n);
    if (req->reply_framing == REPLY_NOBODY)
        bytes.n = 0;
    req->bytes_out = bytes.n;
    sock_add_memory(s, bytes.p, bytes.n, release, arg);
    request_finish(req, status, req->keep_alive);
}

static void free_memory(const void *bytes, size_t n, void *arg)
{
    (void)bytes;
    (void)n;
    free(arg);
}

void http_reply_buf(http_request *req, int status, const char *type, buf *body)
{
    if (body->full) {
        buf_release(body);
        http_error(req, 500, "the reply is too large");
        return;
    }
    if (body->n < WRITE_THROUGH) { /* one call of the kernel is worth more than the copy */
        http_reply(req, status, type, body->p, body->n);
        buf_release(body);
        return;
    }
    str bytes = buf_view(body);
    *body = buf_new(body->max);
    reply_memory(req, status, type, bytes, free_memory, (void *)bytes.p);
}

void http_reply_constant(http_request *req, int status, const char *type, str bytes)
{
    reply_memory(req, status, type, bytes, NULL, NULL);
}

void http_redirect(http_request *req, int status, const char *location)
{
    http_header(req, "Location", location);
    http_reply(req, status, NULL, NULL, 0);
}

/* --- errors --- */

static void write_error(http_request *req, int status, const char *code, const char *message)
{
    const http_server_options *options = &req->server->options;
    if (options->error_writer) {
        options->error_writer(req, status, code, message, options->app);
        return;
    }
    own_buf buf body = buf_new(8 * MAX_MESSAGE);
    buf_str(&body, STR("{\"error\":"));
    json_put_string(&body, str_of(message));
    buf_str(&body, STR("}"));
    http_reply(req, status, "application/json", body.p, body.n);
}

void http_error(http_request *req, int status, const char *format, ...)
{
    char message[MAX_MESSAGE];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    utf8_repair(message); /* parts of requests, and cut ones */
    write_error(req, status, http_status_code(status), message);
}

void http_fail(http_request *req, const error *e)
{
    int status = error_status(e->kind);
    write_error(req, status, e->kind == ERR_EMPTY ? "empty" : http_status_code(status), e->message);
}

/* --- replies in pieces --- */

bool http_is_begun(const http_request *req)
{
    return req->reply != REPLY_NONE;
}

void http_begin_sized(http_request *req, int status, const char *type, uint64_t length)
{
    str head = begin(req, status, type, length);
    sock_add(&req->conn->sock, head.p, head.n);
}

void http_begin(http_request *req, int status, const char *type)
{
    http_begin_sized(req, status, type, HTTP_UNKNOWN_LENGTH);
}

/* One piece with its framing; small ones are collected until the loop turns. */
static void write_piece(http_request *req, const void *bytes, size_t n)
{
    sock *s = &req->conn->sock;
    char size[24];
    bool chunked = req->reply_framing == REPLY_CHUNKED;
    int n_size = chunked ? snprintf(size, sizeof size, "%zx\r\n", n) : 0;
    if (n >= WRITE_THROUGH) {
        struct iovec parts[] = {
            {size, (size_t)n_size}, {(void *)bytes, n}, {(char *)"\r\n", chunked ? 2 : 0}};
        sock_write(s, parts, 3);
        return;
    }
    sock_add(s, size, (size_t)n_size);
    sock_add(s, bytes, n);
    if (chunked)
        sock_add(s, "\r\n", 2);
}

enum http_flow http_send(http_request *req, const void *bytes, size_t n)
{
    conn *c = req->conn;
    assert(loop_is_here(req->server->l) && req->reply == REPLY_BEGUN);
    if (req->reply_left != HTTP_UNKNOWN_LENGTH) {
        assert(n <= req->reply_left);
        req->reply_left -= n;
    }
    if (req->reply_framing == REPLY_NOBODY || n == 0)
        return HTTP_ROOM;
    req->bytes_out += n;
    write_piece(req, bytes, n);
    if (sock_pending(&c->sock) > HIGH_WATER)
        sock_flush(&c->sock);
    if (c->deadline != DEADLINE_WRITE && sock_pending(&c->sock) > 0)
        conn_touch(c);
    /* A lost client takes everything and nothing: FULL until on_gone, or a loop that sends as long
     * as there is room would never end. A fast one must not hold the loop either. */
    req->burst += n;
    if (sock_pending(&c->sock) <= HIGH_WATER && req->burst <= BURST && !c->sock.failed)
        return HTTP_ROOM;
    http_ask_room(req);
    return HTTP_FULL;
}

void http_ask_room(http_request *req)
{
    req->burst = 0;
    req->full = true;
    sock_ask_room(&req->conn->sock);
    if (req->conn->deadline != DEADLINE_WRITE)
        conn_touch(req->conn);
}

void http_end(http_request *req)
{
    assert(loop_is_here(req->server->l) && req->reply == REPLY_BEGUN);
    assert(req->reply_left == 0 || req->reply_framing != REPLY_LENGTH);
    if (req->reply_framing == REPLY_CHUNKED)
        sock_add(&req->conn->sock, "0\r\n\r\n", 5);
    request_finish(req, req->status, req->keep_alive);
}

void http_abort(http_request *req)
{
    conn *c = req->conn;
    assert(loop_is_here(req->server->l) && req->reply != REPLY_ENDED);
    struct linger reset = {1, 0}; /* or a reply until close would look complete */
    setsockopt(c->sock.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    c->state = CONN_DEAD;
    request_finish(req, 0, false);
}

/* --- server-sent events --- */

void http_sse_begin(http_request *req)
{
    http_header(req, "Cache-Control", "no-store");
    http_header(req, "X-Accel-Buffering", "no"); /* nginx in front must not collect events */
    http_begin(req, 200, "text/event-stream; charset=utf-8");
}

enum http_flow http_sse_send(http_request *req, const char *event, const char *data, size_t n)
{
    size_t n_lines = 1;
    for (size_t i = 0; i < n; i++)
        n_lines += data[i] == '\n';
    own_buf buf text = buf_new(n + 8 * n_lines + (event ? strlen(event) : 0) + 16);
    if (event)
        buf_printf(&text, "event: %s\n", event);
    str left = {data, n};
    for (size_t i = 0; i < n_lines; i++) {
        const char *end = left.n ? memchr(left.p, '\n', left.n) : NULL;
        str line = {left.p, end ? (size_t)(end - left.p) : left.n};
        left = str_skip(left, line.n + (end != NULL));
        buf_str(&text, STR("data: "));
        buf_str(&text, line);
        buf_byte(&text, '\n');
    }
    buf_byte(&text, '\n');
    return http_send(req, text.p, text.n);
}
