/* Counted strings: bytes that may hold NUL and need not end with one. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* A view; whoever owns the bytes says so. `p` may be NULL only when `n` is 0. */
typedef struct str {
    const char *p;
    size_t n;
} str;

/* Literal as a view. */
#define STR(literal) ((str){(literal), sizeof(literal) - 1})

static inline str str_of(const char *text)
{
    return (str){text, text ? strlen(text) : 0};
}

static inline bool str_eq(str a, str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool str_is(str a, const char *text)
{
    return str_eq(a, str_of(text));
}

static inline bool str_starts(str a, str prefix)
{
    return a.n >= prefix.n && (prefix.n == 0 || memcmp(a.p, prefix.p, prefix.n) == 0);
}

static inline bool str_ends(str a, str suffix)
{
    return a.n >= suffix.n &&
           (suffix.n == 0 || memcmp(a.p + a.n - suffix.n, suffix.p, suffix.n) == 0);
}

/* Whether the text is n lower-case hex digits, as hashes and commits are written. */
static inline bool str_is_hex(str a, size_t n)
{
    for (size_t i = 0; i < a.n; i++)
        if ((a.p[i] < '0' || a.p[i] > '9') && (a.p[i] < 'a' || a.p[i] > 'f'))
            return false;
    return a.n == n;
}

static inline str str_skip(str a, size_t n)
{
    if (a.n == 0)
        return a;
    return n > a.n ? (str){a.p + a.n, 0} : (str){a.p + n, a.n - n};
}
