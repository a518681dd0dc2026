/* Characters and texts as Python's str has them, for what the reference does in Python only. */
#pragma once

#include "base/buf.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

enum python_flag {
    PYTHON_OTHER = 1,       /* the C categories: control, format, unassigned, private */
    PYTHON_WORD = 2,        /* str.isalnum() */
    PYTHON_PUNCTUATION = 4, /* the P categories */
    PYTHON_NONSPACING = 8,  /* Mn */
    PYTHON_DIGIT = 16,      /* str.isdecimal(), \d of a regular expression */
    PYTHON_SPACE = 32,      /* str.isspace(), \s */
    PYTHON_CASED = 64,      /* a letter that has a case */
    PYTHON_IGNORED = 128,   /* looked past where cased letters are looked for */
};

/* Generated: code point << 8 | flags, where a range of code points with these begins. A range of
 * digits begins with a zero. */
extern const uint32_t python_ranges[];
extern const int n_python_ranges;
extern const unsigned char python_ascii[128]; /* the flags of these */

unsigned python_flags_beyond(uint32_t c); /* of all others */

static inline unsigned python_flags_of(uint32_t c)
{
    return c < 0x80 ? python_ascii[c] : python_flags_beyond(c);
}

static inline bool python_is(uint32_t c, enum python_flag flag)
{
    return python_flags_of(c) & flag;
}

/* Value of a decimal digit of any script, -1 for what is none. */
int python_digit(uint32_t c);

/* Appends text.lower(). Texts are valid UTF-8. */
void python_lower(str text, buf *out);

/* Appends " ".join(text.split()). */
void python_squeeze(str text, buf *out);

/* text.strip() */
str python_strip(str text);
