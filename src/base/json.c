#include "base/json.h"
#include "base/file.h"
#include "base/own.h"

#include <math.h>

/* Depth is checked before jansson recurses: brackets outside of strings. */
static int nesting(str text)
{
    int depth = 0, deepest = 0;
    bool in_string = false;
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        if (in_string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '[' || c == '{') {
            depth++;
            if (depth > deepest)
                deepest = depth;
        } else if (c == ']' || c == '}') {
            depth--;
        }
    }
    return deepest;
}

json_t *json_parse(str text, const char *what, int max_depth, error *e)
{
    if (nesting(text) > max_depth) {
        fail(e, ERR_BAD_REQUEST, "%s nests arrays and objects deeper than %d levels", what,
             max_depth);
        return NULL;
    }
    json_error_t problem;
    const char *p = text.p ? text.p : "";
    size_t flags = JSON_DECODE_ANY | JSON_ALLOW_NUL;
    json_t *value = json_loadb(p, text.n, flags, &problem);
    /* "model_max_length": 1000000000000000019884624838656 is how tokenizers say "no limit" */
    if (!value && json_error_code(&problem) == json_error_numeric_overflow)
        value = json_loadb(p, text.n, flags | JSON_DECODE_INT_AS_REAL, &problem);
    if (!value)
        fail(e, ERR_BAD_REQUEST, "%s is not valid JSON: line %d, column %d: %s", what, problem.line,
             problem.column, problem.text);
    return value;
}

json_t *json_parse_file(const char *path, size_t max_bytes, error *e)
{
    own_buf buf text = buf_new(0);
    if (!file_read(path, max_bytes, &text, e))
        return NULL;
    error inner = {0};
    json_t *value = json_parse(buf_view(&text), "the file", 2000, &inner);
    if (!value)
        fail(e, ERR_BAD_MODEL, "'%s': %s", path, inner.message);
    return value;
}

const char *json_kind(const json_t *value)
{
    if (!value)
        return "nothing";
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "an array";
    case JSON_STRING:
        return "a string";
    case JSON_INTEGER:
        return "an integer";
    case JSON_REAL:
        return "a number";
    case JSON_TRUE:
        return "true";
    case JSON_FALSE:
        return "false";
    default:
        return "null";
    }
}

void json_put_string(buf *out, str text)
{
    buf_byte(out, '"');
    size_t start = 0;
    for (size_t i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i];
        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        buf_add(out, text.p + start, i - start);
        start = i + 1;
        if (c == '"' || c == '\\')
            buf_printf(out, "\\%c", c);
        else if (c == '\n')
            buf_puts(out, "\\n");
        else if (c == '\t')
            buf_puts(out, "\\t");
        else if (c == '\r')
            buf_puts(out, "\\r");
        else
            buf_printf(out, "\\u%04x", c);
    }
    buf_add(out, text.p + start, text.n - start);
    buf_byte(out, '"');
}

enum { FLOAT_TEXT = 24, FLOAT_DIGITS = 9 };

static const double tens[] = {1e0, 1e1, 1e2, 1e3,  1e4,  1e5,  1e6,
                              1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13};

static void two_digits(unsigned value, char *to)
{
    to[0] = (char)('0' + value / 10);
    to[1] = (char)('0' + value % 10);
}

/* Digits before the point of a number from 1e-5 on and below 1e9; 0 and below for 0.0ddd. No float
 * is so near to a power of ten that is none that a double could not tell them apart. */
static int whole_digits_of(double magnitude)
{
    static const double tenths[] = {1e-4, 1e-3, 1e-2, 1e-1, 1e0};
    int n = 1;
    while (n < FLOAT_DIGITS && magnitude >= tens[n])
        n++;
    while (n > -4 && n <= 1 && magnitude < tenths[n + 3])
        n--;
    return n;
}

/* 9 significant digits, zeros at the end of decimals left out, of a float between 1e-5 and 1e9 by
 * integer arithmetic: a double holds the scaled value with 1e-16 relative error, far below the
 * 5e-10 that the ninth digit leaves. */
static size_t float_text(float value, char to[FLOAT_TEXT])
{
    double magnitude = fabs((double)value);
    if (!(magnitude >= 1e-5 && magnitude < 1e9))
        return (size_t)snprintf(to, FLOAT_TEXT, "%.9g", (double)value);
    int whole = whole_digits_of(magnitude);
    uint64_t scaled = (uint64_t)(magnitude * tens[FLOAT_DIGITS - whole] + 0.5);
    if (scaled >= 1000000000) { /* it was rounded up to one digit more */
        scaled /= 10;
        whole++;
    }
    char digits[FLOAT_DIGITS];
    unsigned high = (unsigned)(scaled / 10000), low = (unsigned)(scaled % 10000);
    digits[0] = (char)('0' + high / 10000);
    two_digits(high / 100 % 100, digits + 1);
    two_digits(high % 100, digits + 3);
    two_digits(low / 100, digits + 5);
    two_digits(low % 100, digits + 7);
    int n = FLOAT_DIGITS; /* the first digit is not 0 */
    while (n > whole && digits[n - 1] == '0')
        n--;
    char *p = to;
    *p = '-';
    p += value < 0;
    if (whole > 0) {
        memcpy(p, digits, (size_t)whole);
        p += whole;
        if (n <= whole)
            return (size_t)(p - to);
        *p++ = '.';
        memcpy(p, digits + whole, (size_t)(n - whole));
        return (size_t)(p - to) + (size_t)(n - whole);
    }
    memcpy(p, "0.0000", 6);
    p += 2 - whole;
    memcpy(p, digits, FLOAT_DIGITS);
    return (size_t)(p - to) + (size_t)n;
}

/* JSON has no other numbers. */
static size_t finite_text(float value, char to[FLOAT_TEXT])
{
    if (isfinite(value))
        return float_text(value, to);
    memcpy(to, "null", 4);
    return 4;
}

void json_put_float(buf *out, float value)
{
    char *to = buf_room(out, FLOAT_TEXT);
    if (to)
        out->n += finite_text(value, to);
}

enum { DOUBLE_TEXT = 32 };

/* The fewest digits that are read as the same number: 0.47, not 0.46999999999999997. */
static void double_text(double value, char to[DOUBLE_TEXT])
{
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(to, DOUBLE_TEXT, "%.*g", digits, value);
        if (strtod(to, NULL) == value)
            return;
    }
}

void json_put_double(buf *out, double value)
{
    char text[DOUBLE_TEXT] = "null";
    if (isfinite(value))
        double_text(value, text);
    buf_puts(out, text);
}

void json_put_int(buf *out, int64_t value)
{
    buf_printf(out, "%lld", (long long)value);
}

void json_put_floats(buf *out, const float *values, size_t n)
{
    enum { AT_ONCE = 256 };
    buf_byte(out, '[');
    for (size_t i = 0; i < n; i += AT_ONCE) {
        size_t end = n - i < AT_ONCE ? n : i + AT_ONCE;
        char *to = buf_room(out, (end - i) * (FLOAT_TEXT + 1)), *p = to;
        for (size_t j = i; to && j < end; j++) {
            if (j > 0)
                *p++ = ',';
            p += finite_text(values[j], p);
        }
        out->n += to ? (size_t)(p - to) : 0;
    }
    buf_byte(out, ']');
}

static void put_object(buf *out, const json_t *object)
{
    char before = '{';
    for (void *at = json_object_iter((json_t *)object); at;
         at = json_object_iter_next((json_t *)object, at)) {
        buf_byte(out, before);
        json_put_string(out, str_of(json_object_iter_key(at)));
        buf_byte(out, ':');
        json_put(out, json_object_iter_value(at));
        before = ',';
    }
    buf_puts(out, before == '{' ? "{}" : "}");
}

static void put_array(buf *out, const json_t *array)
{
    buf_byte(out, '[');
    for (size_t i = 0; i < json_array_size(array); i++) {
        if (i)
            buf_byte(out, ',');
        json_put(out, json_array_get(array, i));
    }
    buf_byte(out, ']');
}

/* Stays a real for who reads it: "1.0". */
static void put_real(buf *out, double value)
{
    char text[DOUBLE_TEXT];
    double_text(value, text);
    buf_puts(out, text);
    if (!strpbrk(text, ".e"))
        buf_puts(out, ".0");
}

void json_put(buf *out, const json_t *value)
{
    if (!value) /* a document that could not be made, as of a text that is not UTF-8 */
        return;
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        put_object(out, value);
        break;
    case JSON_ARRAY:
        put_array(out, value);
        break;
    case JSON_STRING:
        json_put_string(out, json_str(value));
        break;
    case JSON_INTEGER:
        json_put_int(out, json_integer_value(value));
        break;
    case JSON_REAL:
        put_real(out, json_real_value(value));
        break;
    default:
        buf_puts(out, json_is_true(value) ? "true" : json_is_false(value) ? "false" : "null");
    }
}
