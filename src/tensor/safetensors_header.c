/* The grammar is small: an object of objects with three known keys, and one object of strings. */
#include "tensor/safetensors_header.h"
#include "base/memory.h"
#include "base/utf8.h"

#include <inttypes.h>
#include <stdlib.h>

enum { FIRST_TENSORS = 128, MAX_TENSORS = 1 << 20, SHOWN_NAME = 120 };

struct reader {
    const char *start, *p, *end;
    safetensors *out;
    size_t names_used, capacity;
    error *e;
};

static bool syntax(struct reader *r, const char *expected)
{
    return fail(r->e, ERR_BAD_MODEL, "header is not valid at byte %td: expected %s",
                r->p - r->start, expected);
}

static void skip_space(struct reader *r)
{
    while (r->p < r->end && (*r->p == ' ' || *r->p == '\t' || *r->p == '\n' || *r->p == '\r'))
        r->p++;
}

/* Takes one punctuation mark if it is next. */
static bool take(struct reader *r, char mark)
{
    skip_space(r);
    if (r->p == r->end || *r->p != mark)
        return false;
    r->p++;
    return true;
}

static bool read_hex4(struct reader *r, int32_t *unit)
{
    if (r->end - r->p < 4)
        return syntax(r, "four hex digits");
    *unit = 0;
    for (int i = 0; i < 4; i++, r->p++) {
        char c = *r->p, lower = (char)(c | 0x20);
        if (c >= '0' && c <= '9')
            *unit = *unit * 16 + (c - '0');
        else if (lower >= 'a' && lower <= 'f')
            *unit = *unit * 16 + (lower - 'a' + 10);
        else
            return syntax(r, "four hex digits");
    }
    return true;
}

/* After "\u"; a pair of surrogates is one character. */
static bool read_unicode_escape(struct reader *r, int32_t *c)
{
    int32_t low;
    if (!read_hex4(r, c))
        return false;
    if (*c >= 0xdc00 && *c <= 0xdfff)
        return syntax(r, "the first half of a surrogate pair");
    if (*c < 0xd800 || *c > 0xdbff)
        return *c ? true : syntax(r, "a text without NUL");
    if (r->end - r->p < 2 || r->p[0] != '\\' || r->p[1] != 'u')
        return syntax(r, "the second half of a surrogate pair");
    r->p += 2;
    if (!read_hex4(r, &low))
        return false;
    if (low < 0xdc00 || low > 0xdfff)
        return syntax(r, "the second half of a surrogate pair");
    *c = 0x10000 + ((*c - 0xd800) << 10) + (low - 0xdc00);
    return true;
}

static bool read_escape(struct reader *r, char **out)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    char letter = r->p < r->end ? *r->p : 0;
    const char *found = letter ? memchr(from, letter, sizeof from - 1) : NULL;
    if (found) {
        r->p++;
        *(*out)++ = to[found - from];
        return true;
    }
    if (letter != 'u')
        return syntax(r, "an escape sequence");
    r->p++;
    int32_t c;
    if (!read_unicode_escape(r, &c))
        return false;
    *out += utf8_put(c, *out);
    return true;
}

/* The rest of a string that has an escape at r->p; text so far began at `begin`. Unescaped texts
 * are never longer than escaped ones, so all of them fit the header's own length. */
static bool read_escaped(struct reader *r, const char *begin, str *text)
{
    safetensors *s = r->out;
    if (!s->names)
        s->names = malloc((size_t)(r->end - r->start));
    if (!s->names)
        return fail(r->e, ERR_IO, "no memory for the names of the header");
    char *first = s->names + r->names_used, *out = first;
    memcpy(out, begin, (size_t)(r->p - begin));
    out += r->p - begin;
    while (r->p < r->end && *r->p != '"') {
        if ((unsigned char)*r->p < 0x20)
            return syntax(r, "a text without control characters");
        if (*r->p != '\\') {
            *out++ = *r->p++;
            continue;
        }
        r->p++;
        if (!read_escape(r, &out))
            return false;
    }
    if (r->p == r->end)
        return syntax(r, "'\"'");
    r->p++;
    *text = (str){first, (size_t)(out - first)};
    r->names_used += text->n;
    return true;
}

static bool read_string(struct reader *r, str *text)
{
    if (!take(r, '"'))
        return syntax(r, "a text");
    const char *begin = r->p;
    for (; r->p < r->end; r->p++) {
        if (*r->p == '"') {
            *text = (str){begin, (size_t)(r->p - begin)};
            r->p++;
            return true;
        }
        if (*r->p == '\\')
            return read_escaped(r, begin, text);
        if ((unsigned char)*r->p < 0x20)
            return syntax(r, "a text without control characters");
    }
    return syntax(r, "'\"'");
}

static bool read_number(struct reader *r, uint64_t *number)
{
    skip_space(r);
    const char *begin = r->p;
    *number = 0;
    for (; r->p < r->end && *r->p >= '0' && *r->p <= '9'; r->p++)
        if (__builtin_mul_overflow(*number, 10, number) ||
            __builtin_add_overflow(*number, (uint64_t)(*r->p - '0'), number))
            return syntax(r, "a number below 2^64");
    if (r->p == begin || (*begin == '0' && r->p - begin > 1))
        return syntax(r, "a whole number of 0 or more");
    if (r->p < r->end && (*r->p == '.' || *r->p == 'e' || *r->p == 'E'))
        return syntax(r, "a whole number");
    return true;
}

/* "[1, 2]" into numbers; at most `most`. */
static bool read_numbers(struct reader *r, uint64_t *numbers, int most, int *n)
{
    *n = 0;
    if (!take(r, '['))
        return syntax(r, "'['");
    if (take(r, ']'))
        return true;
    do {
        if (*n == most)
            return fail(r->e, ERR_BAD_MODEL,
                        "header has more than %d numbers in a list at byte %td", most,
                        r->p - r->start);
        if (!read_number(r, &numbers[(*n)++]))
            return false;
    } while (take(r, ','));
    return take(r, ']') || syntax(r, "',' or ']'");
}

static bool read_type(struct reader *r, tensor *t)
{
    str name;
    if (!read_string(r, &name))
        return false;
    t->type = dtype_by_name(name);
    return t->type < N_DTYPES ||
           fail(r->e, ERR_BAD_MODEL, "tensor '%.*s' has the unknown dtype '%.*s'",
                (int)(t->name.n < SHOWN_NAME ? t->name.n : SHOWN_NAME), t->name.p,
                (int)(name.n < SHOWN_NAME ? name.n : SHOWN_NAME), name.p);
}

static bool read_shape(struct reader *r, tensor *t)
{
    uint64_t dims[TENSOR_DIMS];
    if (!read_numbers(r, dims, TENSOR_DIMS, &t->n_dims))
        return false;
    for (int i = 0; i < t->n_dims; i++) {
        if (dims[i] > INT64_MAX)
            return syntax(r, "dimensions below 2^63");
        t->dims[i] = (int64_t)dims[i];
    }
    return true;
}

static bool read_offsets(struct reader *r, tensor *t)
{
    uint64_t range[2];
    int n;
    if (!read_numbers(r, range, 2, &n))
        return false;
    if (n != 2)
        return syntax(r, "two data_offsets");
    t->begin = range[0];
    t->end = range[1];
    return true;
}

static bool read_tensor(struct reader *r, tensor *t)
{
    static const char *const keys[] = {"dtype", "shape", "data_offsets"};
    static bool (*const readers[])(struct reader *, tensor *) = {read_type, read_shape,
                                                                 read_offsets};
    unsigned seen = 0;
    if (!take(r, '{'))
        return syntax(r, "'{'");
    do {
        str key;
        if (!read_string(r, &key))
            return false;
        int which = 0;
        while (which < 3 && !str_is(key, keys[which]))
            which++;
        if (which == 3 || (seen & 1u << which))
            return syntax(r, "one each of dtype, shape and data_offsets");
        seen |= 1u << which;
        if (!take(r, ':'))
            return syntax(r, "':'");
        if (!readers[which](r, t))
            return false;
    } while (take(r, ','));
    if (seen != 7)
        return syntax(r, "dtype, shape and data_offsets");
    return take(r, '}') || syntax(r, "',' or '}'");
}

static bool read_metadata(struct reader *r)
{
    skip_space(r);
    const char *begin = r->p;
    size_t names_used = r->names_used;
    if (r->out->metadata.n)
        return syntax(r, "one __metadata__ only");
    if (!take(r, '{'))
        return syntax(r, "'{'");
    if (!take(r, '}')) {
        do {
            str key, value;
            if (!read_string(r, &key))
                return false;
            if (!take(r, ':'))
                return syntax(r, "':'");
            if (!read_string(r, &value))
                return false;
        } while (take(r, ','));
        if (!take(r, '}'))
            return syntax(r, "',' or '}'");
    }
    r->names_used = names_used;
    r->out->metadata = (str){begin, (size_t)(r->p - begin)};
    return true;
}

static bool grow(struct reader *r)
{
    safetensors *s = r->out;
    if ((size_t)s->n < r->capacity)
        return true;
    if (s->n == MAX_TENSORS)
        return fail(r->e, ERR_BAD_MODEL, "header has more than %d tensors", MAX_TENSORS);
    size_t capacity = r->capacity ? r->capacity * 2 : FIRST_TENSORS;
    tensor *more = realloc(s->tensors, capacity * sizeof *more);
    if (!more)
        return fail(r->e, ERR_IO, "no memory for %zu tensors", capacity);
    s->tensors = more;
    r->capacity = capacity;
    return true;
}

static bool read_entry(struct reader *r)
{
    str name;
    if (!read_string(r, &name))
        return false;
    if (!take(r, ':'))
        return syntax(r, "':'");
    if (str_is(name, "__metadata__"))
        return read_metadata(r);
    if (!grow(r))
        return false;
    tensor *t = &r->out->tensors[r->out->n];
    *t = (tensor){.name = name};
    if (!read_tensor(r, t))
        return false;
    r->out->n++;
    return true;
}

bool safetensors_read_header(safetensors *s, str text, error *e)
{
    struct reader r = {.start = text.p, .p = text.p, .end = text.p + text.n, .out = s, .e = e};
    if (!text.n || *text.p != '{')
        return syntax(&r, "'{'");
    r.p++;
    if (!take(&r, '}')) {
        do {
            if (!read_entry(&r))
                return false;
        } while (take(&r, ','));
        if (!take(&r, '}'))
            return syntax(&r, "',' or '}'");
    }
    skip_space(&r);
    return r.p == r.end || syntax(&r, "nothing behind the last '}'");
}
