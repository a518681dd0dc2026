/* Characters of HTTP/1.1 (RFC 9110 section 5.6, RFC 3986). For the parsers of this folder. */
#pragma once

#include "base/str.h"

/* Bits of h1_chars[] */
enum { H1_TOKEN = 1, H1_TARGET = 2, H1_HOST = 4 };
extern const unsigned char h1_chars[256];

static inline bool h1_is_token_char(char c)
{
    return h1_chars[(unsigned char)c] & H1_TOKEN;
}

/* Visible ASCII; a fragment mark has no place in a request. */
static inline bool h1_is_target_char(char c)
{
    return h1_chars[(unsigned char)c] & H1_TARGET;
}

/* Names, addresses, "[...]", and a port. */
static inline bool h1_is_host_char(char c)
{
    return h1_chars[(unsigned char)c] & H1_HOST;
}

static inline bool h1_is_control(char c)
{
    return ((unsigned char)c < 0x20 && c != '\t') || c == 0x7F;
}

static inline char h1_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static inline str h1_trim(str s)
{
    while (s.n > 0 && (s.p[0] == ' ' || s.p[0] == '\t'))
        s = str_skip(s, 1);
    while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
        s.n--;
    return s;
}

static inline int h1_hex(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* Value of two hex digits, -1 when they are not. */
static inline int h1_hex_pair(const char *p)
{
    int high = h1_hex(p[0]), low = h1_hex(p[1]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}
