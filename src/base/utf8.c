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

size_t utf8_valid_prefix(str s)
{
    size_t at = 0;
    while (at < s.n) {
        size_t before = at;
        if (utf8_next(s, &at) == UTF8_BAD)
            return before;
    }
    return s.n;
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
