/* One request inside a server: reading it, waiting with it, answering it.
 *
 * Life: a handler gets the request and either answers it before it returns or keeps it, for as long
 * as it wants (no deadline runs while the server computes). Who keeps it sets http_on_gone(). A
 * request ends by exactly one of http_reply*, http_error, http_fail, http_end, http_abort,
 * http_proxy*; after that, and after on_gone, it must not be touched. All calls on the loop's
 * thread. Callbacks given here never run inside a call of this file (the server's hooks do). */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/str.h"
#include "http/server.h"

enum http_flow {
    HTTP_ROOM, /* go on */
    HTTP_FULL, /* taken, but pause: on_room (or http_body_resume) says when to go on */
};

/* --- what was asked (views live as long as the request) --- */

str http_method(const http_request *req);
str http_path(const http_request *req);   /* as sent, percent-encoded, starts with '/' */
str http_query(const http_request *req);  /* as sent, without '?'; empty when there is none */
str http_target(const http_request *req); /* path and query as sent, in origin form */
str http_host(const http_request *req);   /* Host, or the authority of an absolute target */

/* Header value, names in any case; p == NULL when absent. Of repeated headers the first. */
str http_request_header(const http_request *req, const char *name);

/* The i-th header (0 ...), false behind the last. */
bool http_request_header_at(const http_request *req, int i, str *name, str *value);

/* The i-th capture of the route's pattern, from the left, percent-decoded. */
str http_capture(const http_request *req, int i);

/* First value of a query parameter, percent- and plus-decoded; p == NULL when absent. */
str http_query_value(http_request *req, const char *name);

/* "192.0.2.1:1234", "[::1]:80" or "unix". */
const char *http_peer(const http_request *req);
bool http_peer_is_local(const http_request *req); /* loopback address or unix socket */

/* Length the client announced: -1 for a chunked body, 0 for none. */
int64_t http_body_length(const http_request *req);

/* --- what belongs to it --- */

/* Memory that is freed with the request. */
arena *http_arena(http_request *req);

void http_set_user(http_request *req, void *user);
void *http_user(const http_request *req);

http_server *http_request_server(const http_request *req);
loop *http_request_loop(const http_request *req);

/* --- taking the body, by at most one of these. An unread body is read and dropped after the reply,
 *     or the connection is closed when it is large. --- */

/* Calls fn once with the whole body (empty for none), which lives as long as the request. A body
 * above max_bytes is answered 413 and fn is not called; nor is it when the client leaves. */
typedef void http_body_fn(http_request *req, str body, void *arg);
void http_read_all(http_request *req, size_t max_bytes, http_body_fn *fn, void *arg);

/* Takes the body as it comes. bytes: return HTTP_FULL to pause the client until
 * http_body_resume(). end: the body is complete. Above max_bytes (UINT64_MAX: any) the request is
 * answered 413 and on_gone is called, unless a reply was begun: then the connection is cut. */
typedef struct http_sink {
    enum http_flow (*bytes)(http_request *req, str bytes, void *arg);
    void (*end)(http_request *req, void *arg);
} http_sink;
void http_read_stream(http_request *req, uint64_t max_bytes, const http_sink *sink, void *arg);
void http_body_resume(http_request *req);

/* --- waiting --- */

/* fn(arg) is called at most once, when the request is lost (client left, deadline, server freed),
 * and never after it was ended. A later call replaces an earlier one; NULL removes it. */
void http_on_gone(http_request *req, loop_fn *fn, void *arg);

/* fn(arg) is called when there is room again after http_send() said HTTP_FULL. */
void http_on_room(http_request *req, loop_fn *fn, void *arg);

/* --- answering --- */

/* Sets a header of the coming reply, copied; replaces one of the same name (Set-Cookie is added);
 * NULL removes. Control characters in the value become spaces. Framing headers (Content-Length,
 * Transfer-Encoding, Connection, Date) are the server's own. */
void http_header(http_request *req, const char *name, const char *value);
void http_headerf(http_request *req, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Complete replies. type may be NULL (no Content-Type). HEAD gets the head only. */
void http_reply(http_request *req, int status, const char *type, const void *bytes, size_t n);
void http_reply_text(http_request *req, int status, const char *type, const char *text);
/* Takes the bytes out of body (which is empty afterwards) without copying. A full buffer (one that
 * lost bytes) is answered 500. */
void http_reply_buf(http_request *req, int status, const char *type, buf *body);
/* Bytes that outlive the server (embedded files): neither copied nor freed. */
void http_reply_constant(http_request *req, int status, const char *type, str bytes);
/* Redirect: status 301, 302, 303, 307 or 308 with Location. */
void http_redirect(http_request *req, int status, const char *location);

/* Error replies through the server's error_writer. */
void http_error(http_request *req, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void http_fail(http_request *req, const error *e); /* error_status(e->kind) and its message */

/* Replies in pieces: begin, send..., end. length: number of bytes that will be sent, or
 * HTTP_UNKNOWN_LENGTH (chunked). Sending more or less than announced is our own mistake: asserted.
 * Everything sent is on its way when the loop turns; no call blocks. */
#define HTTP_UNKNOWN_LENGTH UINT64_MAX
void http_begin(http_request *req, int status, const char *type);
void http_begin_sized(http_request *req, int status, const char *type, uint64_t length);
enum http_flow http_send(http_request *req, const void *bytes, size_t n);
void http_end(http_request *req);

/* on_room will be called in a later turn, when the client has taken what was sent: for producers
 * that want to yield between pieces. */
void http_ask_room(http_request *req);

/* Cuts the connection: for a reply that cannot be completed. */
void http_abort(http_request *req);

/* Whether the head of the reply was begun: then only http_send, http_end, http_abort are left. */
bool http_is_begun(const http_request *req);

/* Server-sent events: 200 text/event-stream, then events, then http_end(). data may hold line
 * breaks; event may be NULL. */
void http_sse_begin(http_request *req);
enum http_flow http_sse_send(http_request *req, const char *event, const char *data, size_t n);

/* Reason phrase ("Not Found") and error code ("not_found") of a status. */
const char *http_status_text(int status);
const char *http_status_code(int status);
