/* Dates by the forms that TapasTokenizer tries, one after the other, as datetime.strptime() of
 * Python's reads them. A day is checked against its month, in 1900 where no year is given. */
#include "tokenizers/numeric_values.h"
#include "tokenizers/python.h"

#include <string.h>

enum { YEAR, MONTH, DAY, USUAL_YEAR = 1900, FIRST_YEAR = 1700, LAST_YEAR = 2016 };

static const char *const months[] = {"january",   "february", "march",    "april",
                                     "may",       "june",     "july",     "august",
                                     "september", "october",  "november", "december"};
static const char *const weekdays[] = {"monday", "tuesday",  "wednesday", "thursday",
                                       "friday", "saturday", "sunday"};
enum { ABBREVIATED = 3, N_MONTHS = 12, N_WEEKDAYS = 7 };

/* B, b: a month's name, abbreviated; A: a weekday's; Y: four digits; m, d: one or two. What else
 * there is stands for itself. */
static const char *const forms[] = {"B",     "Y",      "Ys",     "b Y",    "B Y",   "B d",   "b d",
                                    "d b",   "d B",    "B d, Y", "d B Y",  "m-d-Y", "Y-m-d", "Y-m",
                                    "d b Y", "b d, Y", "d.m.Y",  "A, b d", "A, B d"};

struct cursor {
    const uint32_t *text;
    int n, at;
    int parts[DATE_PARTS]; /* -1: not given */
};

static int digit_at(const struct cursor *c, int at)
{
    return at < c->n ? python_digit(c->text[at]) : -1;
}

static bool is_ascii(const struct cursor *c, int at, char low, char high)
{
    return at < c->n && c->text[at] >= (uint32_t)low && c->text[at] <= (uint32_t)high;
}

static bool take_year(struct cursor *c)
{
    int year = 0;
    for (int i = 0; i < 4; i++) {
        int digit = digit_at(c, c->at + i);
        if (digit < 0)
            return false;
        year = year * 10 + digit;
    }
    c->at += 4;
    c->parts[YEAR] = year;
    return true;
}

/* 1 to 31, or to 12: the longest of "3[0-1]|[1-2]\d|0[1-9]|[1-9]", or of "1[0-2]|0[1-9]|[1-9]". */
static bool take_small(struct cursor *c, int part)
{
    int at = c->at, first = is_ascii(c, at, '0', '9') ? (int)(c->text[at] - '0') : -1;
    bool two = first == 0      ? is_ascii(c, at + 1, '1', '9')
               : part == MONTH ? first == 1 && is_ascii(c, at + 1, '0', '2')
               : first == 3    ? is_ascii(c, at + 1, '0', '1')
                               : first > 0 && first < 3 && digit_at(c, at + 1) >= 0;
    if (first < 0 || (first == 0 && !two))
        return false;
    c->parts[part] = two ? first * 10 + digit_at(c, at + 1) : first;
    c->at += two ? 2 : 1;
    return true;
}

/* The number of the name that stands here, from 0; -1: none. */
static int take_name(struct cursor *c, const char *const *names, int n_names, size_t most)
{
    for (int i = 0; i < n_names && c->at < c->n; i++) {
        if (c->text[c->at] != (uint32_t)(unsigned char)names[i][0])
            continue;
        size_t n = strlen(names[i]), k = 0;
        n = n < most ? n : most;
        while (k < n && c->at + (int)k < c->n &&
               c->text[c->at + (int)k] == (uint32_t)(unsigned char)names[i][k])
            k++;
        if (k == n) {
            c->at += (int)n;
            return i;
        }
    }
    return -1;
}

static bool take(struct cursor *c, char kind)
{
    switch (kind) {
    case 'Y':
        return take_year(c);
    case 'm':
        return take_small(c, MONTH);
    case 'd':
        return take_small(c, DAY);
    case 'A':
        return take_name(c, weekdays, N_WEEKDAYS, SIZE_MAX) >= 0;
    case 'B':
    case 'b': {
        int i = take_name(c, months, N_MONTHS, kind == 'b' ? ABBREVIATED : SIZE_MAX);
        c->parts[MONTH] = i + 1;
        return i >= 0;
    }
    default:
        return c->at < c->n && c->text[c->at++] == (uint32_t)(unsigned char)kind;
    }
}

static bool is_leap(int year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static bool is_valid(const struct cursor *c)
{
    static const int days[N_MONTHS] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year = c->parts[YEAR] < 0 ? USUAL_YEAR : c->parts[YEAR], month = c->parts[MONTH];
    int most = month < 0 ? 31 : days[month - 1] + (month == 2 && is_leap(year));
    return year >= FIRST_YEAR && year <= LAST_YEAR && c->parts[DAY] <= most;
}

bool numeric_date(const uint32_t *text, int n, numeric_value *out)
{
    enum { LONGEST = 32 }; /* "wednesday, september 30" has fewer */
    for (size_t i = 0; i < sizeof forms / sizeof *forms && n <= LONGEST; i++) {
        struct cursor c = {.text = text, .n = n, .parts = {-1, -1, -1}};
        const char *form = forms[i];
        while (*form && take(&c, *form))
            form++;
        if (*form || c.at != n || !is_valid(&c))
            continue;
        *out = (numeric_value){.is_date = true};
        for (int k = 0; k < DATE_PARTS; k++)
            out->parts[k] = c.parts[k];
        return true;
    }
    return false;
}
