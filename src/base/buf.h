/* Growing byte buffer with a maximum fixed at creation.
 * A write beyond the maximum (or out of memory) sets `full` and drops the bytes; check it once at
 * the end. */
#pragma once

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct buf {
    char *p; /* owned; not NUL-terminated unless buf_text() was called */
    size_t n, capacity, max;
    bool full;
} buf;

buf buf_new(size_t max_bytes);
void buf_release(buf *b);
void buf_clear(buf *b);

void buf_add(buf *b, const void *bytes, size_t n);
void buf_byte(buf *b, char c);
void buf_str(buf *b, str s);
void buf_puts(buf *b, const char *text);
void buf_printf(buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Room for n more bytes at the end, to be filled by the caller and counted with b->n += used; NULL
 * when full. */
char *buf_room(buf *b, size_t n);

/* The bytes as a NUL-terminated string, owned by the buffer until its next change ("" when full).
 */
const char *buf_text(buf *b);

static inline str buf_view(const buf *b)
{
    return (str){b->p, b->n};
}

#define own_buf __attribute__((cleanup(buf_release)))
