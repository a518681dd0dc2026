/* Texts are looked at in lower case with single spaces. A span is a range of code points that has
 * values; the longest count, so only spans that no other holds are kept. */
#include "tokenizers/numeric_values.h"
#include "base/own.h"
#include "tokenizers/python.h"
#include "tokenizers/unicode.h"

#include <math.h>
#include <stdlib.h>

enum { DATE_WORDS = 5, MAX_TEXT = 1 << 28 };

static const char *const number_words[] = {"zero", "one",    "two",   "three", "four",
                                           "five", "six",    "seven", "eight", "nine",
                                           "ten",  "eleven", "twelve"};
static const char *const ordinal_words[] = {"zeroth", "first",    "second",  "third",  "fourth",
                                            "fifth",  "sixth",    "seventh", "eighth", "ninth",
                                            "tenth",  "eleventh", "twelfth"};
enum { N_WORDS = sizeof number_words / sizeof *number_words };

struct span {
    int begin, end, order; /* order: of being found */
    numeric_value value;
};

/* A text while its spans are looked for. */
struct search {
    uint32_t *text;
    int n;
    struct span *spans;
    int n_spans, capacity;
    bool failed; /* out of memory */
};

static void search_release(struct search *s)
{
    free(s->text);
    free(s->spans);
}

static void found(struct search *s, int begin, int end, const numeric_value *value)
{
    if (s->n_spans == s->capacity) {
        int more = s->capacity ? 2 * s->capacity : 16;
        struct span *grown = realloc(s->spans, (size_t)more * sizeof *grown);
        if (!grown) {
            s->failed = true;
            return;
        }
        s->spans = grown;
        s->capacity = more;
    }
    s->spans[s->n_spans] = (struct span){begin, end, s->n_spans, *value};
    s->n_spans++;
}

static void found_number(struct search *s, int begin, int end, double number)
{
    found(s, begin, end, &(numeric_value){.parts = {number}});
}

static bool is_digit(const struct search *s, int at)
{
    return at < s->n && python_is(s->text[at], PYTHON_DIGIT);
}

static int digits_end(const struct search *s, int at)
{
    while (is_digit(s, at))
        at++;
    return at;
}

/* End of a number without sign that begins here: ".5", "1,234.5", "7."; -1: there is none. */
static int number_end(const struct search *s, int at)
{
    if (at < s->n && s->text[at] == '.')
        return is_digit(s, at + 1) ? digits_end(s, at + 1) : -1;
    if (!is_digit(s, at))
        return -1;
    at = digits_end(s, at);
    while (at < s->n && s->text[at] == ',' && is_digit(s, at + 1) && is_digit(s, at + 2) &&
           is_digit(s, at + 3))
        at += 4;
    return at < s->n && s->text[at] == '.' ? digits_end(s, at + 1) : at;
}

static bool is_sign(const struct search *s, int at)
{
    return at < s->n && (s->text[at] == '+' || s->text[at] == '-');
}

/* The same with a sign, which counts at the start of the text or behind a space. */
static int signed_end(const struct search *s, int at)
{
    int end = -1;
    if (at == 0 && is_sign(s, 0))
        end = number_end(s, 1);
    if (end < 0 && s->text[at] == ' ' && is_sign(s, at + 1))
        end = number_end(s, at + 2);
    return end < 0 ? number_end(s, at) : end;
}

/* Decimal digits, dots and exponents as strtod() reads them. Commas are left out. */
static bool read_plain(const uint32_t *text, int n, double *out)
{
    enum { FEW = 64 };
    char few[FEW], *ascii = n < FEW ? few : malloc((size_t)n + 1);
    int m = 0;
    for (int i = 0; i < n && ascii; i++) {
        int digit = python_digit(text[i]);
        if (digit >= 0)
            ascii[m++] = (char)('0' + digit);
        else if (text[i] < 0x80 && text[i] != ',' && text[i] != ' ')
            ascii[m++] = (char)text[i];
    }
    if (!ascii)
        return false;
    ascii[m] = '\0';
    *out = strtod(ascii, NULL);
    if (ascii != few)
        free(ascii);
    return *out != INFINITY;
}

static void find_numbers(struct search *s)
{
    for (int at = 0; at < s->n;) {
        double number;
        int end = signed_end(s, at);
        if (end < 0) {
            at++;
            continue;
        }
        if (read_plain(s->text + at, end - at, &number))
            found_number(s, at, end, number);
        at = end;
    }
}

/* Whether the text ends with an ordinal's "st". */
static bool has_suffix(const uint32_t *text, int n)
{
    static const char suffixes[][3] = {"st", "nd", "rd", "th"};
    for (int i = 0; i < 4 && n >= 2; i++)
        if (text[n - 2] == (uint32_t)suffixes[i][0] && text[n - 1] == (uint32_t)suffixes[i][1])
            return true;
    return false;
}

bool numeric_number(const uint32_t *text, int n, double *out)
{
    int at = 0;
    if (has_suffix(text, n))
        n -= 2;
    while (at < n && python_is(text[at], PYTHON_DIGIT))
        at++;
    if (at > 0 && at + 1 < n && text[at] == 'e')
        for (at++; at < n && python_is(text[at], PYTHON_DIGIT);)
            at++;
    return n > 0 && at == n && read_plain(text, n, out);
}

static bool is_word(const uint32_t *text, int n, const char *word)
{
    for (int i = 0; i < n; i++)
        if (!word[i] || text[i] != (uint32_t)(unsigned char)word[i])
            return false;
    return word[n] == '\0';
}

static bool has_span(const struct search *s, int n_before, int begin, int end)
{
    int low = 0, high = n_before; /* those found first rise */
    while (low < high) {
        int middle = (low + high) / 2;
        if (s->spans[middle].begin < begin)
            low = middle + 1;
        else
            high = middle;
    }
    return low < n_before && s->spans[low].begin == begin && s->spans[low].end == end;
}

static void find_word(struct search *s, int begin, int end)
{
    const uint32_t *text = s->text + begin;
    double number;
    if (numeric_number(text, end - begin, &number))
        found_number(s, begin, end, number);
    for (int i = 0; i < N_WORDS; i++)
        if (end - begin <= 8 && (is_word(text, end - begin, number_words[i]) ||
                                 is_word(text, end - begin, ordinal_words[i])))
            found_number(s, begin, end, i);
}

/* Runs of letters and digits: as numbers, and each with up to four before it as dates. */
static void find_words(struct search *s, bool dates)
{
    int starts[DATE_WORDS], n_starts = 0, n_numbers = s->n_spans;
    for (int at = 0; at < s->n;) {
        int begin = at;
        while (at < s->n && python_is(s->text[at], PYTHON_WORD))
            at++;
        if (at == begin) {
            at++;
            continue;
        }
        if (!dates) {
            if (!has_span(s, n_numbers, begin, at))
                find_word(s, begin, at);
            continue;
        }
        if (n_starts == DATE_WORDS)
            for (int i = 1; i < DATE_WORDS; i++)
                starts[i - 1] = starts[i];
        n_starts += n_starts < DATE_WORDS;
        starts[n_starts - 1] = begin;
        for (int i = 0; i < n_starts; i++) {
            numeric_value date;
            if (numeric_date(s->text + starts[i], at - starts[i], &date))
                found(s, starts[i], at, &date);
        }
    }
}

static int compare_spans(const void *a, const void *b)
{
    const struct span *x = a, *y = b;
    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    if (x->end != y->end)
        return x->end > y->end ? -1 : 1;
    return (x->order > y->order) - (x->order < y->order);
}

/* The spans that no other holds, in the order of the text. */
static bool keep_longest(struct search *s, numeric_values *out, arena *a, error *e)
{
    int begin = -1, end = 0;
    numeric_values made = {arena_try(a, (size_t)s->n_spans + 1, sizeof *made.items), 0};
    if (!made.items)
        return fail(e, ERR_TOO_LARGE, "no memory for %d numbers", s->n_spans);
    if (s->n_spans)
        qsort(s->spans, (size_t)s->n_spans, sizeof *s->spans, compare_spans);
    for (int i = 0; i < s->n_spans; i++) {
        const struct span *span = &s->spans[i];
        bool same = span->begin == begin && span->end == end;
        if (!same && span->end <= end)
            continue;
        begin = span->begin;
        end = span->end;
        made.items[made.n++] = span->value;
    }
    *out = made;
    return true;
}

/* Lower case, single spaces, as code points. */
static bool read_text(struct search *s, str text, error *e)
{
    own_buf buf lower = buf_new(MAX_TEXT), squeezed = buf_new(MAX_TEXT);
    python_lower(text, &lower);
    python_squeeze(buf_view(&lower), &squeezed);
    s->text = malloc((squeezed.n + 1) * sizeof *s->text);
    if (!s->text || lower.full || squeezed.full)
        return fail(e, ERR_TOO_LARGE, "no memory for a text of %zu bytes", text.n);
    for (size_t at = 0; at < squeezed.n;)
        s->text[s->n++] = unicode_next(squeezed.p, &at);
    return true;
}

bool numeric_values_of(str text, numeric_values *out, arena *a, error *e)
{
    OWN(search_release) struct search s = {0};
    if (!read_text(&s, text, e))
        return false;
    find_numbers(&s);
    find_words(&s, false);
    find_words(&s, true);
    if (s.failed)
        return fail(e, ERR_TOO_LARGE, "no memory for the numbers of a text of %zu bytes", text.n);
    return keep_longest(&s, out, a, e);
}
