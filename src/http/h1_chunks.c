/* Decoder of chunked bodies: a byte machine for the lines, whole views for the data.
 *
 *     size in hex [ ; extension ] CR LF  data CR LF ... 0 CR LF  [ trailer lines ] CR LF
 *
 * Extensions and trailers are checked for control characters and dropped. */
#include "http/h1.h"

#include "http/h1_chars.h"

enum {
    SIZE_FIRST, /* start of a size line */
    SIZE,
    EXTENSION,
    SIZE_LF,
    DATA,
    DATA_CR,
    DATA_LF,
    TRAILER_FIRST, /* start of a trailer line */
    TRAILER,
    TRAILER_LF,
    END_LF,
    ENDED,
};

static bool size_digit(h1_chunks *c, char byte)
{
    int digit = h1_hex(byte);
    if (digit < 0 || c->left >> 56)
        return false;
    c->left = c->left * 16 + (uint64_t)digit;
    c->state = SIZE;
    return true;
}

/* One byte of a size line. */
static bool size_byte(h1_chunks *c, char byte)
{
    if (++c->line > H1_MAX_CHUNK_LINE)
        return false;
    switch (c->state) {
    case SIZE_FIRST:
        c->left = 0;
        return size_digit(c, byte);
    case SIZE:
        if (byte == '\r')
            c->state = SIZE_LF;
        else if (byte == ';')
            c->state = EXTENSION;
        else
            return size_digit(c, byte);
        return true;
    case EXTENSION:
        if (byte == '\r')
            c->state = SIZE_LF;
        return byte == '\r' || !h1_is_control(byte);
    default: /* SIZE_LF */
        c->state = c->left > 0 ? DATA : TRAILER_FIRST;
        c->line = 0;
        return byte == '\n';
    }
}

/* One byte of the trailer section. */
static bool trailer_byte(h1_chunks *c, char byte)
{
    if (++c->line > H1_MAX_TRAILER)
        return false;
    switch (c->state) {
    case TRAILER_FIRST:
        c->state = byte == '\r' ? END_LF : TRAILER;
        return byte == '\r' || h1_is_token_char(byte);
    case TRAILER:
        if (byte == '\r')
            c->state = TRAILER_LF;
        return byte == '\r' || !h1_is_control(byte);
    case TRAILER_LF:
        c->state = TRAILER_FIRST;
        return byte == '\n';
    default: /* END_LF */
        c->state = ENDED;
        return byte == '\n';
    }
}

/* One byte that is not data. */
static bool frame_byte(h1_chunks *c, char byte)
{
    if (c->state <= SIZE_LF)
        return size_byte(c, byte);
    if (c->state >= TRAILER_FIRST)
        return trailer_byte(c, byte);
    bool good = byte == (c->state == DATA_CR ? '\r' : '\n');
    c->state = c->state == DATA_CR ? DATA_LF : SIZE_FIRST;
    return good;
}

enum h1_result h1_chunks_next(h1_chunks *c, str bytes, size_t *at, str *data)
{
    *data = (str){NULL, 0};
    while (c->state != ENDED && *at < bytes.n) {
        if (c->state == DATA) {
            size_t n = bytes.n - *at < c->left ? bytes.n - *at : (size_t)c->left;
            *data = (str){bytes.p + *at, n};
            *at += n;
            c->left -= n;
            if (c->left == 0)
                c->state = DATA_CR;
            return H1_MORE;
        }
        if (!frame_byte(c, bytes.p[*at]))
            return H1_BAD;
        ++*at;
    }
    return c->state == ENDED ? H1_DONE : H1_MORE;
}
