/* Text on its way through the pipeline: its bytes, and for each byte where it came from in the
 * original text. A slice is a view; new text is written with a text_writer.
 *
 * Mirrors NormalizedString of the reference: what is inserted takes the origin of the character
 * before it, what is replaced that of the replaced character. */
#pragma once

#include "base/error.h"
#include "base/str.h"
#include "tokenizers/unicode.h"

#include <stdint.h>

/* A range of bytes of the original text. */
typedef struct span {
    uint32_t begin, end;
} span;

typedef struct text {
    const char *p; /* valid UTF-8 */
    size_t n;
    const span *spans; /* [n]: the original character of each byte; NULL: byte i stands for byte
                          base + i of the original */
    uint32_t base;
    span origin; /* the part of the original that this text stands for */
} text;

enum { TEXT_MAX = 1 << 30 }; /* bytes of an original text and of anything made of it */

/* Unchanged original text. */
text text_of(str original);

/* The bytes from .. to - 1, which must be whole characters. */
text text_slice(const text *t, size_t from, size_t to);

/* Where the bytes from .. to - 1 came from, as whole characters; an empty range stands for itself.
 */
span text_origin(const text *t, size_t from, size_t to);

/* Where the character at byte `at` came from. */
static inline span text_span(const text *t, size_t at)
{
    if (t->spans)
        return t->spans[at];
    uint32_t begin = t->base + (uint32_t)at;
    return (span){begin, begin + (uint32_t)unicode_length(t->p[at])};
}

static inline str text_bytes(const text *t)
{
    return (str){t->p, t->n};
}

/* New text. Out of memory or beyond TEXT_MAX it drops bytes and sets `failed`. Zero it to begin. */
typedef struct text_writer {
    char *p;
    span *spans;
    size_t n, capacity;
    bool plain; /* no spans: what is written stands byte for byte for an unchanged input */
    bool failed;
} text_writer;

void text_writer_release(text_writer *w);
void text_writer_begin(text_writer *w, bool plain);

/* Room for n more bytes; false (and failed) when there is none. */
bool text_writer_room(text_writer *w, size_t n);

/* One character that stands for `from`. */
void text_put(text_writer *w, uint32_t c, span from);

/* Bytes that all stand for `from`. */
void text_put_bytes(text_writer *w, str bytes, span from);

/* The bytes from .. to - 1 of another text, with their origins. */
void text_put_slice(text_writer *w, const text *t, size_t from, size_t to);

/* What was written in place of `of` (a plain writer: byte for byte); lives until the writer begins
 * again. */
bool text_written(const text_writer *w, const text *of, text *out, error *e);

/* Rewrites a text as the reference's NormalizedString::transform does. Each character comes with a
 * change: 0 replaces the next character of the input, 1 is inserted, -n replaces the next and
 * drops n more behind it. */
struct text_edit {
    const text *in;
    size_t at; /* next character of the input */
    text_writer *out;
};
void text_edit_put(struct text_edit *edit, uint32_t c, int change);
