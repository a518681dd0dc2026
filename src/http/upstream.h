/* One request to another server over one connection: what the proxy and the client have in common.
 * For the files of this folder. */
#pragma once

#include "http/h1.h"
#include "http/request.h"
#include "http/sock.h"

typedef struct upstream upstream;

/* Connections that a request has left in good order, for the next one to the same address; a few
 * dozen, for some seconds. One that the server closes is forgotten. */
typedef struct upstream_pool upstream_pool;
upstream_pool *upstream_pool_new(void);
void upstream_pool_free(upstream_pool *p); /* closes them; NULL is fine; none may be in use */

/* Callbacks come from the loop, never from inside a function of this file. After `end` or `failed`
 * no other comes; any of them may call upstream_close(). */
typedef struct upstream_events {
    void (*connected)(void *owner);
    void (*head)(void *owner, const h1_head *head);  /* final heads and 101; kept until close */
    enum http_flow (*bytes)(void *owner, str bytes); /* FULL: pause until upstream_resume() */
    void (*end)(void *owner);                        /* the reply is complete */
    void (*room)(void *owner);                       /* after upstream_send() said FULL */
    void (*failed)(void *owner, const error *e);     /* at any time before the end */
} upstream_events;

typedef struct upstream_options {
    const char *address;
    str method;          /* decides whether the reply has a body */
    int connect_ms;      /* a full backlog is tried again until then */
    int reply_ms;        /* from connected to the reply's head; 0: no limit */
    upstream_pool *pool; /* to take a connection from and to leave it in; NULL: one of its own */
} upstream_options;

/* Starts connecting. What is sent before is kept. */
upstream *upstream_open(loop *l, const upstream_options *options, const upstream_events *events,
                        void *owner);

/* Closes and frees it, telling the server thereby that nobody waits any more. NULL is fine. */
void upstream_close(upstream *u);

/* Instead, when the request was sent to its end and `end` was called: keeps the connection for
 * another if both sides allow it. */
void upstream_leave(upstream *u);

/* The parts in order, copied as far as the kernel does not take them at once. */
enum http_flow upstream_send(upstream *u, const struct iovec *parts, int n_parts);
void upstream_resume(upstream *u);

/* Whether request bytes have reached the kernel's side of the connection. */
bool upstream_has_sent(const upstream *u);

/* Raw bytes from now on: what comes is given to `bytes`, its end is `end`. In or after `head`. */
void upstream_tunnel(upstream *u);
