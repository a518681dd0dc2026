/* connect (again by a timer while the backlog is full) -> what was sent meanwhile -> reply head ->
 * body, decoded -> end. A failed write is not the end: a server that refuses a body answers before
 * it has read all of it.
 *
 * One that was left waits in its pool as it is, reading, so that it learns when the server closes
 * the connection; whoever opens the next one gets the same struct with everything else anew. */
#include "http/upstream.h"

#include "base/memory.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    CONNECT_AGAIN_MS = 10,
    SEND_HIGH_WATER = 256 * 1024,
    HELD_MOST = 2 * LOOP_SCRATCH + H1_MAX_HEAD,
    EARLY_MOST = 4 * 1024 * 1024, /* sent before the connection stands */
    IDLE_MOST = 64,
    IDLE_MS = 10000, /* servers keep idle connections longer, so that these are not cut meanwhile */
};

struct upstream {
    loop *l;
    const upstream_events *events;
    void *owner;
    char *address;
    char method[24];
    int reply_ms;
    sock_address to;
    sock sock;
    bool connected, announced, paused, full, closed, busy;
    buf early; /* sent before it was connected */
    buf held;  /* received and not used yet */
    size_t seen;
    timer *again, *deadline;
    later touch;
    error problem; /* found where calling back was not possible */

    h1_head *head; /* NULL until it is here */
    char *head_bytes;
    enum h1_framing framing;
    uint64_t left;
    h1_chunks chunks;
    bool ended;
    bool clean; /* nothing came behind the reply */

    upstream_pool *pool;
    bool idle; /* in the pool */
    upstream *next, *previous;
};

struct upstream_pool {
    upstream *first;
    int n;
};

static void try_connect(void *arg);

static void take_out(upstream *u)
{
    if (!u->idle)
        return;
    u->idle = false;
    u->pool->n--;
    if (u->previous)
        u->previous->next = u->next;
    else
        u->pool->first = u->next;
    if (u->next)
        u->next->previous = u->previous;
}

static void release(upstream *u)
{
    take_out(u);
    sock_close(&u->sock);
    timer_free(u->again);
    timer_free(u->deadline);
    later_clear(&u->touch);
    buf_release(&u->early);
    buf_release(&u->held);
    free(u->head);
    free(u->head_bytes);
    free(u->address);
    free(u);
}

void upstream_close(upstream *u)
{
    if (!u)
        return;
    u->closed = true;
    sock_close(&u->sock);
    if (!u->busy)
        release(u);
}

/* Last statement of every function that the loop calls. */
static void settle(upstream *u)
{
    u->busy = false;
    if (u->closed)
        release(u);
}

/* Forgets the last request. */
static void clear(upstream *u)
{
    free(u->head);
    free(u->head_bytes);
    buf_release(&u->held);
    timer_stop(u->deadline);
    later_clear(&u->touch);
    u->head = NULL;
    u->head_bytes = NULL;
    u->seen = 0;
    u->announced = u->paused = u->full = u->clean = false;
    u->chunks = (h1_chunks){0};
    u->sock.written = 0;
}

void upstream_leave(upstream *u)
{
    bool good = u->pool && u->ended && u->clean && u->head && u->head->keep_alive &&
                u->sock.fd >= 0 && !u->sock.failed && sock_pending(&u->sock) == 0;
    if (!good || u->pool->n == IDLE_MOST) {
        upstream_close(u);
        return;
    }
    clear(u);
    u->idle = true;
    u->previous = NULL;
    u->next = u->pool->first;
    if (u->next)
        u->next->previous = u;
    u->pool->first = u;
    u->pool->n++;
    timer_start(u->deadline, IDLE_MS);
}

upstream_pool *upstream_pool_new(void)
{
    return xcalloc(1, sizeof(upstream_pool));
}

void upstream_pool_free(upstream_pool *p)
{
    while (p && p->first)
        release(p->first);
    free(p);
}

static void give_up(upstream *u, enum error_kind kind, const char *what)
{
    if (u->closed || u->ended)
        return;
    error e = {0};
    u->ended = true;
    sock_close(&u->sock);
    fail(&e, kind, "%s: %s", u->address, what);
    u->events->failed(u->owner, &e);
}

/* --- the reply --- */

/* Takes the head off the held bytes. False: not complete, or given up. */
static bool take_head(upstream *u)
{
    str held = buf_view(&u->held);
    size_t n = h1_head_end(held, &u->seen);
    if (n == 0 || n > H1_MAX_HEAD) {
        if (n > 0 || held.n >= H1_MAX_HEAD)
            give_up(u, ERR_BAD_GATEWAY, "its reply head is larger than 16 KiB");
        return false;
    }
    free(u->head_bytes);
    u->head_bytes = xmalloc(n);
    memcpy(u->head_bytes, held.p, n);
    memmove(u->held.p, u->held.p + n, held.n - n);
    u->held.n -= n;
    u->seen = 0;
    h1_head *head = xmalloc(sizeof *head);
    h1_error e;
    if (!h1_parse_reply((str){u->head_bytes, n}, str_of(u->method), head, &e)) {
        free(head);
        give_up(u, ERR_BAD_GATEWAY, e.what);
        return false;
    }
    if (head->status < 200 && head->status != 101) { /* 100 Continue and its like */
        free(head);
        return true;
    }
    timer_stop(u->deadline);
    u->head = head;
    u->framing = head->framing;
    u->left = head->length;
    u->events->head(u->owner, head);
    return true;
}

/* left: bytes that came and are no part of the reply. */
static void finish(upstream *u, size_t left)
{
    u->ended = true;
    u->clean = left == 0;
    if (!u->pool)
        sock_close(&u->sock);
    u->events->end(u->owner);
}

/* Gives body bytes on; returns how many were used. */
static size_t take_body(upstream *u, str bytes)
{
    size_t at = 0;
    while (!u->closed && !u->ended && !u->paused) {
        str data = str_skip(bytes, at);
        bool done = u->framing == H1_NO_BODY;
        if (u->framing == H1_CHUNKED) {
            enum h1_result result = h1_chunks_next(&u->chunks, bytes, &at, &data);
            if (result == H1_BAD) {
                give_up(u, ERR_BAD_GATEWAY, "malformed chunked body");
                return at;
            }
            done = result == H1_DONE;
        } else if (!done) {
            if (u->framing == H1_LENGTH && data.n > u->left)
                data.n = (size_t)u->left;
            at += data.n;
            u->left -= u->framing == H1_LENGTH ? data.n : 0;
            done = u->framing == H1_LENGTH && u->left == 0;
        }
        bool some = data.n > 0 && u->framing != H1_NO_BODY;
        if (some && u->events->bytes(u->owner, data) == HTTP_FULL)
            u->paused = !u->closed;
        if (done && !u->closed)
            finish(u, bytes.n - at);
        else if (!some)
            break;
    }
    return at;
}

static void use_held(upstream *u)
{
    while (!u->head && !u->closed && !u->ended && u->held.n > 0)
        if (!take_head(u))
            return;
    if (!u->head || u->closed || u->ended)
        return;
    size_t used = take_body(u, buf_view(&u->held));
    if (u->idle || used == u->held.n) {
        buf_release(&u->held);
    } else {
        memmove(u->held.p, u->held.p + used, u->held.n - used);
        u->held.n -= used;
    }
}

static void on_bytes(void *owner, str bytes)
{
    upstream *u = owner;
    if (u->idle) { /* nothing was asked */
        release(u);
        return;
    }
    u->busy = true;
    if (u->head && u->held.n == 0) {
        size_t used = take_body(u, bytes);
        bytes = str_skip(bytes, used);
    }
    if (!u->closed && !u->ended && bytes.n > 0) {
        buf_add(&u->held, bytes.p, bytes.n);
        if (u->held.full)
            give_up(u, ERR_BAD_GATEWAY, "out of memory for its reply");
        else if (!u->paused)
            use_held(u);
    }
    if (u->paused && !u->closed && !u->ended)
        sock_pause(&u->sock);
    settle(u);
}

static void announce(upstream *u)
{
    u->announced = true;
    timer_stop(u->deadline);
    if (u->reply_ms)
        timer_start(u->deadline, u->reply_ms);
    sock_resume(&u->sock);
    if (u->full)
        sock_ask_room(&u->sock);
    u->events->connected(u->owner);
}

static void on_room(void *owner)
{
    upstream *u = owner;
    if (u->idle)
        return;
    u->busy = true;
    if (!u->connected) {
        u->connected = true;
        sock_write(&u->sock, &(struct iovec){u->early.p, u->early.n}, 1);
        buf_release(&u->early);
        announce(u);
    } else if (u->full) {
        u->full = false;
        u->events->room(u->owner);
    }
    settle(u);
}

static void on_closed(void *owner, enum sock_end end)
{
    upstream *u = owner;
    if (u->idle) {
        release(u);
        return;
    }
    u->busy = true;
    if (!u->connected)
        give_up(u, ERR_UNAVAILABLE, "cannot connect");
    else if (u->head && u->framing == H1_UNTIL_CLOSE && end == SOCK_END)
        finish(u, 1);
    else
        give_up(u, ERR_BAD_GATEWAY,
                u->head ? "it closed the connection within its reply"
                        : "it closed the connection before it replied");
    settle(u);
}

static const sock_events socket_events = {on_bytes, on_room, on_closed};

/* --- connecting --- */

static void on_deadline(void *arg)
{
    upstream *u = arg;
    if (u->idle) {
        release(u);
        return;
    }
    u->busy = true;
    if (u->connected)
        give_up(u, ERR_TIMEOUT, "it did not reply in time");
    else
        give_up(u, ERR_UNAVAILABLE, "it takes no connection");
    settle(u);
}

static void run_touch(void *arg)
{
    upstream *u = arg;
    u->busy = true;
    if (u->problem.kind != ERR_NONE && !u->ended) {
        u->ended = true;
        u->events->failed(u->owner, &u->problem);
    } else if (u->connected && !u->announced) {
        announce(u);
    } else if (u->connected && !u->ended && !u->paused) {
        use_held(u);
        if (!u->closed && !u->ended && !u->paused)
            sock_resume(&u->sock);
    }
    settle(u);
}

static void try_connect(void *arg)
{
    upstream *u = arg;
    const struct sockaddr *to = (const struct sockaddr *)&u->to.storage;
    int fd = socket(to->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int result = fd < 0 ? -1 : connect(fd, to, u->to.size);
    if (result == 0) {
        sock_open(&u->sock, u->l, fd, &socket_events, u);
        u->sock.swallow_errors = true;
        u->connected = true; /* what is sent goes out at once */
        later_set(&u->touch);
    } else if (fd >= 0 && errno == EINPROGRESS) {
        sock_open_connecting(&u->sock, u->l, fd, &socket_events, u);
        u->sock.swallow_errors = true;
    } else if (fd >= 0 && errno == EAGAIN) { /* the backlog is full; nothing tells when it is not */
        close(fd);
        timer_start(u->again, CONNECT_AGAIN_MS);
    } else {
        fail_errno(&u->problem, ERR_UNAVAILABLE, "cannot connect to '%s'", u->address);
        if (fd >= 0)
            close(fd);
        later_set(&u->touch);
    }
}

static void prepare(upstream *u, const upstream_options *options, const upstream_events *events,
                    void *owner)
{
    u->events = events;
    u->owner = owner;
    snprintf(u->method, sizeof u->method, "%.*s", (int)options->method.n, options->method.p);
    u->reply_ms = options->reply_ms;
    u->ended = false;
}

/* Whether the server has not closed it, or said something unasked. */
static bool is_quiet(const upstream *u)
{
    char byte;
    return recv(u->sock.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

/* An idle connection, the one that was used last, or NULL. */
static upstream *take_idle(upstream_pool *p, const char *address)
{
    upstream *u = p ? p->first : NULL;
    while (u) {
        upstream *next = u->next;
        bool fits = !u->busy && strcmp(u->address, address) == 0;
        if (fits && is_quiet(u)) {
            take_out(u);
            timer_stop(u->deadline);
            return u;
        }
        if (fits)
            release(u);
        u = next;
    }
    return NULL;
}

upstream *upstream_open(loop *l, const upstream_options *options, const upstream_events *events,
                        void *owner)
{
    upstream *u = take_idle(options->pool, options->address);
    if (u) {
        prepare(u, options, events, owner);
        later_set(&u->touch);
        return u;
    }
    u = xcalloc(1, sizeof *u);
    u->l = l;
    u->pool = options->pool;
    u->address = xstrdup(options->address);
    prepare(u, options, events, owner);
    u->sock.fd = -1;
    u->early = buf_new(EARLY_MOST);
    u->held = buf_new(HELD_MOST);
    u->again = timer_new(l, try_connect, u);
    u->deadline = timer_new(l, on_deadline, u);
    later_init(&u->touch, l, run_touch, u);
    if (!sock_parse_address(u->address, &u->to, &u->problem)) {
        later_set(&u->touch);
        return u;
    }
    timer_start(u->deadline, options->connect_ms);
    try_connect(u);
    return u;
}

/* --- sending --- */

enum http_flow upstream_send(upstream *u, const struct iovec *parts, int n_parts)
{
    if (u->closed || u->ended)
        return HTTP_ROOM;
    if (!u->connected) {
        for (int i = 0; i < n_parts; i++)
            buf_add(&u->early, parts[i].iov_base, parts[i].iov_len);
        u->full |= u->early.n > SEND_HIGH_WATER;
        if (u->early.full) {
            fail(&u->problem, ERR_BAD_GATEWAY, "out of memory for a request to '%s'", u->address);
            later_set(&u->touch);
        }
    } else {
        sock_write(&u->sock, parts, n_parts);
        if (sock_pending(&u->sock) > SEND_HIGH_WATER) {
            u->full = true;
            sock_ask_room(&u->sock);
        }
    }
    return u->full ? HTTP_FULL : HTTP_ROOM;
}

void upstream_resume(upstream *u)
{
    u->paused = false;
    later_set(&u->touch);
}

bool upstream_has_sent(const upstream *u)
{
    return u->sock.written > 0;
}

void upstream_tunnel(upstream *u)
{
    u->framing = H1_UNTIL_CLOSE;
}
