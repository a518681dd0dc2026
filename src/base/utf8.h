/* UTF-8, strictly: no overlong forms, no surrogates, nothing above U+10FFFF. */
#pragma once

#include "base/str.h"

#include <stdint.h>

enum { UTF8_BAD = -1 };

/* Code point at s[*at], moving *at behind it; UTF8_BAD (and *at moved by one byte) when malformed.
 * *at must be below s.n. */
int32_t utf8_next(str s, size_t *at);

/* Writes 1 to 4 bytes of a valid code point; returns how many. */
int utf8_put(int32_t c, char out[4]);

/* Offset of the first malformed byte, or s.n when all of it is valid. */
size_t utf8_valid_prefix(str s);

/* Number of code points of valid text. */
size_t utf8_length(str s);

/* Puts '?' in place of every malformed byte of a NUL-terminated text. */
void utf8_repair(char *text);
