#include "tokenizers/python.h"
#include "base/utf8.h"
#include "tokenizers/unicode.h"

enum { SIGMA = 0x3A3, FINAL_SIGMA = 0x3C2 };

/* The last range that begins at or before a code point. */
static uint32_t range_of(uint32_t c)
{
    int low = 0, high = n_python_ranges;
    while (high - low > 1) {
        int middle = (low + high) / 2;
        if (python_ranges[middle] >> 8 <= c)
            low = middle;
        else
            high = middle;
    }
    return python_ranges[low];
}

unsigned python_flags_beyond(uint32_t c)
{
    return range_of(c) & 0xFF;
}

int python_digit(uint32_t c)
{
    if (c < 0x80)
        return c >= '0' && c <= '9' ? (int)(c - '0') : -1;
    uint32_t range = range_of(c);
    return range & PYTHON_DIGIT ? (int)((c - (range >> 8)) % 10) : -1;
}

/* Whether a sigma that stands before `end` and begins at `begin` ends a word: a cased letter before
 * it and none behind, looking past what is ignored. */
static bool ends_word(str text, size_t begin, size_t end)
{
    bool before = false;
    while (begin > 0) {
        unsigned flags = python_flags_of(unicode_previous(text.p, &begin));
        before = flags & PYTHON_CASED;
        if (!(flags & PYTHON_IGNORED))
            break;
    }
    while (before && end < text.n) {
        unsigned flags = python_flags_of(unicode_next(text.p, &end));
        if (!(flags & PYTHON_IGNORED))
            return !(flags & PYTHON_CASED);
    }
    return before;
}

static void put(uint32_t c, buf *out)
{
    char bytes[4];
    buf_add(out, bytes, (size_t)utf8_put((int32_t)c, bytes));
}

void python_lower(str text, buf *out)
{
    for (size_t at = 0; at < text.n;) {
        size_t begin = at;
        uint32_t lower[2], c = unicode_next(text.p, &at);
        if (c == SIGMA && ends_word(text, begin, at)) {
            put(FINAL_SIGMA, out);
            continue;
        }
        int n = unicode_lower(c, lower);
        for (int i = 0; i < n; i++)
            put(lower[i], out);
    }
}

void python_squeeze(str text, buf *out)
{
    bool any = false, space = false;
    for (size_t at = 0; at < text.n;) {
        size_t begin = at;
        if (python_is(unicode_next(text.p, &at), PYTHON_SPACE)) {
            space = any;
            continue;
        }
        if (space)
            buf_byte(out, ' ');
        buf_add(out, text.p + begin, at - begin);
        any = true;
        space = false;
    }
}

str python_strip(str text)
{
    size_t begin = 0, end = text.n;
    for (size_t at = 0; at < text.n; begin = at)
        if (!python_is(unicode_next(text.p, &at), PYTHON_SPACE))
            break;
    for (size_t at = end; at > begin; end = at)
        if (!python_is(unicode_previous(text.p, &at), PYTHON_SPACE))
            break;
    return (str){text.p + begin, end - begin};
}
