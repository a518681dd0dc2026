/* One connected stream socket in the loop: reads when wanted, writes at once and buffers the rest,
 * tells when the peer has left. Plain now; TLS is another `sock_io`.
 *
 * Edge-triggered: pausing and resuming cost no system call, and a peer that leaves or resets is
 * noticed while reading is paused. Reads are one per turn of the loop, so that no connection
 * starves another. Writing never calls back: errors are reported in the next turn. A callback is
 * the last thing that a function here does, so it may close and free the sock. */
#pragma once

#include "base/error.h"
#include "base/str.h"
#include "http/loop.h"

#include <event2/event_struct.h>
#include <sys/socket.h>
#include <sys/uio.h>

struct evbuffer;
typedef struct sock sock;

/* As read(2) and writev(2): -1 with EAGAIN when it would block. */
typedef struct sock_io {
    ssize_t (*read)(sock *s, void *out, size_t n);
    ssize_t (*write)(sock *s, const struct iovec *parts, int n_parts);
} sock_io;

enum sock_end {
    SOCK_END,   /* the peer has sent all it will send (read gave 0) */
    SOCK_LEFT,  /* the same, seen while reading is paused (`watch_leaving` only) */
    SOCK_ERROR, /* reset, or a write failed */
};

typedef struct sock_events {
    /* Bytes have come; they are gone when the callback returns. */
    void (*bytes)(void *owner, str bytes);
    /* The output that was pending is written, or sock_ask_room() was called and there is room. */
    void (*room)(void *owner);
    void (*closed)(void *owner, enum sock_end end);
} sock_events;

struct sock {
    int fd; /* -1: closed */
    loop *l;
    const sock_io *io;
    const sock_events *events;
    void *owner;
    struct evbuffer *out; /* NULL while nothing was ever pending */
    struct event ready, writable;
    later turn;
    uint64_t written; /* bytes the kernel has taken */
    bool reading;
    bool readable, left, failed;
    bool reset;          /* by the peer; the kernel has told it and forgotten */
    bool watch_leaving;  /* report SOCK_LEFT while paused */
    bool swallow_errors; /* failed writes are dropped: what the peer still sends shall be read */
    bool room_asked;
    bool connecting;
};

/* Takes a connected non-blocking socket. Starts paused. */
void sock_open(sock *s, loop *l, int fd, const sock_events *events, void *owner);

/* Takes a socket whose connect() is in progress: room() is called when it is connected, closed()
 * when that failed; nothing may be written before. */
void sock_open_connecting(sock *s, loop *l, int fd, const sock_events *events, void *owner);

/* Closes at once; no callback comes any more. Harmless when closed. */
void sock_close(sock *s);

void sock_resume(sock *s); /* bytes() is called from the next turn on */
void sock_pause(sock *s);

/* Writes at once what the kernel takes and keeps a copy of the rest. */
void sock_write(sock *s, const struct iovec *parts, int n_parts);

/* Writes in the next turn: for many small pieces. Bytes are copied. */
void sock_add(sock *s, const void *bytes, size_t n);

/* Appends memory without copying; release (NULL: none) is called when it is written or dropped. */
void sock_add_memory(sock *s, const void *bytes, size_t n,
                     void (*release)(const void *bytes, size_t n, void *arg), void *arg);

/* Writes now what was added. */
void sock_flush(sock *s);

/* Bytes not yet taken by the kernel. */
size_t sock_pending(const sock *s);

/* room() is called in a later turn, when the output is empty and the kernel takes more. */
void sock_ask_room(sock *s);

/* Says to the peer that no more comes. Nothing may be pending. */
void sock_shut(sock *s);

/* An address of the forms "unix:/path", "127.0.0.1:80", "[::1]:80". Names are not resolved. */
typedef struct sock_address {
    struct sockaddr_storage storage;
    socklen_t size;
} sock_address;
bool sock_parse_address(const char *text, sock_address *out, error *e);

/* Text of a peer: "192.0.2.1:1234", "[::1]:80" or "unix". */
enum { SOCK_NAME = 64 };
void sock_name(const struct sockaddr_storage *address, char out[SOCK_NAME]);
bool sock_is_local(const struct sockaddr_storage *address); /* loopback or unix */
