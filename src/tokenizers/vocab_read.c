/* A reader for the large lists of a tokenizer.json: {"token": id, ...}, [["token", score], ...] and
 * the merges, [["a", "b"], ...] or ["a b", ...], strict and in one pass: a general parser takes
 * longer for 30,000 entries than a model may take to start. */
#include "base/utf8.h"
#include "tokenizers/merges.h"
#include "tokenizers/vocab.h"

#include <math.h>
#include <stdlib.h>

enum { MAX_TOKEN_BYTES = 1 << 16, MAX_EXPONENT = 100000, MAX_LEFT = 1 << 12 };

struct reader {
    str json;
    size_t at;
    error *e;
    char unescaped[MAX_TOKEN_BYTES];
};

static bool expected(struct reader *r, const char *what)
{
    return fail(r->e, ERR_BAD_MODEL, "byte %zu: expected %s", r->at, what);
}

static void skip_space(struct reader *r)
{
    while (r->at < r->json.n && (r->json.p[r->at] == ' ' || r->json.p[r->at] == '\n' ||
                                 r->json.p[r->at] == '\r' || r->json.p[r->at] == '\t'))
        r->at++;
}

static bool take(struct reader *r, char c)
{
    skip_space(r);
    if (r->at >= r->json.n || r->json.p[r->at] != c)
        return false;
    r->at++;
    return true;
}

static bool read_hex(struct reader *r, uint32_t *unit)
{
    *unit = 0;
    for (int i = 0; i < 4; i++, r->at++) {
        char c = r->at < r->json.n ? r->json.p[r->at] : 0;
        uint32_t digit = c >= '0' && c <= '9'   ? (uint32_t)(c - '0')
                         : c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a' + 10)
                         : c >= 'A' && c <= 'F' ? (uint32_t)(c - 'A' + 10)
                                                : 16;
        if (digit > 15)
            return expected(r, "four hexadecimal digits");
        *unit = *unit * 16 + digit;
    }
    return true;
}

/* The escape behind a backslash as UTF-8; returns its length, 0 on failure. */
static size_t read_escape(struct reader *r, char out[4])
{
    static const char letters[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
    char c = r->at < r->json.n ? r->json.p[r->at++] : 0;
    const char *found = c ? strchr(letters, c) : NULL;
    if (found) {
        out[0] = meanings[found - letters];
        return 1;
    }
    uint32_t unit, low;
    if (c != 'u' || !read_hex(r, &unit))
        return expected(r, "an escape") ? 1 : 0;
    if (unit >= 0xD800 && unit < 0xDC00) {
        bool paired =
            r->at + 1 < r->json.n && r->json.p[r->at] == '\\' && r->json.p[r->at + 1] == 'u';
        r->at += 2;
        if (!paired || !read_hex(r, &low) || low < 0xDC00 || low > 0xDFFF)
            return expected(r, "the second half of a surrogate pair") ? 1 : 0;
        unit = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
    } else if (unit >= 0xDC00 && unit < 0xE000) {
        return expected(r, "the first half of a surrogate pair") ? 1 : 0;
    }
    return (size_t)utf8_put((int32_t)unit, out);
}

/* A string with escapes, from `begin` on, where r->at stands at the first backslash. */
static bool read_escaped(struct reader *r, size_t begin, str *out)
{
    size_t n = r->at - begin;
    if (n >= MAX_TOKEN_BYTES)
        return expected(r, "a shorter token");
    memcpy(r->unescaped, r->json.p + begin, n);
    while (r->at < r->json.n && r->json.p[r->at] != '"') {
        if (n + 4 > MAX_TOKEN_BYTES)
            return expected(r, "a shorter token");
        char c = r->json.p[r->at++];
        if ((unsigned char)c < ' ')
            return expected(r, "no control character in a string");
        size_t length = 1;
        r->unescaped[n] = c;
        if (c == '\\')
            length = read_escape(r, r->unescaped + n);
        if (length == 0)
            return false;
        n += length;
    }
    *out = (str){r->unescaped, n};
    return true;
}

static bool read_string(struct reader *r, str *out)
{
    if (!take(r, '"'))
        return expected(r, "a string");
    size_t begin = r->at;
    unsigned char high = 0;
    for (; r->at < r->json.n; r->at++) {
        unsigned char c = (unsigned char)r->json.p[r->at];
        if (c == '"' || c == '\\' || c < ' ')
            break;
        high |= c;
    }
    *out = (str){r->json.p + begin, r->at - begin};
    if (r->at < r->json.n && r->json.p[r->at] != '"') {
        high = 0x80;
        if (!read_escaped(r, begin, out))
            return false;
    }
    if (r->at >= r->json.n)
        return expected(r, "the end of the string");
    r->at++;
    if (high & 0x80 && utf8_valid_prefix(*out) != out->n)
        return expected(r, "valid UTF-8 in the string before");
    return true;
}

static bool read_id(struct reader *r, int64_t *id)
{
    if (!take(r, ':'))
        return expected(r, "':'");
    skip_space(r);
    size_t begin = r->at;
    *id = 0;
    for (; r->at < r->json.n && r->json.p[r->at] >= '0' && r->json.p[r->at] <= '9'; r->at++) {
        if (r->at - begin >= 10)
            return expected(r, "a smaller id");
        *id = *id * 10 + (r->json.p[r->at] - '0');
    }
    bool leading_zero = r->at - begin > 1 && r->json.p[begin] == '0';
    if (r->at == begin || leading_zero)
        return expected(r, "an id, a whole number");
    return true;
}

bool vocab_read(vocab *v, str json, size_t *at, error *e)
{
    struct reader r;
    r.json = json;
    r.at = *at;
    r.e = e;
    if (!take(&r, '{'))
        return expected(&r, "'{'");
    bool more = !take(&r, '}');
    while (more) {
        str token;
        int64_t id = 0;
        if (!read_string(&r, &token) || !read_id(&r, &id) || !vocab_add(v, token, id, e))
            return false;
        more = take(&r, ',');
        if (!more && !take(&r, '}'))
            return expected(&r, "',' or '}'");
    }
    *at = r.at;
    return true;
}

static int digit(const struct reader *r)
{
    char c = r->at < r->json.n ? r->json.p[r->at] : 0;
    return c >= '0' && c <= '9' ? c - '0' : -1;
}

/* Digits into the significand while it has room for them; `drop` counts for those behind that.
 * False when there is none. */
static bool read_digits(struct reader *r, uint64_t *significand, int *exponent, int keep, int drop)
{
    bool any = false, full = false;
    for (int d; (d = digit(r)) >= 0 && r->at < r->json.n; r->at++, any = true) {
        full = full || *significand > (UINT64_MAX - (uint64_t)d) / 10;
        if (!full)
            *significand = *significand * 10 + (uint64_t)d;
        *exponent += full ? drop : keep;
        if (*exponent > MAX_EXPONENT || *exponent < -MAX_EXPONENT)
            return false;
    }
    return any;
}

/* The exponent behind 'e'. */
static bool read_exponent(struct reader *r, int *exponent)
{
    uint64_t value = 0;
    int ignored = 0;
    bool minus = take(r, '-');
    if (!minus)
        take(r, '+');
    if (!read_digits(r, &value, &ignored, 0, 1) || value > MAX_EXPONENT)
        return false;
    *exponent += minus ? -(int)value : (int)value;
    return true;
}

#define TEN_POWERS(d)                                                                              \
    1e##d##0, 1e##d##1, 1e##d##2, 1e##d##3, 1e##d##4, 1e##d##5, 1e##d##6, 1e##d##7, 1e##d##8,      \
        1e##d##9

static const double powers[309] = {
    TEN_POWERS(0),  TEN_POWERS(1),  TEN_POWERS(2),  TEN_POWERS(3),  TEN_POWERS(4),  TEN_POWERS(5),
    TEN_POWERS(6),  TEN_POWERS(7),  TEN_POWERS(8),  TEN_POWERS(9),  TEN_POWERS(10), TEN_POWERS(11),
    TEN_POWERS(12), TEN_POWERS(13), TEN_POWERS(14), TEN_POWERS(15), TEN_POWERS(16), TEN_POWERS(17),
    TEN_POWERS(18), TEN_POWERS(19), TEN_POWERS(20), TEN_POWERS(21), TEN_POWERS(22), TEN_POWERS(23),
    TEN_POWERS(24), TEN_POWERS(25), TEN_POWERS(26), TEN_POWERS(27), TEN_POWERS(28), TEN_POWERS(29),
    1e300,          1e301,          1e302,          1e303,          1e304,          1e305,
    1e306,          1e307,          1e308,
};

/* significand * 10^exponent in the steps that the reference takes, which is not always the nearest
 * double: sums of scores that are nearly equal would choose other tokens. */
static double scaled(uint64_t significand, int exponent)
{
    double value = (double)significand;
    for (; exponent < -308 && value != 0; exponent += 308)
        value /= 1e308;
    if (value == 0)
        return 0;
    if (exponent > 308)
        return INFINITY;
    double power = powers[abs(exponent)];
    return exponent < 0 ? value / power : value * power;
}

static bool read_score(struct reader *r, double *score)
{
    uint64_t significand = 0;
    int exponent = 0;
    if (!take(r, ','))
        return expected(r, "','");
    bool minus = take(r, '-');
    bool ok = read_digits(r, &significand, &exponent, 0, 1);
    if (ok && r->at < r->json.n && r->json.p[r->at] == '.') {
        r->at++;
        ok = read_digits(r, &significand, &exponent, -1, 0);
    }
    if (ok && r->at < r->json.n && (r->json.p[r->at] | 0x20) == 'e') {
        r->at++;
        ok = read_exponent(r, &exponent);
    }
    double value = scaled(significand, exponent);
    *score = minus ? -value : value;
    return (ok && isfinite(value)) || expected(r, "a score, a number");
}

bool vocab_read_scored(vocab *v, str json, size_t *at, error *e)
{
    struct reader r;
    r.json = json;
    r.at = *at;
    r.e = e;
    if (!take(&r, '['))
        return expected(&r, "'['");
    bool more = !take(&r, ']');
    while (more) {
        str token;
        double score = 0;
        if (!take(&r, '['))
            return expected(&r, "'['");
        /* A string with escapes is the reader's until the next: what follows has none. */
        if (!read_string(&r, &token) || !read_score(&r, &score) ||
            !vocab_add_scored(v, token, v->n, score, e))
            return false;
        if (!take(&r, ']'))
            return expected(&r, "']'");
        more = take(&r, ',');
        if (!more && !take(&r, ']'))
            return expected(&r, "',' or ']'");
    }
    *at = r.at;
    return true;
}

/* "a b": exactly one space, as tokens of this form have none. */
static bool read_joined(struct reader *r, merges *m, const vocab *v)
{
    str both;
    if (!read_string(r, &both))
        return false;
    const char *space = both.n ? memchr(both.p, ' ', both.n) : NULL;
    str left = {both.p, space ? (size_t)(space - both.p) : 0};
    str right = str_skip(both, left.n + 1);
    if (!space || (right.n && memchr(right.p, ' ', right.n)))
        return expected(r, "two tokens with a space between before this");
    return merges_add(m, v, left, right, r->e);
}

/* ["a", "b"] */
static bool read_two(struct reader *r, merges *m, const vocab *v)
{
    str left, right;
    char kept[MAX_LEFT];
    if (!read_string(r, &left))
        return false;
    if (left.n > sizeof kept)
        return expected(r, "a shorter token");
    if (left.p == r->unescaped)
        left.p = memcpy(kept, left.p, left.n);
    if (!take(r, ','))
        return expected(r, "','");
    if (!read_string(r, &right) || !merges_add(m, v, left, right, r->e))
        return false;
    return take(r, ']') || expected(r, "']'");
}

bool merges_read(merges *m, const vocab *v, str json, size_t *at, error *e)
{
    struct reader r;
    r.json = json;
    r.at = *at;
    r.e = e;
    m->given = true;
    if (!take(&r, '['))
        return expected(&r, "'['");
    bool more = !take(&r, ']');
    while (more) {
        if (!(take(&r, '[') ? read_two(&r, m, v) : read_joined(&r, m, v)))
            return false;
        more = take(&r, ',');
        if (!more && !take(&r, ']'))
            return expected(&r, "',' or ']'");
    }
    *at = r.at;
    return true;
}
