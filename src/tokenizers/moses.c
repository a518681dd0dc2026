/* The main path is moses_run: punctuation, spaces, dots, commas, apostrophes, abbreviations.
 *
 * Runs of dots pass the rules as words of letters, DOTDOTMULTI for two, as in Moses, where such
 * words in a text turn into dots just so. */
#include "tokenizers/moses.h"

#include "tokenizers/unicode.h"

#include <stdlib.h>
#include <string.h>

#define RULES(list) list, sizeof(list) / sizeof *(list)

static void apply(moses_text *t, const struct moses_rule *rules, size_t n)
{
    for (size_t i = 0; i < n; i++)
        moses_apply(t, &rules[i]);
}

/* --- punctuation --- */

/* Punctuation and figures as wide as Chinese characters, quotation marks. */
static const struct {
    uint32_t c;
    const char *text;
} plain[] = {
    {0xFF0C, ","},  {0x3001, ","},  {0x201D, "\""}, {0x201C, "\""}, {0x2236, ":"}, {0xFF1A, ":"},
    {0xFF1F, "?"},  {0x300A, "\""}, {0x300B, "\""}, {0xFF09, ")"},  {0xFF01, "!"}, {0xFF08, "("},
    {0xFF1B, ";"},  {0x300D, "\""}, {0x300C, "\""}, {0xFF5E, "~"},  {0x2019, "'"}, {0x2026, "..."},
    {0x2501, "-"},  {0x3008, "<"},  {0x3009, ">"},  {0x3010, "["},  {0x3011, "]"}, {0xFF05, "%"},
    {0x3002, ". "}, {0xFF0E, ". "},
};

static const char *plain_text(uint32_t c)
{
    for (size_t i = 0; i < sizeof plain / sizeof *plain && c >= 0x2019; i++)
        if (plain[i].c == c)
            return plain[i].text;
    return NULL;
}

/* White space behind a full stop goes with it. */
static void replace_wide(moses_text *t)
{
    const moses_chars *in = &t->now;
    for (size_t i = 0; i < in->n; i++) {
        moses_char c = in->items[i];
        const char *narrow = plain_text(c.c);
        bool is_figure = c.c >= 0xFF10 && c.c <= 0xFF19;
        if (is_figure)
            c.c = c.c - 0xFF10 + '0';
        if (!narrow)
            moses_add(&t->next, c);
        for (const char *p = narrow; p && *p; p++)
            moses_add(&t->next, (moses_char){(unsigned char)*p, c.from});
        while (narrow && narrow[1] == ' ' && i + 1 < in->n &&
               moses_flags(in->items[i + 1].c) & MOSES_SPACE)
            i++;
    }
    moses_turn(t);
}

/* Moses has rules for more marks of quotation, which are none of them by now. */
static const struct moses_rule uniform[] = {
    {"\r", ""},           {"(", " 1"},          {")", "1 "},       {" +", " "},
    {") %p", "13"},       {"( ", "1"},          {" )", "2"},       {"%d %%", "13"},
    {" :", "2"},          {" ;", "2"},          {"`", "'"},        {"''", " \" "},
    {"\u201E", "\""},     {"\u2013", "-"},      {"\u2014", " - "}, {" +", " "},
    {"\u00B4", "'"},      {"\u2018", "'"},      {"\u201A", "'"},   {"''", "\""},
    {"%_\u00AB%_", "\""}, {"\u00AB%_", "\""},   {"\u00AB", "\""},  {"%_\u00BB%_", "\""},
    {"%_\u00BB", "\""},   {"\u00BB", "\""},     {"%_%%", "2"},     {"n\u00BA%_", "12 "},
    {"%_:", "2"},         {"%_\u00BAC", " 23"}, {"%_cm", " 23"},   {"%_?", "2"},
    {"%_!", "2"},         {"%_;", "2"},         {",%_", "1 "},     {" +", " "},
};

/* Commas and dots change places with a closing quotation mark; a space inside of a number. */
static const struct moses_rule uniform_en[] = {{"\"%c+", "21"}, {"%d%_%d", "1.3"}};
static const struct moses_rule uniform_fr[] = {
    {",\"", "21"}, {".+\"%s*%<", "2134"}, {"%d%_%d", "1,3"}};

static void strip(moses_text *t)
{
    moses_chars *now = &t->now;
    size_t from = 0;
    while (now->n && moses_flags(now->items[now->n - 1].c) & MOSES_SPACE)
        now->n--;
    while (from < now->n && moses_flags(now->items[from].c) & MOSES_SPACE)
        from++;
    if (from)
        memmove(now->items, now->items + from, (now->n - from) * sizeof *now->items);
    now->n -= from;
}

static void drop(moses_text *t, unsigned flags)
{
    size_t kept = 0;
    for (size_t i = 0; i < t->now.n; i++)
        if (!(moses_flags(t->now.items[i].c) & flags))
            t->now.items[kept++] = t->now.items[i];
    t->now.n = kept;
}

/* --- dots --- */

static const char multi[] = "MULTI", dot[] = "DOT";

static void put_word(moses_text *t, const char *word, span from)
{
    for (const char *p = word; *p; p++)
        moses_add(&t->next, (moses_char){(unsigned char)*p, from});
}

static void hide_dots(moses_text *t)
{
    const moses_chars *in = &t->now;
    for (size_t i = 0, end; i < in->n; i = end) {
        for (end = i; end < in->n && in->items[end].c == '.';)
            end++;
        if (end < i + 2) {
            end = i + 1;
            moses_add(&t->next, in->items[i]);
            continue;
        }
        put_word(t, " ", in->items[i].from);
        for (size_t k = i; k < end; k++)
            put_word(t, dot, in->items[k].from);
        put_word(t, multi, in->items[end - 1].from);
        if (end < in->n)
            put_word(t, " ", in->items[end - 1].from);
    }
    moses_turn(t);
}

static bool stands_at(const moses_chars *in, size_t at, const char *word)
{
    for (; *word; word++, at++)
        if (at >= in->n || in->items[at].c != (unsigned char)*word)
            return false;
    return true;
}

static void show_dots(moses_text *t)
{
    const moses_chars *in = &t->now;
    for (size_t i = 0, end; i < in->n; i = end) {
        for (end = i; stands_at(in, end, dot);)
            end += sizeof dot - 1;
        if (end == i || !stands_at(in, end, multi)) {
            /* No shorter run of them is followed by what this one is not. */
            end = end > i ? end : i + 1;
            for (size_t k = i; k < end; k++)
                moses_add(&t->next, in->items[k]);
            continue;
        }
        for (size_t k = i; k < end; k += sizeof dot - 1)
            moses_add(&t->next, (moses_char){'.', in->items[k].from});
        end += sizeof multi - 1;
    }
    moses_turn(t);
}

/* --- abbreviations --- */

static const struct moses_prefix *find_prefix(enum moses_language language, const moses_char *word,
                                              size_t n)
{
    const struct moses_prefix *p = language == MOSES_FR ? moses_prefixes_fr : moses_prefixes_en;
    for (; p->text; p++) {
        size_t at = 0, i = 0, length = strlen(p->text);
        while (i < n && at < length && unicode_next(p->text, &at) == word[i].c)
            i++;
        if (i == n && at == length)
            return p;
    }
    return NULL;
}

/* Whether the dot behind n characters stays with them. next: what comes behind the space. */
static bool keeps_dot(enum moses_language language, const moses_char *word, size_t n,
                      const moses_char *next)
{
    bool has_dot = false, has_letter = false;
    for (size_t i = 0; i < n; i++) {
        has_dot |= word[i].c == '.';
        has_letter |= (moses_flags(word[i].c) & MOSES_ALPHA) != 0;
    }
    if (has_dot && has_letter)
        return true;
    if (next && moses_flags(next->c) & MOSES_LOWER)
        return true;
    const struct moses_prefix *p = find_prefix(language, word, n);
    return p && (!p->before_number || (next && next->c >= '0' && next->c <= '9'));
}

/* Words end at spaces, which there is one kind of. */
static void split_dots(moses_text *t, enum moses_language language)
{
    const moses_chars *in = &t->now;
    for (size_t from = 0, end, next; from < in->n; from = next) {
        for (end = from; end < in->n && in->items[end].c != ' ';)
            end++;
        for (next = end; next < in->n && in->items[next].c == ' ';)
            next++;
        const moses_char *word = in->items + from;
        size_t n = end - from;
        bool splits = n > 1 && word[n - 1].c == '.' &&
                      !keeps_dot(language, word, n - 1, next < in->n ? in->items + next : NULL);
        for (size_t i = 0; i < n; i++) {
            if (splits && i == n - 1)
                put_word(t, " ", word[i].from);
            moses_add(&t->next, word[i]);
        }
        if (end < in->n)
            put_word(t, " ", in->items[end].from);
    }
    moses_turn(t);
}

/* --- all of it --- */

static const struct moses_rule spaced[] = {{"%s+", " "}};
static const struct moses_rule apart[] = {{"%o", " 1 "}};
static const struct moses_rule commas[] = {{"%N,", "1 2 "}, {",%N", " 1 2"}, {"%n,%$", "1 2 "}};
static const struct moses_rule apostrophes_en[] = {{"%A'%A", "1 2 3"},
                                                   {"%x'%a", "1 2 3"},
                                                   {"%a'%A", "1 2 3"},
                                                   {"%a'%a", "1 23"},
                                                   {"%n's", "1 23"}};
static const struct moses_rule apostrophes_fr[] = {
    {"%A'%A", "1 2 3"}, {"%A'%a", "1 2 3"}, {"%a'%A", "1 2 3"}, {"%a'%a", "12 3"}};
static const struct moses_rule last[] = {{".'%$", " 1 2 "}};

void moses_run(moses_text *t, enum moses_language language)
{
    replace_wide(t);
    apply(t, RULES(uniform));
    if (language == MOSES_FR)
        apply(t, RULES(uniform_fr));
    else
        apply(t, RULES(uniform_en));
    strip(t);
    drop(t, MOSES_OTHER);
    apply(t, RULES(spaced));
    strip(t);
    apply(t, RULES(apart));
    hide_dots(t);
    apply(t, RULES(commas));
    if (language == MOSES_FR)
        apply(t, RULES(apostrophes_fr));
    else
        apply(t, RULES(apostrophes_en));
    strip(t);
    split_dots(t, language);
    apply(t, RULES(spaced));
    strip(t);
    apply(t, RULES(last));
    show_dots(t);
    apply(t, RULES(spaced));
    strip(t);
}

/* --- letters --- */

/* Whether a capital sigma ends a word: a cased letter before it and none behind, whatever case
 * ignores between. `before` says the first; what is behind is looked up once for a run. */
struct sigma {
    bool before;
    size_t known_to; /* what is behind is known up to here ... */
    bool behind;     /* ... and is this */
};

static bool cased_behind(const moses_chars *in, size_t at, struct sigma *s)
{
    if (at < s->known_to)
        return s->behind;
    for (s->known_to = at; s->known_to < in->n; s->known_to++)
        if (!(moses_flags(in->items[s->known_to].c) & MOSES_IGNORABLE))
            break;
    s->behind = s->known_to < in->n && moses_flags(in->items[s->known_to].c) & MOSES_CASED;
    return s->behind;
}

void moses_lower(moses_text *t)
{
    enum { CAPITAL_SIGMA = 0x3A3, FINAL_SIGMA = 0x3C2 };
    const moses_chars *in = &t->now;
    struct sigma s = {0};
    for (size_t i = 0; i < in->n; i++) {
        moses_char c = in->items[i];
        unsigned flags = moses_flags(c.c);
        uint32_t lower[2] = {c.c};
        int n = flags & MOSES_OTHER ? 1 : unicode_lower(c.c, lower); /* unassigned ones have none */
        if (c.c == CAPITAL_SIGMA && s.before && !cased_behind(in, i + 1, &s))
            lower[0] = FINAL_SIGMA;
        for (int k = 0; k < n; k++)
            moses_add(&t->next, (moses_char){lower[k], c.from});
        s.before = flags & MOSES_CASED || (s.before && flags & MOSES_IGNORABLE);
    }
    moses_turn(t);
}

static int class_of(uint32_t c)
{
    return unicode_detail_of(c)->combining_class;
}

/* Marks in their canonical order; equal ones, whose origins rise, as they stood. */
static int compare_marks(const void *a, const void *b)
{
    const moses_char *x = a, *y = b;
    int order = class_of(x->c) - class_of(y->c);
    return order ? order : (x->from.begin > y->from.begin) - (x->from.begin < y->from.begin);
}

static void end_marks(moses_chars *out, size_t *from)
{
    if (out->n - *from > 1)
        qsort(out->items + *from, out->n - *from, sizeof *out->items, compare_marks);
    *from = out->n;
}

void moses_strip_marks(moses_text *t)
{
    size_t from = 0; /* of the marks that are to be ordered */
    for (size_t i = 0; i < t->now.n; i++) {
        uint32_t parts[UNICODE_MAX_DECOMPOSITION];
        moses_char c = t->now.items[i];
        int n = unicode_decompose(c.c, false, parts);
        for (int k = 0; k < n; k++) {
            bool starts = class_of(parts[k]) == 0;
            if (starts)
                end_marks(&t->next, &from);
            if (!(moses_flags(parts[k]) & MOSES_MARK))
                moses_add(&t->next, (moses_char){parts[k], c.from});
            if (starts)
                from = t->next.n;
        }
    }
    end_marks(&t->next, &from);
    moses_turn(t);
}
