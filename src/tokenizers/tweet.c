/* The main path is tweet_run: punctuation, entities, runs, tokens, contractions, spaces.
 *
 * Which characters are letters, digits and spaces to the reference is not what the library of
 * regular expressions has in mind: a text is matched by a shadow of itself, which has ASCII for
 * the kinds of other characters. */
#include "tokenizers/tweet.h"

#include "base/buf.h"
#include "base/own.h"
#include "tokenizers/python.h"
#include "tokenizers/tweet_table.h"

#include <stdlib.h>

/* A surrogate, which no text has, becomes a character that no text should have. */
enum { LONGEST_RUN = 3, LONGEST_WORD = 2048, UNICODE_MAX = 0x10FFFF, NO_CHARACTER = 0x9FFFE };

/* --- characters --- */

static unsigned flags_of(uint32_t c)
{
    int low = 0, high = n_tweet_ranges;
    while (low < high) {
        int middle = (low + high) / 2;
        if (tweet_ranges[middle].last < c)
            low = middle + 1;
        else
            high = middle;
    }
    return low < n_tweet_ranges && tweet_ranges[low].first <= c ? tweet_ranges[low].flags : 0;
}

/* Kinds of characters beyond ASCII, and of its controls. */
#define WORD_KIND   "\001"
#define DIGIT_KIND  "\002"
#define LETTER_KIND "\003" /* one of a to z, such as the Kelvin sign */
#define QUOTE_KIND  "\004"
#define OTHER_KIND  "\005"
#define S_KIND      "\006" /* the long s */

static char kind_of(uint32_t c)
{
    static const uint32_t quotes[] = {0xAB, 0xBB, 0x201C, 0x201D, 0x2018, 0x2019};
    unsigned flags = flags_of(c);
    if (flags & TWEET_SPACE)
        return c == ' ' ? ' ' : '\n';
    if (c >= 0x20 && c < 0x7F)
        return (char)c;
    for (size_t i = 0; i < sizeof quotes / sizeof *quotes; i++)
        if (c == quotes[i])
            return *QUOTE_KIND;
    return c == 0x17F             ? *S_KIND
           : flags & TWEET_LETTER ? *LETTER_KIND
           : flags & TWEET_DIGIT  ? *DIGIT_KIND
           : flags & TWEET_WORD   ? *WORD_KIND
                                  : *OTHER_KIND;
}

#define BLANK    " \n"
#define LATIN    "a-zA-Z" LETTER_KIND S_KIND
#define LETTER   LATIN WORD_KIND
#define DIGIT    "0-9" DIGIT_KIND
#define WORD     LETTER DIGIT "_"
#define NO_BLANK "[^" BLANK "]"
#define FILLING  "[^" BLANK "()]"

#define NESTED  "\\(" FILLING "*?\\(" FILLING "+\\)" FILLING "*?\\)"
#define BRACKET NESTED "|\\(" NO_BLANK "+?\\)"
#define TLD     "[.][" LATIN "]{2,13}"
#define HOST    "[" LATIN "0-9.\\-]"
#define LINK                                                                                       \
    "(?:[hH][tT][tT][pP][sS" S_KIND "]?:(?:/{1,3}|[" LATIN "0-9%])|(?=" HOST "++/)" HOST "+" TLD   \
    "/)"                                                                                           \
    "(?:[^" BLANK "()<>{}\\[\\]]|" BRACKET ")+"                                                    \
    "(?:" BRACKET "|[^" BLANK QUOTE_KIND "`!()\\[\\]{};:'\".,<>?])"
#define DOMAIN "(?<!@)[" LATIN "0-9]+(?:[.\\-][" LATIN "0-9]+)*" TLD "(?![" WORD "])/?(?!@)"

#define FILLER "[ *\\-.)]*"
#define PHONE                                                                                      \
    "(?:\\+?[01]" FILLER ")?(?:[(]?[" DIGIT "]{3}" FILLER ")?[" DIGIT "]{3}" FILLER "[" DIGIT "]{" \
    "4}"

#define EYES  "[;:=8]"
#define NOSE  "[\\-oO*']?"
#define MOUTH "[)\\](\\[dDpP/:}{@|\\\\]"
#define FACE  "[<>]?" EYES NOSE MOUTH "|" MOUTH NOSE EYES "[<>]?|<3"

#define TAG     "<[^>" BLANK "]+>|-+>|<-+"
#define NAME    "@[" WORD "]+|#+[" WORD "]+[" WORD "'\\-]*[" WORD "]+"
#define ADDRESS "[" WORD ".+\\-]+@[" WORD "\\-]+\\.(?:[" WORD "\\-]\\.?)+[" WORD "\\-]"
#define PLAIN                                                                                      \
    "[" LETTER "][" LETTER "'\\-_]+[" LETTER "]|[+\\-]?[" DIGIT "]+[,/.:\\-][" DIGIT "]+[+\\-]?|"  \
    "[" WORD "]+|\\.(?:[" BLANK "]*\\.)+|" NO_BLANK

const char tweet_tokens[] =
    LINK "|" DOMAIN "|" PHONE "|" FACE "|" TAG "|" NAME "|" ADDRESS "|" PLAIN;

/* --- entities --- */

/* What stands for the items from .. to - 1. */
static span origin_of(const moses_chars *in, size_t from, size_t to)
{
    return (span){in->items[from].from.begin, in->items[to - 1].from.end};
}

static void put_string(moses_chars *out, const char *bytes, span from)
{
    size_t at = 0, n = strlen(bytes);
    while (at < n)
        moses_add(out, (moses_char){unicode_next(bytes, &at), from});
}

/* Where the entity that begins at the ampersand `at` has its semicolon; `at` when it is none. */
static size_t entity_end(const moses_chars *in, size_t at)
{
    size_t end = at + 1;
    while (end < in->n && in->items[end].c != '&' && in->items[end].c != ';' &&
           !(flags_of(in->items[end].c) & TWEET_SPACE))
        end++;
    return end < in->n && in->items[end].c == ';' && end > at + 1 ? end : at;
}

static int digit_of(uint32_t c, int base)
{
    int decimal = python_digit(c);
    if (decimal >= 0)
        return decimal;
    int hexadecimal = c >= 'a' && c <= 'f'   ? (int)c - 'a'
                      : c >= 'A' && c <= 'F' ? (int)c - 'A'
                                             : -1;
    return base == 16 && hexadecimal >= 0 ? hexadecimal + 10 : -1;
}

/* As Python reads an int: white space around, a sign, 0x, underscores between digits. Returns -1
 * for what is none and for what is too large to be a character. */
static int64_t read_number(const moses_char *p, size_t n, int base)
{
    int64_t value = 0;
    bool negative = false, after_digit = false;
    while (n && python_is(p[n - 1].c, PYTHON_SPACE))
        n--;
    for (; n && python_is(p->c, PYTHON_SPACE); n--)
        p++;
    if (n && (p->c == '+' || p->c == '-')) {
        negative = p->c == '-';
        p++;
        n--;
    }
    if (base == 16 && n >= 2 && digit_of(p->c, 10) == 0 && (p[1].c == 'x' || p[1].c == 'X')) {
        p += 2;
        n -= 2;
        after_digit = true; /* an underscore may follow */
    }
    bool any = false;
    for (size_t i = 0; i < n; i++) {
        int digit = digit_of(p[i].c, base);
        bool joins = p[i].c == '_' && after_digit && i + 1 < n;
        if (digit < 0 && !joins)
            return -1;
        after_digit = digit >= 0;
        any |= after_digit;
        if (digit >= 0 && value <= UNICODE_MAX)
            value = value * base + digit;
    }
    return !any || value > UNICODE_MAX || (negative && value) ? -1 : value;
}

/* The controls from 0x80 on are the characters that Windows has there. */
static int64_t windows_character(int64_t number)
{
    static const uint16_t table[32] = {
        0x20AC, 0,      0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160,
        0x2039, 0x0152, 0,      0x017D, 0,      0,      0x2018, 0x2019, 0x201C, 0x201D, 0x2022,
        0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0,      0x017E, 0x0178};
    if (number < 0x80 || number >= 0xA0)
        return number;
    return table[number - 0x80] ? table[number - 0x80] : -1;
}

static int64_t named_character(const moses_char *p, size_t n)
{
    char name[16];
    int low = 0, high = n_tweet_entities;
    if (n >= sizeof name)
        return -1;
    for (size_t i = 0; i < n; i++)
        name[i] = p[i].c && p[i].c < 0x80 ? (char)p[i].c : '?';
    name[n] = '\0';
    while (low < high) {
        int middle = (low + high) / 2, order = strcmp(tweet_entities[middle].name, name);
        if (order == 0)
            return tweet_entities[middle].c;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return -1;
}

/* The character of an entity, n > 0 items between "&" and ";"; -1: it is left out. */
static int64_t entity_character(const moses_char *p, size_t n)
{
    size_t sharp = n > 1 && p[0].c == '#';
    size_t x = n - sharp > 1 && p[sharp].c == 'x';
    if (sharp + x == 0)
        return named_character(p, n);
    return windows_character(read_number(p + sharp + x, n - sharp - x, x ? 16 : 10));
}

static void resolve_entities(moses_text *t)
{
    const moses_chars *in = &t->now;
    for (size_t at = 0; at < in->n; at++) {
        size_t end = in->items[at].c == '&' ? entity_end(in, at) : at;
        if (end == at) {
            moses_add(&t->next, in->items[at]);
            continue;
        }
        int64_t c = entity_character(in->items + at + 1, end - at - 1);
        if (c >= 0xD800 && c < 0xE000)
            c = NO_CHARACTER;
        if (c >= 0)
            moses_add(&t->next, (moses_char){(uint32_t)c, origin_of(in, at, end + 1)});
        at = end;
    }
    moses_turn(t);
}

/* --- runs --- */

static bool is_alphanumeric(uint32_t c)
{
    return c < 0x80 && python_is(c, PYTHON_WORD);
}

static void shorten_runs(moses_text *t)
{
    const moses_chars *in = &t->now;
    for (size_t i = 0, length = 0; i < in->n; i++) {
        uint32_t c = in->items[i].c;
        length = i && c == in->items[i - 1].c && !is_alphanumeric(c) ? length + 1 : 1;
        if (length <= LONGEST_RUN)
            moses_add(&t->next, in->items[i]);
    }
    moses_turn(t);
}

/* --- tokens --- */

static bool begins_with(const moses_char *p, size_t n, const char *small)
{
    for (size_t i = 0; small[i]; i++)
        if (i >= n || p[i].c >= 0x80 || (p[i].c | 0x20) != (uint32_t)small[i])
            return false;
    return true;
}

static const char *emoji_name(uint32_t c)
{
    int low = 0, high = n_tweet_emojis;
    while (low < high) {
        int middle = (low + high) / 2;
        if (tweet_emojis[middle].c < c)
            low = middle + 1;
        else
            high = middle;
    }
    return low < n_tweet_emojis && tweet_emojis[low].c == c ? tweet_emojis[low].name : NULL;
}

static const char *uniform(uint32_t c)
{
    return c == 0x2019 ? "'" : c == 0x2026 ? "..." : NULL;
}

static void put_token(moses_text *t, size_t from, size_t to, bool spaced)
{
    const moses_char *p = t->now.items + from;
    span origin = origin_of(&t->now, from, to);
    const char *instead = NULL;
    if (p->c == '@')
        instead = "@USER";
    else if (begins_with(p, to - from, "http") || begins_with(p, to - from, "www"))
        instead = "HTTPURL";
    else if (to - from == 1)
        instead = uniform(p->c) ? uniform(p->c) : emoji_name(p->c);
    if (spaced)
        moses_add(&t->next, (moses_char){' ', origin});
    if (instead)
        put_string(&t->next, instead, origin);
    for (size_t i = from; i < to && !instead; i++)
        moses_add(&t->next, t->now.items[i]);
}

/* Where what is matched in one go ends: tokens can have blanks inside, but what makes matching
 * slow are long words, which are cut. */
static size_t piece_end(str shadow, size_t from)
{
    size_t length = 0;
    while (from < shadow.n && length < LONGEST_WORD) {
        length = shadow.p[from] == ' ' || shadow.p[from] == '\n' ? 0 : length + 1;
        from++;
    }
    return from;
}

static bool put_tokens(moses_text *t, const pattern *tokens, error *e)
{
    own_buf buf shadow = buf_new((size_t)MOSES_CHARS_MAX + 1);
    for (size_t i = 0; i < t->now.n; i++)
        buf_byte(&shadow, kind_of(t->now.items[i].c));
    if (shadow.full)
        return fail(e, ERR_TOO_LARGE, "a text has %zu characters, which are too many", t->now.n);
    str all = buf_view(&shadow);
    size_t n = 0;
    for (size_t from = 0, to, begin, end; from < all.n; from = to) {
        int found;
        to = piece_end(all, from);
        OWN(pattern_walk_release)
        pattern_walk walk = pattern_begin(tokens, (str){all.p + from, to - from});
        while ((found = pattern_next(&walk, &begin, &end, e)) > 0)
            put_token(t, from + begin, from + end, n++ > 0);
        if (found < 0)
            return false;
    }
    moses_turn(t);
    return true;
}

/* --- all of it --- */

static const struct moses_rule contractions[] = {
    {"cannot ", "123 4567"}, {"n't ", " 1234"},     {"n 't ", " 1345"},  {"ca n't", "12456"},
    {"ai n't", "12456"},     {"'m ", " 123"},       {"'re ", " 1234"},   {"'s ", " 123"},
    {"'ll ", " 1234"},       {"'d ", " 123"},       {"'ve ", " 1234"},   {" p . m .", " 12468"},
    {" p . m ", "12467"},    {" a . m .", "12468"}, {" a . m ", "12467"}};

/* One space between words. */
static void squeeze(moses_text *t)
{
    const moses_chars *in = &t->now;
    for (size_t i = 0; i < in->n; i++) {
        if (python_is(in->items[i].c, PYTHON_SPACE))
            continue;
        if (i && t->next.n && python_is(in->items[i - 1].c, PYTHON_SPACE))
            moses_add(&t->next, (moses_char){' ', in->items[i - 1].from});
        moses_add(&t->next, in->items[i]);
    }
    moses_turn(t);
}

static void replace_punctuation(moses_text *t)
{
    const moses_chars *in = &t->now;
    for (size_t i = 0; i < in->n; i++) {
        if (uniform(in->items[i].c))
            put_string(&t->next, uniform(in->items[i].c), in->items[i].from);
        else
            moses_add(&t->next, in->items[i]);
    }
    moses_turn(t);
}

bool tweet_run(moses_text *t, const pattern *tokens, error *e)
{
    replace_punctuation(t);
    resolve_entities(t);
    shorten_runs(t);
    if (!put_tokens(t, tokens, e))
        return false;
    for (size_t i = 0; i < sizeof contractions / sizeof *contractions; i++)
        moses_apply(t, &contractions[i]);
    squeeze(t);
    return true;
}
