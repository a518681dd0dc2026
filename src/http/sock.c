/* Main path: on_ready (epoll's edge) -> turn -> read into the loop's scratch -> events->bytes;
 * sock_write -> writev at once, the rest into `out` -> on_writable -> flush -> events->room.
 *
 * Edge-triggered rules: `readable` stays true until a read came back short; then the next edge sets
 * it. A reset is reported by epoll as EPOLLERR, which libevent gives as EV_READ only, so an edge
 * that comes while reading is paused is looked at with MSG_PEEK. */
#include "http/sock.h"

#include "base/memory.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/un.h>
#include <unistd.h>

enum { WRITE_PARTS = 16 };

static ssize_t plain_read(sock *s, void *out, size_t n)
{
    return read(s->fd, out, n);
}

static ssize_t plain_write(sock *s, const struct iovec *parts, int n_parts)
{
    return writev(s->fd, parts, n_parts);
}

static const sock_io plain = {plain_read, plain_write};

static bool would_block(void)
{
    return errno == EAGAIN || errno == EINTR;
}

/* Whether the peer has reset the connection, told without taking bytes. */
static bool was_reset(sock *s)
{
    char byte;
    ssize_t n = recv(s->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return n < 0 && !would_block();
}

static void read_some(sock *s)
{
    char *scratch = loop_scratch(s->l);
    ssize_t n = s->io->read(s, scratch, LOOP_SCRATCH);
    if (n < 0 && would_block()) {
        s->readable = errno == EINTR;
        if (s->readable)
            later_set(&s->turn);
        return;
    }
    if (n <= 0) {
        s->readable = false;
        s->reading = false;
        s->events->closed(s->owner, n == 0 && !s->reset ? SOCK_END : SOCK_ERROR);
        return;
    }
    s->readable = n == LOOP_SCRATCH || s->left;
    if (s->readable)
        later_set(&s->turn);
    s->events->bytes(s->owner, (str){scratch, (size_t)n});
}

/* Everything that can be done now; calls back at most once, last. */
static void take_turn(void *arg)
{
    sock *s = arg;
    if (s->out)
        sock_flush(s);
    if (s->failed && !s->swallow_errors) {
        s->events->closed(s->owner, SOCK_ERROR);
    } else if (s->reading) {
        if (s->readable || s->left)
            read_some(s);
    } else if (s->watch_leaving && s->left) {
        s->left = false;
        s->events->closed(s->owner, SOCK_LEFT);
    }
}

static void on_ready(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    sock *s = arg;
    s->readable |= (what & EV_READ) != 0;
    s->left |= (what & EV_CLOSED) != 0;
    if (!s->reading && !s->left && was_reset(s))
        s->failed = s->reset = true;
    take_turn(s);
}

static void on_connected(sock *s)
{
    int code = 0;
    socklen_t size = sizeof code;
    s->connecting = false;
    if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &code, &size) != 0 || code != 0) {
        errno = code;
        s->events->closed(s->owner, SOCK_ERROR);
        return;
    }
    event_add(&s->ready, NULL);
    s->events->room(s->owner);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    sock *s = arg;
    if (s->connecting) {
        on_connected(s);
        return;
    }
    bool asked = s->room_asked || sock_pending(s) > 0;
    s->room_asked = false;
    sock_flush(s);
    if (asked && sock_pending(s) == 0 && !s->failed)
        s->events->room(s->owner);
    else if (asked && !s->failed)
        s->room_asked = true;
}

static void open_sock(sock *s, loop *l, int fd, const sock_events *events, void *owner)
{
    *s = (sock){.fd = fd, .l = l, .io = &plain, .events = events, .owner = owner};
    later_init(&s->turn, l, take_turn, s);
    event_assign(&s->ready, loop_base(l), fd, EV_READ | EV_CLOSED | EV_ET | EV_PERSIST, on_ready,
                 s);
    event_assign(&s->writable, loop_base(l), fd, EV_WRITE | EV_ET, on_writable, s);
    int on = 1; /* fails on unix sockets, which have no such delay */
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

void sock_open(sock *s, loop *l, int fd, const sock_events *events, void *owner)
{
    open_sock(s, l, fd, events, owner);
    event_add(&s->ready, NULL);
}

void sock_open_connecting(sock *s, loop *l, int fd, const sock_events *events, void *owner)
{
    open_sock(s, l, fd, events, owner);
    s->connecting = true;
    event_add(&s->writable, NULL);
}

void sock_close(sock *s)
{
    if (s->fd < 0)
        return;
    event_del(&s->ready);
    event_del(&s->writable);
    later_clear(&s->turn);
    if (s->out)
        evbuffer_free(s->out);
    s->out = NULL;
    close(s->fd);
    s->fd = -1;
}

void sock_resume(sock *s)
{
    s->reading = true;
    if (s->readable || s->left)
        later_set(&s->turn);
}

void sock_pause(sock *s)
{
    s->reading = false;
    if (s->watch_leaving && s->left)
        later_set(&s->turn);
}

static void write_failed(sock *s)
{
    s->failed = true;
    if (s->out)
        evbuffer_drain(s->out, evbuffer_get_length(s->out));
    later_set(&s->turn);
}

static struct evbuffer *out_of(sock *s)
{
    if (!s->out && !(s->out = evbuffer_new()))
        abort();
    return s->out;
}

size_t sock_pending(const sock *s)
{
    return s->out ? evbuffer_get_length(s->out) : 0;
}

void sock_write(sock *s, const struct iovec *parts, int n_parts)
{
    if (s->failed)
        return;
    size_t done = 0;
    if (sock_pending(s) > 0)
        sock_flush(s);
    if (sock_pending(s) == 0) {
        ssize_t n = s->io->write(s, parts, n_parts);
        if (n < 0 && !would_block()) {
            write_failed(s);
            return;
        }
        done = n > 0 ? (size_t)n : 0;
        s->written += done;
    }
    for (int i = 0; i < n_parts; i++) {
        size_t skip = done < parts[i].iov_len ? done : parts[i].iov_len;
        done -= skip;
        if (parts[i].iov_len > skip)
            evbuffer_add(out_of(s), (char *)parts[i].iov_base + skip, parts[i].iov_len - skip);
    }
    if (sock_pending(s) > 0)
        event_add(&s->writable, NULL);
}

void sock_add(sock *s, const void *bytes, size_t n)
{
    if (s->failed || n == 0)
        return;
    evbuffer_add(out_of(s), bytes, n);
    later_set(&s->turn);
}

void sock_add_memory(sock *s, const void *bytes, size_t n,
                     void (*release)(const void *bytes, size_t n, void *arg), void *arg)
{
    if (s->failed || n == 0) {
        if (release)
            release(bytes, n, arg);
        return;
    }
    evbuffer_add_reference(out_of(s), bytes, n, release, arg);
    later_set(&s->turn);
}

void sock_flush(sock *s)
{
    while (sock_pending(s) > 0 && !s->failed) {
        struct evbuffer_iovec chains[WRITE_PARTS];
        struct iovec parts[WRITE_PARTS];
        int n_parts = evbuffer_peek(s->out, -1, NULL, chains, WRITE_PARTS);
        n_parts = n_parts > WRITE_PARTS ? WRITE_PARTS : n_parts;
        size_t size = 0;
        for (int i = 0; i < n_parts; i++) {
            parts[i] = (struct iovec){chains[i].iov_base, chains[i].iov_len};
            size += chains[i].iov_len;
        }
        ssize_t n = s->io->write(s, parts, n_parts);
        if (n < 0 && !would_block()) {
            write_failed(s);
            return;
        }
        if (n > 0) {
            s->written += (size_t)n;
            evbuffer_drain(s->out, (size_t)n);
        }
        if (n < (ssize_t)size) {
            event_add(&s->writable, NULL);
            return;
        }
    }
    if (s->out) { /* an idle connection keeps no buffer */
        evbuffer_free(s->out);
        s->out = NULL;
    }
}

void sock_ask_room(sock *s)
{
    if (s->failed) /* closed() is on its way */
        return;
    s->room_asked = true;
    event_add(&s->writable, NULL);
}

void sock_shut(sock *s)
{
    assert(sock_pending(s) == 0);
    shutdown(s->fd, SHUT_WR);
}

static bool parse_unix(const char *path, sock_address *out, error *e)
{
    struct sockaddr_un *a = (struct sockaddr_un *)&out->storage;
    if (!*path || strlen(path) >= sizeof a->sun_path)
        return fail(e, ERR_BAD_REQUEST, "unix socket path '%s' has %zu bytes, expected 1 to %zu",
                    path, strlen(path), sizeof a->sun_path - 1);
    a->sun_family = AF_UNIX;
    memcpy(a->sun_path, path, strlen(path) + 1);
    out->size = sizeof *a;
    return true;
}

bool sock_parse_address(const char *text, sock_address *out, error *e)
{
    sock_address result = {0};
    if (strncmp(text, "unix:", 5) == 0) {
        if (!parse_unix(text + 5, &result, e))
            return false;
        *out = result;
        return true;
    }
    const char *colon = strrchr(text, ':');
    char host[INET6_ADDRSTRLEN] = "";
    char *end = NULL;
    long port = colon && colon[1] >= '0' && colon[1] <= '9' ? strtol(colon + 1, &end, 10) : -1;
    size_t n = colon ? (size_t)(colon - text) : 0;
    bool six = n > 2 && text[0] == '[' && text[n - 1] == ']';
    if (port < 0 || port > 65535 || *end || n == 0 || n - (six ? 2 : 0) >= sizeof host)
        return fail(e, ERR_BAD_REQUEST,
                    "address '%s' is none of '127.0.0.1:8080', '[::1]:8080', 'unix:/path'", text);
    memcpy(host, text + six, n - (six ? 2 : 0));
    struct sockaddr_in *a4 = (struct sockaddr_in *)&result.storage;
    struct sockaddr_in6 *a6 = (struct sockaddr_in6 *)&result.storage;
    if (six && inet_pton(AF_INET6, host, &a6->sin6_addr) == 1) {
        a6->sin6_family = AF_INET6;
        a6->sin6_port = htons((uint16_t)port);
        result.size = sizeof *a6;
    } else if (!six && inet_pton(AF_INET, strcmp(host, "localhost") ? host : "127.0.0.1",
                                 &a4->sin_addr) == 1) {
        a4->sin_family = AF_INET;
        a4->sin_port = htons((uint16_t)port);
        result.size = sizeof *a4;
    } else {
        return fail(e, ERR_BAD_REQUEST, "address '%s': '%s' is not an IP address", text, host);
    }
    *out = result;
    return true;
}

void sock_name(const struct sockaddr_storage *address, char out[SOCK_NAME])
{
    char text[INET6_ADDRSTRLEN];
    const struct sockaddr_in *a4 = (const struct sockaddr_in *)address;
    const struct sockaddr_in6 *a6 = (const struct sockaddr_in6 *)address;
    if (address->ss_family == AF_INET) {
        inet_ntop(AF_INET, &a4->sin_addr, text, sizeof text);
        snprintf(out, SOCK_NAME, "%s:%d", text, ntohs(a4->sin_port));
    } else if (address->ss_family == AF_INET6) {
        inet_ntop(AF_INET6, &a6->sin6_addr, text, sizeof text);
        snprintf(out, SOCK_NAME, "[%s]:%d", text, ntohs(a6->sin6_port));
    } else {
        snprintf(out, SOCK_NAME, "unix");
    }
}

bool sock_is_local(const struct sockaddr_storage *address)
{
    const struct sockaddr_in *a4 = (const struct sockaddr_in *)address;
    const struct sockaddr_in6 *a6 = (const struct sockaddr_in6 *)address;
    if (address->ss_family == AF_INET)
        return ntohl(a4->sin_addr.s_addr) >> 24 == 127;
    if (address->ss_family == AF_INET6)
        return IN6_IS_ADDR_LOOPBACK(&a6->sin6_addr);
    return true;
}
