/* One error type for everything that can fail.
 *
 * A function that can fail returns bool and takes `error *e` last; on failure it has called fail()
 * and leaves its outputs untouched. The first error wins: later fail() calls on the same error keep
 * it. Messages: what failed, what was found, what was expected; lower case, no full stop, names in
 * quotes. They are valid UTF-8 whatever was put into them. */
#pragma once

#include <stdbool.h>

enum error_kind {
    ERR_NONE,
    ERR_BAD_REQUEST,      /* 400: malformed or of the wrong type */
    ERR_EMPTY,            /* 400: nothing where something is expected */
    ERR_UNAUTHORIZED,     /* 401 */
    ERR_FORBIDDEN,        /* 403 */
    ERR_NOT_FOUND,        /* 404 */
    ERR_NOT_ALLOWED,      /* 405: method */
    ERR_CONFLICT,         /* 409 */
    ERR_TOO_LARGE,        /* 413 */
    ERR_UNSUPPORTED_TYPE, /* 415 */
    ERR_INVALID,          /* 422: well formed, but this model or task cannot do it */
    ERR_BUSY,             /* 429: queue or rate limit */
    ERR_BAD_MODEL,        /* 500: the model folder is broken or not supported */
    ERR_IO,               /* 500: the operating system said no */
    ERR_INTERNAL,         /* 500: our own mistake */
    ERR_BAD_GATEWAY,      /* 502: the worker or a peer broke the conversation */
    ERR_UNAVAILABLE,      /* 503: try again later */
    ERR_TIMEOUT,          /* 504 */
    ERR_NO_SPACE,         /* 507: can never fit the memory budget or the disk */
    ERR_CANCELLED,        /* the client left; nobody reads the reply */
};

typedef struct error {
    enum error_kind kind;
    char message[1000];
} error;

/* Records the error unless one is recorded already; always returns false. `e` may be NULL. */
bool fail(error *e, enum error_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* fail() with ": <strerror(errno)>" added; ENOENT becomes ERR_NOT_FOUND when `kind` is ERR_IO. */
bool fail_errno(error *e, enum error_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts "<context>: " in front of the recorded message; always returns false. */
bool fail_in(error *e, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* HTTP status of a kind, 500 for what has none of its own. */
int error_status(enum error_kind kind);
