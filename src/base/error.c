/* Formatting of errors and their HTTP status. */
#include "base/error.h"
#include "base/utf8.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* A message that was cut must still be valid UTF-8: drop an incomplete last character. */
static void trim_partial_utf8(char *text)
{
    size_t n = strlen(text);
    size_t back = 0;
    while (back < n && back < 4 && ((unsigned char)text[n - 1 - back] & 0xC0) == 0x80)
        back++;
    if (back == n)
        return;
    unsigned char lead = (unsigned char)text[n - 1 - back];
    size_t want = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : lead >= 0xC0 ? 1 : 0;
    if (back < want)
        text[n - 1 - back] = '\0';
}

__attribute__((format(printf, 3, 0))) static void record(error *e, enum error_kind kind,
                                                         const char *format, va_list args)
{
    int n = vsnprintf(e->message, sizeof e->message, format, args);
    if (n >= (int)sizeof e->message)
        trim_partial_utf8(e->message);
    utf8_repair(e->message); /* names come from files and clients, and "%.40s" cuts characters */
    e->kind = kind;
}

bool fail(error *e, enum error_kind kind, const char *format, ...)
{
    if (e && e->kind == ERR_NONE) {
        va_list args;
        va_start(args, format);
        record(e, kind, format, args);
        va_end(args);
    }
    return false;
}

bool fail_errno(error *e, enum error_kind kind, const char *format, ...)
{
    int saved = errno;
    if (!e || e->kind != ERR_NONE)
        return false;
    va_list args;
    va_start(args, format);
    record(e, kind == ERR_IO && saved == ENOENT ? ERR_NOT_FOUND : kind, format, args);
    va_end(args);
    size_t n = strlen(e->message);
    snprintf(e->message + n, sizeof e->message - n, ": %s", strerror(saved));
    return false;
}

bool fail_in(error *e, const char *format, ...)
{
    if (!e)
        return false;
    char inner[sizeof e->message];
    memcpy(inner, e->message, sizeof inner);
    va_list args;
    va_start(args, format);
    record(e, e->kind, format, args);
    va_end(args);
    size_t n = strlen(e->message);
    if (snprintf(e->message + n, sizeof e->message - n, ": %s", inner) >=
        (int)(sizeof e->message - n))
        trim_partial_utf8(e->message);
    return false;
}

int error_status(enum error_kind kind)
{
    static const int status[] = {
        [ERR_NONE] = 200,        [ERR_BAD_REQUEST] = 400,
        [ERR_EMPTY] = 400,       [ERR_UNAUTHORIZED] = 401,
        [ERR_FORBIDDEN] = 403,   [ERR_NOT_FOUND] = 404,
        [ERR_NOT_ALLOWED] = 405, [ERR_CONFLICT] = 409,
        [ERR_TOO_LARGE] = 413,   [ERR_UNSUPPORTED_TYPE] = 415,
        [ERR_INVALID] = 422,     [ERR_BUSY] = 429,
        [ERR_BAD_MODEL] = 500,   [ERR_IO] = 500,
        [ERR_INTERNAL] = 500,    [ERR_BAD_GATEWAY] = 502,
        [ERR_UNAVAILABLE] = 503, [ERR_TIMEOUT] = 504,
        [ERR_NO_SPACE] = 507,    [ERR_CANCELLED] = 499,
    };
    return status[kind];
}
