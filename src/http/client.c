/* One upstream exchange with its reply collected in memory and one timer over all of it. */
#include "http/client.h"

#include "base/memory.h"
#include "http/upstream.h"

#include <stdio.h>
#include <stdlib.h>

enum { DEFAULT_TIMEOUT_MS = 10000, DEFAULT_MAX_BYTES = 1 << 20, MAX_HEAD_OUT = 8 * 1024 };

struct http_call {
    upstream *up;
    timer *deadline;
    http_call_fn *fn;
    void *arg;
    char *address;
    const h1_head *head;
    buf body;
};

void http_call_cancel(http_call *call)
{
    if (!call)
        return;
    upstream_close(call->up);
    timer_free(call->deadline);
    buf_release(&call->body);
    free(call->address);
    free(call);
}

static void give_up(http_call *call, const error *e)
{
    call->fn(NULL, e, call->arg);
    http_call_cancel(call);
}

static void on_connected(void *owner)
{
    (void)owner;
}

static void on_head(void *owner, const h1_head *head)
{
    http_call *call = owner;
    call->head = head;
}

static enum http_flow on_bytes(void *owner, str bytes)
{
    http_call *call = owner;
    buf_str(&call->body, bytes);
    return HTTP_ROOM;
}

static void on_end(void *owner)
{
    http_call *call = owner;
    if (call->body.full) {
        error e = {0};
        fail(&e, ERR_BAD_GATEWAY, "%s: its reply is larger than %zu bytes", call->address,
             call->body.max);
        give_up(call, &e);
        return;
    }
    http_answer answer = {call->head->status, call->head, buf_view(&call->body)};
    call->fn(&answer, NULL, call->arg);
    http_call_cancel(call);
}

static void on_room(void *owner)
{
    (void)owner;
}

static void on_failed(void *owner, const error *e)
{
    give_up(owner, e);
}

static const upstream_events events = {on_connected, on_head, on_bytes, on_end, on_room, on_failed};

static void on_deadline(void *arg)
{
    http_call *call = arg;
    error e = {0};
    fail(&e, ERR_TIMEOUT, "%s: it did not reply in time", call->address);
    give_up(call, &e);
}

http_call *http_call_start(loop *l, const http_call_options *options, http_call_fn *fn, void *arg)
{
    const char *method = options->method ? options->method : "GET";
    int timeout_ms = options->timeout_ms ? options->timeout_ms : DEFAULT_TIMEOUT_MS;
    http_call *call = xcalloc(1, sizeof *call);
    call->fn = fn;
    call->arg = arg;
    call->address = xstrdup(options->address);
    call->body = buf_new(options->max_bytes ? options->max_bytes : DEFAULT_MAX_BYTES);
    call->deadline = timer_new(l, on_deadline, call);
    timer_start(call->deadline, timeout_ms);
    upstream_options to = {options->address, str_of(method), timeout_ms, 0, NULL};
    call->up = upstream_open(l, &to, &events, call);

    own_buf buf head = buf_new(MAX_HEAD_OUT);
    buf_printf(&head, "%s %s HTTP/1.1\r\nHost: localhost\r\n", method, options->target);
    if (options->content_type)
        buf_printf(&head, "Content-Type: %s\r\n", options->content_type);
    if (options->body.n > 0 || strcmp(method, "GET") != 0)
        buf_printf(&head, "Content-Length: %zu\r\n", options->body.n);
    buf_puts(&head, "\r\n");
    struct iovec parts[] = {{head.p, head.n}, {(void *)options->body.p, options->body.n}};
    upstream_send(call->up, parts, 2);
    return call;
}
