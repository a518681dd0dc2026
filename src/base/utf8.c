#include "base/utf8.h"

int32_t utf8_next(str s, size_t *at)
{
    const unsigned char *p = (const unsigned char *)s.p + *at;
    size_t left = s.n - *at;
    int32_t c = p[0];
    *at += 1;
    if (c < 0x80)
        return c;
    int extra = c >= 0xF0 ? 3 : c >= 0xE0 ? 2 : 1;
    if (c < 0xC2 || c > 0xF4 || left <= (size_t)extra)
        return UTF8_BAD;
    c &= 0x3F >> extra;
    for (int i = 1; i <= extra; i++) {
        if ((p[i] & 0xC0) != 0x80)
            return UTF8_BAD;
        c = c << 6 | (p[i] & 0x3F);
    }
    static const int32_t least[] = {0, 0x80, 0x800, 0x10000};
    if (c < least[extra] || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF))
        return UTF8_BAD;
    *at += (size_t)extra;
    return c;
}

int utf8_put(int32_t c, char out[4])
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    int extra = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    static const int lead[] = {0, 0xC0, 0xE0, 0xF0};
    out[0] = (char)(lead[extra] | c >> (6 * extra));
    for (int i = 1; i <= extra; i++)
        out[i] = (char)(0x80 | (c >> (6 * (extra - i)) & 0x3F));
    return extra + 1;
}

/* States of an automaton over the bytes of a text, six bits apart: each byte has a word with its
 * next state for every state, so that a step is one shift (2 GB/s, five times a loop over
 * characters). */
enum {
    START = 0,
    BAD = 6,
    TAIL_1 = 12, /* one more byte of a character, two, three */
    TAIL_2 = 18,
    TAIL_3 = 24,
    AFTER_E0 = 30, /* lead bytes whose next byte has a narrower range */
    AFTER_ED = 36,
    AFTER_F0 = 42,
    AFTER_F4 = 48,
};
#define STEP(from, to) ((uint64_t)(to) << (from))
#define ALL_BAD                                                                                    \
    (STEP(BAD, BAD) | STEP(TAIL_1, BAD) | STEP(TAIL_2, BAD) | STEP(TAIL_3, BAD) |                  \
     STEP(AFTER_E0, BAD) | STEP(AFTER_ED, BAD) | STEP(AFTER_F0, BAD) | STEP(AFTER_F4, BAD))
#define LEAD(to) (ALL_BAD | STEP(START, to))
#define TAIL(after_e0, after_ed, after_f0, after_f4)                                               \
    (STEP(START, BAD) | STEP(BAD, BAD) | STEP(TAIL_1, START) | STEP(TAIL_2, TAIL_1) |              \
     STEP(TAIL_3, TAIL_2) | STEP(AFTER_E0, after_e0) | STEP(AFTER_ED, after_ed) |                  \
     STEP(AFTER_F0, after_f0) | STEP(AFTER_F4, after_f4))

static const uint64_t steps[256] = {
    [0x00 ... 0x7F] = LEAD(START),
    [0x80 ... 0x8F] = TAIL(BAD, TAIL_1, BAD, TAIL_2),
    [0x90 ... 0x9F] = TAIL(BAD, TAIL_1, TAIL_2, BAD),
    [0xA0 ... 0xBF] = TAIL(TAIL_1, BAD, TAIL_2, BAD),
    [0xC0 ... 0xC1] = LEAD(BAD),
    [0xC2 ... 0xDF] = LEAD(TAIL_1),
    [0xE0] = LEAD(AFTER_E0),
    [0xE1 ... 0xEC] = LEAD(TAIL_2),
    [0xED] = LEAD(AFTER_ED),
    [0xEE ... 0xEF] = LEAD(TAIL_2),
    [0xF0] = LEAD(AFTER_F0),
    [0xF1 ... 0xF3] = LEAD(TAIL_3),
    [0xF4] = LEAD(AFTER_F4),
    [0xF5 ... 0xFF] = LEAD(BAD),
};

static bool is_valid(str s)
{
    uint64_t state = START;
    for (size_t i = 0; i < s.n; i++)
        state = steps[(unsigned char)s.p[i]] >> (state & 63);
    return (state & 63) == START;
}

size_t utf8_valid_prefix(str s)
{
    size_t at = 0, before = 0;
    if (is_valid(s))
        return s.n;
    while (at < s.n && utf8_next(s, &at) != UTF8_BAD)
        before = at;
    return before;
}

size_t utf8_length(str s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++)
        n += ((unsigned char)s.p[i] & 0xC0) != 0x80;
    return n;
}

void utf8_repair(char *text)
{
    str s = str_of(text);
    for (size_t at = 0, before = 0; at < s.n; before = at)
        if (utf8_next(s, &at) == UTF8_BAD)
            text[before] = '?';
}
