#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

buf buf_new(size_t max_bytes)
{
    return (buf){.max = max_bytes};
}

void buf_release(buf *b)
{
    if (!b)
        return;
    free(b->p);
    *b = (buf){.max = b->max};
}

void buf_clear(buf *b)
{
    b->n = 0;
    b->full = false;
}

/* Makes room for n more bytes; one byte beyond `max` is allowed for buf_text()'s NUL. */
static bool grow(buf *b, size_t n)
{
    if (b->capacity - b->n >= n)
        return true;
    size_t need = b->n + n;
    size_t want = b->capacity ? b->capacity * 2 : 256;
    if (want < need)
        want = need;
    if (want > b->max + 1)
        want = b->max + 1 < need ? need : b->max + 1;
    char *p = realloc(b->p, want);
    if (!p)
        return false;
    b->p = p;
    b->capacity = want;
    return true;
}

char *buf_room(buf *b, size_t n)
{
    if (b->full || n > b->max - b->n || !grow(b, n)) {
        b->full = true;
        return NULL;
    }
    return b->p + b->n;
}

void buf_add(buf *b, const void *bytes, size_t n)
{
    if (n == 0)
        return;
    char *to = buf_room(b, n);
    if (to) {
        memcpy(to, bytes, n);
        b->n += n;
    }
}

void buf_byte(buf *b, char c)
{
    buf_add(b, &c, 1);
}

void buf_str(buf *b, str s)
{
    buf_add(b, s.p, s.n);
}

void buf_puts(buf *b, const char *text)
{
    buf_add(b, text, strlen(text));
}

void buf_printf(buf *b, const char *format, ...)
{
    char small[512];
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(small, sizeof small, format, args);
    va_end(args);
    if (n >= 0 && (size_t)n < sizeof small) {
        buf_add(b, small, (size_t)n);
    } else if (n >= 0) {
        char *long_text = NULL;
        if (vasprintf(&long_text, format, again) >= 0) {
            buf_add(b, long_text, (size_t)n);
            free(long_text);
        } else {
            b->full = true;
        }
    }
    va_end(again);
}

const char *buf_text(buf *b)
{
    if (b->full || !grow(b, 1))
        return "";
    b->p[b->n] = '\0';
    return b->p;
}
