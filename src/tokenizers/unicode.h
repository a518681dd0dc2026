/* What the reference tokenizer knows about code points. All functions take valid code points
 * (0 .. 0x10FFFF) and are equal to the `tokenizers` package, whatever Unicode library the system
 * has (see tools/unicode_tables.py). */
#pragma once

#include "base/str.h"
#include "tokenizers/unicode_table.h"

#include <stdbool.h>

enum unicode_flag {
    UNICODE_SPACE = 1,       /* White_Space */
    UNICODE_OTHER = 2,       /* control, format, unassigned, private; not tab, line feed, return */
    UNICODE_PUNCTUATION = 4, /* every ASCII symbol, and the P categories */
    UNICODE_NONSPACING = 8,  /* Mn */
    UNICODE_MARK = 16,       /* M categories */
    UNICODE_NUMERIC = 32,    /* N categories */
    UNICODE_WORD = 64,       /* \w of a regular expression */
    UNICODE_LETTER = 128,    /* \p{L} of a regular expression */
    UNICODE_NUMBER = 256,    /* \p{N} of a regular expression, of an older Unicode than NUMERIC */
};

static inline unsigned unicode_flags_of(uint32_t c)
{
    return unicode_flags[unicode_flag_index[c / UNICODE_BLOCK] * UNICODE_BLOCK + c % UNICODE_BLOCK];
}

static inline bool unicode_is(uint32_t c, enum unicode_flag flag)
{
    return unicode_flags_of(c) & flag;
}

static inline const struct unicode_detail *unicode_detail_of(uint32_t c)
{
    return &unicode_rows[unicode_details[unicode_detail_index[c / UNICODE_BLOCK] * UNICODE_BLOCK +
                                         c % UNICODE_BLOCK]];
}

/* Lower case of one character without context: 1 code point, 2 for U+0130. */
int unicode_lower(uint32_t c, uint32_t out[2]);

enum { UNICODE_MAX_DECOMPOSITION = 18 };

/* Full decomposition (canonical, or with `compatible` NFKD's); returns how many code points, 1 and
 * the character itself when it has none. */
int unicode_decompose(uint32_t c, bool compatible, uint32_t out[UNICODE_MAX_DECOMPOSITION]);

/* The character that a canonical pair composes to, 0 when there is none. */
uint32_t unicode_compose(uint32_t first, uint32_t second);

/* Whether a character of the Chinese blocks that BERT puts spaces around. */
static inline bool unicode_is_chinese(uint32_t c)
{
    return (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF) ||
           (c >= 0x20000 && c <= 0x2A6DF) || (c >= 0x2A700 && c <= 0x2B73F) ||
           (c >= 0x2B740 && c <= 0x2B81F) || (c >= 0x2B920 && c <= 0x2CEAF) ||
           (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x2F800 && c <= 0x2FA1F);
}

/* Code point at s[*at] of text known to be valid UTF-8, moving *at behind it. */
static inline uint32_t unicode_next(const char *s, size_t *at)
{
    const unsigned char *p = (const unsigned char *)s + *at;
    if (p[0] < 0x80) {
        *at += 1;
        return p[0];
    }
    if (p[0] < 0xE0) {
        *at += 2;
        return (p[0] & 0x1Fu) << 6 | (p[1] & 0x3Fu);
    }
    if (p[0] < 0xF0) {
        *at += 3;
        return (p[0] & 0xFu) << 12 | (p[1] & 0x3Fu) << 6 | (p[2] & 0x3Fu);
    }
    *at += 4;
    return (p[0] & 7u) << 18 | (p[1] & 0x3Fu) << 12 | (p[2] & 0x3Fu) << 6 | (p[3] & 0x3Fu);
}

/* Code point that ends before s[*at], *at > 0, moving *at to its start. */
static inline uint32_t unicode_previous(const char *s, size_t *at)
{
    do
        --*at;
    while (((unsigned char)s[*at] & 0xC0) == 0x80);
    size_t behind = *at;
    return unicode_next(s, &behind);
}

/* Length in bytes of the character that starts with this byte of valid UTF-8. */
static inline size_t unicode_length(char first)
{
    unsigned char c = (unsigned char)first;
    return c < 0x80 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
}

/* Whether all bytes are below 0x80. */
bool unicode_all_ascii(str s);
