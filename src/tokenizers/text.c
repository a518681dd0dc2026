/* Views and writers of text with origins. Spans are stored per byte, so a slice needs no search. */
#include "tokenizers/text.h"

#include "base/utf8.h"

#include <stdlib.h>

enum { FIRST_CAPACITY = 256 };

text text_of(str original)
{
    return (text){original.p ? original.p : "", original.n, NULL, 0, {0, (uint32_t)original.n}};
}

/* Whether a byte continues a character. */
static bool is_inside(char byte)
{
    return ((unsigned char)byte & 0xC0) == 0x80;
}

span text_origin(const text *t, size_t from, size_t to)
{
    if (from >= to)
        return (span){t->origin.begin + (uint32_t)from, t->origin.begin + (uint32_t)to};
    if (!t->spans) {
        while (from > 0 && is_inside(t->p[from]))
            from--;
        while (to < t->n && is_inside(t->p[to]))
            to++;
        return (span){t->base + (uint32_t)from, t->base + (uint32_t)to};
    }
    return (span){t->spans[from].begin, t->spans[to - 1].end};
}

text text_slice(const text *t, size_t from, size_t to)
{
    return (text){t->p + from, to - from, t->spans ? t->spans + from : NULL,
                  t->base + (uint32_t)from, text_origin(t, from, to)};
}

void text_writer_release(text_writer *w)
{
    free(w->p);
    free(w->spans);
    *w = (text_writer){0};
}

void text_writer_begin(text_writer *w, bool plain)
{
    w->n = 0;
    w->plain = plain;
    w->failed = false;
}

bool text_writer_room(text_writer *w, size_t n)
{
    if (!w->failed && w->n + n <= w->capacity && (w->plain || w->spans))
        return true;
    if (w->failed || n > TEXT_MAX || w->n + n > TEXT_MAX) {
        w->failed = true;
        return false;
    }
    size_t capacity = w->capacity ? w->capacity : FIRST_CAPACITY;
    while (capacity < w->n + n)
        capacity *= 2;
    char *p = realloc(w->p, capacity);
    if (p)
        w->p = p;
    span *spans = w->spans;
    if (p && (!w->plain || spans)) {
        spans = realloc(w->spans, capacity * sizeof *spans);
        if (spans)
            w->spans = spans;
    }
    if (!p || (!w->plain && !spans)) {
        w->failed = true;
        return false;
    }
    w->capacity = capacity;
    return true;
}

void text_put_bytes(text_writer *w, str bytes, span from)
{
    if (!text_writer_room(w, bytes.n))
        return;
    if (bytes.n)
        memcpy(w->p + w->n, bytes.p, bytes.n);
    for (size_t i = 0; i < bytes.n && !w->plain; i++)
        w->spans[w->n + i] = from;
    w->n += bytes.n;
}

void text_put(text_writer *w, uint32_t c, span from)
{
    if (c < 0x80 && w->n < w->capacity && w->spans && !w->failed) {
        w->p[w->n] = (char)c;
        w->spans[w->n++] = from;
        return;
    }
    char bytes[4];
    int n = utf8_put((int32_t)c, bytes);
    text_put_bytes(w, (str){bytes, (size_t)n}, from);
}

void text_put_slice(text_writer *w, const text *t, size_t from, size_t to)
{
    for (size_t at = from, next; at < to; at = next) {
        next = at + unicode_length(t->p[at]);
        text_put_bytes(w, (str){t->p + at, next - at}, text_span(t, at));
    }
}

bool text_written(const text_writer *w, const text *of, text *out, error *e)
{
    if (w->failed)
        return fail(e, ERR_TOO_LARGE, "a text is too large to be normalised");
    *out = (text){w->p ? w->p : "", w->n, w->plain ? NULL : w->spans, of->base, of->origin};
    return true;
}

void text_edit_put(struct text_edit *edit, uint32_t c, int change)
{
    const text *in = edit->in;
    span from = {in->origin.begin, in->origin.begin};
    if (change > 0) {
        size_t at = edit->at;
        if (at > 0) {
            unicode_previous(in->p, &at);
            from = text_span(in, at);
        }
    } else if (edit->at < in->n) {
        from = text_span(in, edit->at);
        for (; change <= 0 && edit->at < in->n; change++)
            edit->at += unicode_length(in->p[edit->at]);
    }
    text_put(edit->out, c, from);
}
