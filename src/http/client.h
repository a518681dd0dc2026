/* Short HTTP/1.1 calls to servers of our own (GET /health of a worker), over unix and TCP sockets
 * in the loop: one connection per call, the whole reply in memory. */
#pragma once

#include "base/error.h"
#include "http/h1.h"
#include "http/loop.h"

typedef struct http_call http_call;

typedef struct http_call_options {
    const char *address;      /* "unix:/path" or "127.0.0.1:9000" */
    const char *method;       /* NULL: GET */
    const char *target;       /* "/health" */
    const char *content_type; /* of the body; NULL: none */
    str body;                 /* copied */
    size_t max_bytes;         /* of the reply's body; 0: 1 MiB */
    int timeout_ms;           /* of the whole call; 0: 10,000 */
} http_call_options;

typedef struct http_answer {
    int status;
    const h1_head *head; /* headers; see h1_find() */
    str body;
} http_answer;

/* Calls fn once, never inside http_call_start(): with the answer (whatever its status; it lives
 * during the callback), or with answer == NULL and the error. The call is freed afterwards. */
typedef void http_call_fn(const http_answer *answer, const error *e, void *arg);
http_call *http_call_start(loop *l, const http_call_options *options, http_call_fn *fn, void *arg);

/* Ends a call whose fn has not been called; fn is not called. NULL is fine. */
void http_call_cancel(http_call *call);
