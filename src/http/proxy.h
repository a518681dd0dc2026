/* Passing a request on to another server (a worker on a unix socket, an app on a TCP port) and its
 * reply back, streaming both ways with back-pressure. An upstream connection has one request at a
 * time: closing it is how the upstream learns that the client left.
 *
 * Hop-by-hop headers (and those named in Connection) are dropped on both sides, framing is made
 * anew, X-Forwarded-For/-Host/-Proto are set. A 101 reply turns both connections into a tunnel. */
#pragma once

#include "http/h1.h"
#include "http/request.h"

typedef struct http_pair {
    const char *name, *value; /* value NULL: remove */
} http_pair;

typedef struct http_proxy_failure {
    error error;     /* ERR_UNAVAILABLE: cannot connect; ERR_BAD_GATEWAY: broke the conversation;
                        ERR_TIMEOUT */
    bool sent;       /* request bytes had been written: the upstream may have acted on them */
    bool body_taken; /* bytes of the client's body are lost: a retry cannot send them */
} http_proxy_failure;

typedef struct http_proxy_options {
    const char *address;      /* "unix:/path" or "127.0.0.1:9000"; names are not resolved */
    const char *target;       /* path and query to ask for; NULL: the client's */
    const char *method;       /* NULL: the client's */
    const http_pair *headers; /* set, or removed from, the client's; up to one with name NULL */
    int connect_ms;           /* 0: 5,000; a full backlog is tried again until then */
    int reply_ms;             /* until the upstream's head; 0: no limit */
    uint64_t max_body;        /* of an unread client body; 0: any */
    bool keeps; /* the connection is kept for later requests to the same address, which
                   nobody but this server uses and no other program will have */

    /* The upstream's head has arrived: may call http_header(req) to set or override reply headers
     * (those set before the proxying override too). May be NULL. */
    void (*head)(http_request *req, const h1_head *head, void *arg);

    /* Exactly one of these two is called, once, and never inside http_proxy().
     * failed: no reply head came. The request is the callee's again: retry or answer it (on_gone is
     * to be set again when it is kept).
     * done: the request is over. complete: the whole reply was passed on; false when the client
     * left, or the upstream died behind its head and the client's connection was cut. */
    void (*failed)(http_request *req, const http_proxy_failure *failure, void *arg);
    void (*done)(bool complete, void *arg);
    void *arg;
} http_proxy_options;

/* Passes the request on with its unread body streamed. Options are copied, with their strings. The
 * request's on_gone and on_room are replaced. */
void http_proxy(http_request *req, const http_proxy_options *options);

/* The same with a body that was read before (http_read_all's, or made anew). The bytes must live as
 * long as the request. */
void http_proxy_body(http_request *req, str body, const http_proxy_options *options);
