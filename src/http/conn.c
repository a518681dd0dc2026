/* The state machine of one server connection.
 *
 * bytes arrive -> feed(): head -> request -> router -> handler; body -> whoever takes it; what
 * nobody can use yet waits in `held` -> settle(): what to read next, which deadline runs, whether
 * the connection ends. */
#include "http/conn.h"

#include "base/clock.h"
#include "base/memory.h"

#include <assert.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

static void conn_settle(conn *c);

static void set_working(conn *c, bool working)
{
    if (c->working == working)
        return;
    c->working = working;
    c->server->n_working += working ? 1 : -1;
    server_worked(c->server);
}

static void conn_free(conn *c)
{
    http_server *s = c->server;
    assert(!c->req);
    sock_close(&c->sock);
    event_del(&c->timer);
    later_clear(&c->touch);
    set_working(c, false);
    buf_release(&c->held);
    if (c->previous)
        c->previous->next = c->next;
    else
        s->conns = c->next;
    if (c->next)
        c->next->previous = c->previous;
    free(c);
    server_conn_closed(s);
}

/* --- what comes in --- */

/* An error reply to something that is no request. */
static void refuse_head(conn *c, int status, const char *what)
{
    h1_error e;
    c->body = (struct body_in){.done = true};
    c->req = request_new(c, (str){NULL, 0}, &e);
    http_error(c->req, status, "%s", what);
}

static void answer_options(http_request *req, const router_path *path)
{
    char allow[ROUTER_ALLOW];
    router_allow(req->server->routes, path, allow);
    http_header(req, "Allow", allow);
    http_reply(req, 204, NULL, NULL, 0);
}

static void dispatch(http_request *req)
{
    http_server *s = req->server;
    if (s->options.before && !s->options.before(req, s->options.app))
        return;
    router_path path;
    router_split(req->head.path, req->decoded, &path);
    router_find(s->routes, req->head.method, &path, &req->match);
    if (req->match.handler) {
        req->match.handler(req, req->match.app);
    } else if (!req->match.path_exists && !str_is(req->head.path, "*")) {
        http_error(req, 404, "no such path");
    } else if (str_is(req->head.method, "OPTIONS")) {
        answer_options(req, &path);
    } else {
        char allow[ROUTER_ALLOW];
        router_allow(s->routes, &path, allow);
        http_header(req, "Allow", allow);
        http_error(req, 405, "method %.*s is not allowed here", (int)req->head.method.n,
                   req->head.method.p);
    }
}

static void start_body(conn *c, const h1_head *head)
{
    c->body = (struct body_in){
        .framing = head->framing, .left = head->length, .done = head->framing == H1_NO_BODY};
    c->body_bytes = 0;
}

/* Starts a request when its head is complete. False: nothing could be used. */
static bool feed_head(conn *c, str rest, size_t *used)
{
    *used = h1_blank(rest);
    if (*used > 0)
        return true;
    size_t seen = c->seen;
    size_t n = h1_head_end(rest, &c->seen);
    if (n > H1_MAX_HEAD || (n == 0 && rest.n >= H1_MAX_HEAD)) {
        refuse_head(c, 431, "the request head is larger than 16 KiB");
        return false;
    }
    if (n == 0) {
        if (!h1_head_possible(rest, seen))
            refuse_head(c, 400, "this is not an HTTP request");
        return false;
    }
    h1_error e;
    c->seen = 0;
    *used = n;
    c->req = request_new(c, (str){rest.p, n}, &e);
    if (!c->req) {
        refuse_head(c, e.status, e.what);
        return false;
    }
    start_body(c, &c->req->head);
    dispatch(c->req);
    return true;
}

/* Next piece of the body. False: malformed. */
static bool next_piece(struct body_in *b, str rest, size_t *used, str *data)
{
    *used = 0;
    *data = (str){NULL, 0};
    if (b->framing == H1_CHUNKED) {
        enum h1_result result = h1_chunks_next(&b->chunks, rest, used, data);
        b->done = result == H1_DONE;
        return result != H1_BAD;
    }
    size_t n = b->framing == H1_LENGTH && b->left < rest.n ? (size_t)b->left : rest.n;
    *data = (str){rest.p, n};
    *used = n;
    if (b->framing == H1_LENGTH) {
        b->left -= n;
        b->done = b->left == 0;
    }
    return true;
}

/* Gives body bytes to the request that takes them, or drops those of one that is over. */
static bool feed_body(conn *c, str rest, size_t *used)
{
    http_request *req = c->req;
    *used = 0;
    if (req && (req->body_use == BODY_UNUSED || req->body_paused || req->body_ended))
        return false;
    if (req && request_body_too_large(req))
        return false;
    if (!c->body.done) {
        str data;
        if (!next_piece(&c->body, rest, used, &data)) {
            if (req)
                request_refuse(req, 400, "malformed chunked body");
            else
                c->state = CONN_FLUSHING;
            return false;
        }
        c->body_bytes += data.n;
        if (req && data.n > 0)
            request_body_bytes(req, data);
        return *used > 0 || c->body.done;
    }
    if (req)
        request_body_end(req);
    return true;
}

/* Uses as many of the bytes as it can; returns how many. */
static size_t feed(conn *c, str bytes)
{
    size_t at = 0, used;
    bool more = true;
    while (more && c->state == CONN_OPEN) {
        str rest = str_skip(bytes, at);
        if (!c->req && c->body.done)
            more = rest.n > 0 && feed_head(c, rest, &used);
        else
            more = feed_body(c, rest, &used);
        at += more ? used : 0;
    }
    return at;
}

static void feed_held(conn *c)
{
    size_t used = feed(c, buf_view(&c->held));
    if (used == c->held.n || c->state != CONN_OPEN) {
        buf_release(&c->held);
    } else if (used > 0) {
        memmove(c->held.p, c->held.p + used, c->held.n - used);
        c->held.n -= used;
    }
}

static void on_bytes(void *owner, str bytes)
{
    conn *c = owner;
    c->busy = true;
    if (c->state == CONN_LINGERING) {
        c->lingered += bytes.n;
        if (c->lingered > LINGER_AT_MOST)
            c->state = CONN_DEAD;
    } else if (c->held.n > 0) {
        buf_add(&c->held, bytes.p, bytes.n);
        if (c->held.full)
            conn_cut(c); /* out of memory: what is lost cannot be repaired */
        else
            feed_held(c);
    } else {
        size_t used = feed(c, bytes);
        if (c->state == CONN_OPEN)
            buf_add(&c->held, bytes.p + used, bytes.n - used);
    }
    c->busy = false;
    conn_settle(c);
}

/* --- what goes out, and how it ends --- */

static void on_room(void *owner)
{
    conn *c = owner;
    http_request *req = c->req;
    c->busy = true;
    if (req && req->full) {
        req->full = false;
        if (req->room)
            req->room(req->room_arg);
    }
    c->busy = false;
    conn_settle(c);
}

/* The request ends because the connection does. */
static void lose_request(conn *c)
{
    http_request *req = c->req;
    if (!req)
        return;
    loop_fn *gone = req->gone;
    void *arg = req->gone_arg;
    req->gone = NULL;
    req->reply = REPLY_ENDED; /* whoever still answers it trips an assertion */
    if (gone)
        gone(arg);
    request_finish(req, 499, false);
}

void conn_cut(conn *c)
{
    bool busy = c->busy;
    c->busy = true;
    c->state = CONN_DEAD;
    lose_request(c);
    c->busy = busy;
    if (!busy)
        conn_settle(c);
}

static void on_closed(void *owner, enum sock_end end)
{
    conn *c = owner;
    bool half =
        end != SOCK_ERROR && c->state != CONN_LINGERING && !c->req && sock_pending(&c->sock) > 0;
    c->peer_left = true;
    c->busy = true;
    if (half) {
        c->state = CONN_FLUSHING; /* it may still read the reply that is on its way */
    } else {
        c->state = CONN_DEAD;
        lose_request(c);
    }
    c->busy = false;
    conn_settle(c);
}

static const sock_events events = {on_bytes, on_room, on_closed};

static void run_touch(void *arg)
{
    conn *c = arg;
    c->busy = true;
    if (c->state == CONN_OPEN)
        feed_held(c);
    c->busy = false;
    conn_settle(c);
}

void conn_touch(conn *c)
{
    if (!c->busy)
        later_set(&c->touch);
}

bool conn_is_idle(const conn *c)
{
    return c->state == CONN_OPEN && !c->req && c->held.n == 0 && sock_pending(&c->sock) == 0;
}

void conn_send_continue(conn *c)
{
    static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
    if (c->req->head.expect_continue && !c->body.done)
        sock_write(&c->sock, &(struct iovec){(char *)text, sizeof text - 1}, 1);
    c->req->head.expect_continue = false;
}

void conn_tunnel(http_request *req, const http_sink *sink, void *arg)
{
    req->conn->body = (struct body_in){.framing = H1_UNTIL_CLOSE};
    req->body_use = BODY_STREAM;
    req->body_max = UINT64_MAX;
    req->body_paused = req->body_ended = false;
    req->sink = *sink;
    req->body_arg = arg;
    conn_touch(req->conn);
}

/* --- deadlines --- */

static enum deadline wanted_deadline(const conn *c)
{
    const http_request *req = c->req;
    if (c->state == CONN_LINGERING)
        return DEADLINE_LINGER;
    if (sock_pending(&c->sock) > 0 || (req && req->full))
        return DEADLINE_WRITE; /* the client has to take something first */
    if (!req && c->body.done)
        return c->held.n > 0 ? DEADLINE_HEAD : DEADLINE_IDLE;
    bool takes = !req || (req->body_use != BODY_UNUSED && !req->body_paused);
    return takes && !c->body.done && c->body.framing != H1_UNTIL_CLOSE ? DEADLINE_BODY
                                                                       : DEADLINE_NONE;
}

static uint64_t deadline_mark(const conn *c, enum deadline deadline)
{
    return deadline == DEADLINE_WRITE  ? c->sock.written
           : deadline == DEADLINE_IDLE ? c->n_requests
           : deadline == DEADLINE_HEAD ? c->n_requests
                                       : 0;
}

static int deadline_ms(const conn *c, enum deadline deadline)
{
    const http_limits *limits = &c->server->limits;
    const int ms[] = {
        [DEADLINE_IDLE] = limits->idle_ms,     [DEADLINE_HEAD] = limits->head_ms,
        [DEADLINE_BODY] = limits->body_ms,     [DEADLINE_WRITE] = limits->write_ms,
        [DEADLINE_LINGER] = limits->linger_ms,
    };
    return ms[deadline];
}

/* Has the event fire at the deadline or before: one that moved is found out when it fires. */
static void arm(conn *c, int64_t now_us)
{
    if (c->armed_us && c->armed_us <= c->deadline_us)
        return;
    int64_t left_us = c->deadline_us > now_us ? c->deadline_us - now_us : 0;
    struct timeval left = {left_us / 1000000, left_us % 1000000};
    event_add(&c->timer, &left);
    c->armed_us = c->deadline_us;
}

static void set_deadline(conn *c)
{
    enum deadline wanted = wanted_deadline(c);
    uint64_t mark = deadline_mark(c, wanted);
    if (wanted == c->deadline && mark == c->deadline_mark)
        return;
    c->deadline = wanted;
    c->deadline_mark = mark;
    if (wanted == DEADLINE_NONE)
        return;
    int64_t now_us = clock_us();
    c->deadline_us = now_us + deadline_ms(c, wanted) * INT64_C(1000);
    if (wanted == DEADLINE_BODY)
        c->body_bytes = 0;
    arm(c, now_us);
}

static void expire_body(conn *c)
{
    if (c->body_bytes >= (uint64_t)c->server->limits.body_min_bytes)
        return; /* fast enough */
    if (c->req)
        request_refuse(c->req, 408, "the request body came too slowly");
    else
        c->state = CONN_FLUSHING;
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    conn *c = arg;
    int64_t now_us = clock_us();
    enum deadline expired = c->deadline;
    c->armed_us = 0;
    if (expired == DEADLINE_NONE)
        return;
    if (now_us < c->deadline_us) {
        arm(c, now_us);
        return;
    }
    c->deadline = DEADLINE_NONE; /* conn_settle() starts the next span where there is one */
    c->busy = true;
    if (expired == DEADLINE_HEAD)
        refuse_head(c, 408, "the request head did not arrive in time");
    else if (expired == DEADLINE_BODY)
        expire_body(c);
    else if (expired == DEADLINE_IDLE)
        c->state = CONN_FLUSHING;
    else if (expired == DEADLINE_LINGER || c->sock.written == c->deadline_mark)
        conn_cut(c);
    c->busy = false;
    conn_settle(c);
}

/* --- the end of every turn --- */

/* Whether more bytes are of use now. While a request is being answered the next one waits in the
 * kernel; that the client leaves is noticed without reading. */
static bool wants_bytes(const conn *c)
{
    const http_request *req = c->req;
    if (c->state != CONN_OPEN)
        return c->state == CONN_LINGERING;
    if (!req)
        return true;
    return req->body_use != BODY_UNUSED && !req->body_paused && !c->body.done;
}

/* Says that no more comes and reads on for a while: closing with unread bytes would reset the
 * connection and could take the reply with it. */
static void start_lingering(conn *c)
{
    sock_shut(&c->sock);
    c->state = c->peer_left ? CONN_DEAD : CONN_LINGERING;
    buf_release(&c->held);
}

static void conn_settle(conn *c)
{
    if (c->state == CONN_OPEN && c->server->draining && conn_is_idle(c) && c->body.done)
        c->state = CONN_FLUSHING;
    if (c->state == CONN_FLUSHING) {
        sock_flush(&c->sock);
        if (sock_pending(&c->sock) == 0)
            start_lingering(c);
    }
    if (c->state == CONN_DEAD) {
        conn_free(c);
        return;
    }
    if (c->state == CONN_LINGERING)
        set_working(c, false);
    if (wants_bytes(c))
        sock_resume(&c->sock);
    else
        sock_pause(&c->sock);
    set_deadline(c);
}

void conn_open(http_server *s, int fd, const struct sockaddr_storage *peer)
{
    conn *c = xcalloc(1, sizeof *c);
    c->server = s;
    c->body.done = true;
    c->held = buf_new(HELD_MAX);
    memcpy(&c->peer, peer, sizeof c->peer);
    sock_open(&c->sock, s->l, fd, &events, c);
    c->sock.watch_leaving = true;
    later_init(&c->touch, s->l, run_touch, c);
    event_assign(&c->timer, loop_base(s->l), -1, 0, on_deadline, c);
    c->next = s->conns;
    if (c->next)
        c->next->previous = c;
    s->conns = c;
    set_working(c, true);
    conn_settle(c);
}
