/* One rule: matching and rewriting. Patterns are a handful of parts, so that trying them at every
 * character is all there is to it; only a repeated part can make a match step back. */
#include "tokenizers/moses.h"

#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

enum { PARTS = 8, NBSP = 0xA0 };

unsigned moses_flags(uint32_t c)
{
    int low = 0, high = n_moses_ranges;
    while (low < high) {
        int middle = (low + high) / 2;
        if (moses_ranges[middle].last < c)
            low = middle + 1;
        else
            high = middle;
    }
    return low < n_moses_ranges && moses_ranges[low].first <= c ? moses_ranges[low].flags : 0;
}

void moses_add(moses_chars *out, moses_char c)
{
    if (out->n == out->capacity) {
        size_t capacity = out->capacity ? out->capacity * 2 : 256;
        moses_char *items = capacity <= MOSES_CHARS_MAX && !out->failed
                                ? realloc(out->items, capacity * sizeof *items)
                                : NULL;
        if (!items) {
            out->failed = true;
            return;
        }
        out->items = items;
        out->capacity = capacity;
    }
    out->items[out->n++] = c;
}

void moses_release(moses_chars *m)
{
    free(m->items);
    *m = (moses_chars){0};
}

void moses_turn(moses_text *t)
{
    moses_chars written = t->next;
    written.failed |= t->now.failed;
    t->next = t->now;
    t->next.n = 0;
    t->now = written;
}

void moses_text_release(moses_text *t)
{
    moses_release(&t->now);
    moses_release(&t->next);
}

void moses_read(moses_text *out, const text *t)
{
    for (size_t at = 0; at < t->n;) {
        span from = text_span(t, at);
        moses_add(&out->now, (moses_char){unicode_next(t->p, &at), from});
    }
}

bool moses_write(const moses_text *words, text *t, normal_memory *m, error *e)
{
    if (words->now.failed)
        return fail(e, ERR_TOO_LARGE, "a text of %zu bytes has too many words", t->n);
    text_writer *w = normal_writer(m, false);
    for (size_t i = 0; i < words->now.n; i++)
        text_put(w, words->now.items[i].c, words->now.items[i].from);
    return text_written(w, t, t, e);
}

struct part {
    uint32_t c; /* a character, or of a class its letter */
    bool is_class;
    int least, most; /* how often; most < 0: any number of times */
};

static uint32_t next_character(const char **p)
{
    size_t at = 0;
    uint32_t c = unicode_next(*p, &at);
    *p += at;
    return c;
}

static int parse(const char *spelled, struct part parts[PARTS])
{
    int n = 0;
    for (const char *p = spelled; *p && n < PARTS; n++) {
        parts[n] = (struct part){.is_class = *p == '%' && p[1] != '%', .least = 1, .most = 1};
        p += *p == '%';
        parts[n].c = next_character(&p);
        if (*p == '+' || *p == '*') {
            parts[n].least = *p == '+';
            parts[n].most = -1;
            p++;
        }
    }
    return n;
}

static bool is_in(const char *list, uint32_t c)
{
    return c > 0 && c < 128 && strchr(list, (int)c);
}

static bool in_class(uint32_t class, uint32_t c)
{
    switch (class) {
    case 'd': /* digits */
        return moses_flags(c) & MOSES_DIGIT;
    case 's': /* white space */
        return moses_flags(c) & MOSES_SPACE;
    case 'n': /* numbers, and all but them */
        return moses_flags(c) & MOSES_NUMBER;
    case 'N':
        return !(moses_flags(c) & MOSES_NUMBER);
    case 'a': /* letters, all but them, all but them and numbers */
        return moses_flags(c) & MOSES_ALPHA;
    case 'A':
        return !(moses_flags(c) & MOSES_ALPHA);
    case 'x':
        return !(moses_flags(c) & (MOSES_ALPHA | MOSES_NUMBER));
    case 'o': /* what gets spaces around wherever it stands */
        return !(moses_flags(c) & (MOSES_ALNUM | MOSES_SPACE)) && !is_in(".'`,-", c);
    case 'p': /* punctuation behind a bracket */
        return is_in(".!:?;,", c);
    case 'c': /* punctuation behind a quotation */
        return is_in(",.", c);
    case '<': /* all but that */
        return c != '<';
    case '_': /* a space where no line ends */
        return c == NBSP;
    default:
        return false;
    }
}

static bool fits(const struct part *p, uint32_t c)
{
    return p->is_class ? in_class(p->c, c) : p->c == c;
}

/* Whether the parts match at `at`, and where each of them ends. "%$" is the end of the text. */
static bool matches(const moses_chars *in, const struct part *parts, int n, size_t at, size_t *ends)
{
    if (n == 0)
        return true;
    if (parts->is_class && parts->c == '$') {
        ends[0] = at;
        return at == in->n;
    }
    size_t end = at, least = at + (size_t)parts->least;
    size_t most = parts->most < 0 ? in->n : at + (size_t)parts->most;
    while (end < in->n && end < most && fits(parts, in->items[end].c))
        end++;
    for (; end >= least; end--) {
        ends[0] = end;
        if (matches(in, parts + 1, n - 1, end, ends + 1))
            return true;
        if (end == 0)
            break;
    }
    return false;
}

/* What inserted characters stand for: the last of the match that is no space. */
static span origin_of(const moses_chars *in, size_t from, size_t to)
{
    size_t at = to - 1;
    while (at > from && moses_flags(in->items[at].c) & MOSES_SPACE)
        at--;
    return in->items[at].from;
}

static void put_replacement(moses_text *t, const char *replacement, size_t from, const size_t *ends,
                            int n)
{
    span origin = origin_of(&t->now, from, ends[n - 1]);
    for (const char *p = replacement; *p;) {
        uint32_t c = next_character(&p);
        if (c < '1' || c > '9') {
            moses_add(&t->next, (moses_char){c, origin});
            continue;
        }
        size_t part = c - '1';
        for (size_t i = part ? ends[part - 1] : from; i < ends[part]; i++)
            moses_add(&t->next, t->now.items[i]);
    }
}

void moses_apply(moses_text *t, const struct moses_rule *rule)
{
    struct part parts[PARTS];
    size_t ends[PARTS], at = 0;
    int n = parse(rule->pattern, parts);
    while (at < t->now.n) {
        bool begins = fits(parts, t->now.items[at].c);
        if (begins && matches(&t->now, parts, n, at, ends)) {
            put_replacement(t, rule->replacement, at, ends, n);
            at = ends[n - 1];
            continue;
        }
        /* Where a run in front does not lead to a match, no later part of it does. */
        do
            moses_add(&t->next, t->now.items[at++]);
        while (begins && parts->most < 0 && at < t->now.n && fits(parts, t->now.items[at].c));
    }
    moses_turn(t);
}
