/* One walk over the expression: escapes and classes are replaced, everything else is copied. Where
 * the last atom begins is kept, as a repetition may need a group around it. */
#include "tokenizers/pattern_dialect.h"

#include "tokenizers/pattern_table.h"

#include <ctype.h>
#include <stdio.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

/* Members of classes, without the brackets around them. */
#define SPACE                                                                                      \
    "\\x09-\\x0d\\x20\\x85\\xa0\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}"            \
    "\\x{205f}\\x{3000}"
#define NO_SPACE                                                                                   \
    "\\x00-\\x08\\x0e-\\x1f\\x21-\\x84\\x86-\\x9f\\xa1-\\x{167f}\\x{1681}-\\x{1fff}"               \
    "\\x{200b}-\\x{2027}\\x{202a}-\\x{202e}\\x{2030}-\\x{205e}\\x{2060}-\\x{2fff}"                 \
    "\\x{3001}-\\x{10ffff}"
/* Numbers that are no decimal digits count in Latin-1 only. */
#define WORD   "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\xb2\\xb3\\xb9\\xbc-\\xbe"
#define HEX    "0-9A-Fa-f"
#define NO_HEX "\\x00-/:-@G-`g-\\x{10ffff}"

enum { MAX_DEPTH = 250, PROPERTY = 40, SCRIPT_NAME = 30 };

struct walk {
    str in;
    size_t at;
    buf *out;
    size_t atom;              /* where the last atom begins in out */
    size_t groups[MAX_DEPTH]; /* where the open groups begin in out */
    int depth;
    error *e;
};

static int peek(const struct walk *w, size_t ahead)
{
    return w->at + ahead < w->in.n ? (unsigned char)w->in.p[w->at + ahead] : -1;
}

static void copy(struct walk *w, size_t n)
{
    buf_add(w->out, w->in.p + w->at, n);
    w->at += n;
}

/* Members that stand for an escape in a class; NULL: as PCRE2 has it. */
static const char *members(int escape)
{
    switch (escape) {
    case 's':
        return SPACE;
    case 'S':
        return NO_SPACE;
    case 'w':
        return WORD;
    case 'h':
        return HEX;
    case 'H':
        return NO_HEX;
    default:
        return NULL;
    }
}

/* Members of a class; a property gets what PCRE2's Unicode may not know. */
static void put_members(buf *out, const char *set)
{
    for (const char *p = set, *end; *p; p = end) {
        end = strchr(p + 1, '\\');
        end = end ? end : p + strlen(p);
        str one = {p, (size_t)(end - p)};
        buf_str(out, one);
        if (!str_starts(one, STR("\\p{")))
            continue;
        str name = {p + 3, (size_t)((const char *)memchr(p, '}', one.n) - p) - 3};
        if (str_starts(name, STR("sc:")))
            name = str_skip(name, 3);
        for (const struct pattern_newer *row = pattern_newer; row->name; row++)
            if (str_is(name, row->name))
                buf_puts(out, row->members);
    }
}

/* A class, or its complement, of members. */
static void put_class(buf *out, bool negated, const char *set)
{
    buf_puts(out, negated ? "[^" : "[");
    put_members(out, set);
    buf_byte(out, ']');
}

/* Whether PCRE2 knows a script by this name, as "sc:" of it (since 10.40: there \p{Han} has all
 * characters that texts in Han use, here as before those of the script alone). */
static bool is_script(str name)
{
    char pattern[PROPERTY];
    int code;
    PCRE2_SIZE at;
    for (size_t i = 0; i < name.n; i++)
        if (!isalpha((unsigned char)name.p[i]) && !strchr("_ -", name.p[i]))
            return false;
    if (!name.n || name.n > SCRIPT_NAME)
        return false;
    int n = snprintf(pattern, sizeof pattern, "\\p{sc:%.*s}", (int)name.n, name.p);
    pcre2_code *found =
        pcre2_compile((PCRE2_SPTR)pattern, (size_t)n, PCRE2_UTF | PCRE2_UCP, &code, &at, NULL);
    pcre2_code_free(found);
    return found != NULL;
}

/* \p{L}, \P{L}, \p{^L} at the walk's place: members of the property, and whether its
 * complement is meant. False for a property that needs no more than PCRE2 has. */
static bool property(const struct walk *w, size_t n, char set[PROPERTY], bool *negated)
{
    str name = {w->in.p + w->at + 3, n - 4};
    *negated = peek(w, 1) == 'P';
    if (name.n && *name.p == '^') {
        *negated = !*negated;
        name = str_skip(name, 1);
    }
    if (is_script(name)) {
        snprintf(set, PROPERTY, "\\p{sc:%.*s}", (int)name.n, name.p);
        return true;
    }
    for (const struct pattern_newer *row = pattern_newer; row->name; row++) {
        if (str_is(name, row->name)) {
            snprintf(set, PROPERTY, "\\p{%s}", row->name);
            return true;
        }
    }
    return false;
}

/* \uXXXX as \x{XXXX}. */
static bool code_point(struct walk *w, buf *out)
{
    for (size_t i = 2; i < 6; i++)
        if (!isxdigit(peek(w, i)))
            return false;
    buf_printf(out, "\\x{%.4s}", w->in.p + w->at + 2);
    w->at += 6;
    return true;
}

/* Bytes of an escape that is copied: all of \p{...}, \x{...} and the like. */
static size_t escape_length(const struct walk *w)
{
    if (peek(w, 2) == '{' && peek(w, 1) > 0 && strchr("pPxkgo", peek(w, 1))) {
        for (size_t i = 3; peek(w, i) >= 0; i++)
            if (peek(w, i) == '}')
                return i + 1;
    }
    size_t n = 2;
    while ((peek(w, n) & 0xc0) == 0x80 && peek(w, n) >= 0) /* the rest of a character */
        n++;
    return n < w->in.n - w->at ? n : w->in.n - w->at;
}

/* A place with a letter or digit on one side (`edge`) or on both or none. */
static void put_edge(buf *out, bool edge)
{
    for (int side = 0; side < 2; side++) {
        buf_puts(out, side ? "|(?<!" : "(?:(?<=");
        put_class(out, false, WORD);
        buf_puts(out, (side == 0) == edge ? ")(?!" : ")(?=");
        put_class(out, false, WORD);
        buf_byte(out, ')');
    }
    buf_byte(out, ')');
}

static void escape(struct walk *w)
{
    int c = peek(w, 1);
    char set[PROPERTY];
    bool negated;
    w->atom = w->out->n;
    if (c == 'u' && code_point(w, w->out))
        return;
    size_t n = escape_length(w);
    if (n == 2 && (c == 'p' || c == 'P')) /* \pL is no property */
        buf_byte(w->out, (char)c);
    else if ((c == 'p' || c == 'P') && property(w, n, set, &negated))
        put_class(w->out, negated, set);
    else if (members(c))
        put_class(w->out, false, members(c));
    else if (c == 'W')
        put_class(w->out, true, WORD);
    else if (c == 'b' || c == 'B')
        put_edge(w->out, c == 'b');
    else
        buf_add(w->out, w->in.p + w->at, n);
    w->at += n;
}

/* "[:name:]" at the walk's place: its length, else 0. */
static size_t posix_length(const struct walk *w)
{
    if (peek(w, 0) != '[' || peek(w, 1) != ':')
        return 0;
    size_t n = 2 + (peek(w, 2) == '^');
    while (isalpha(peek(w, n)))
        n++;
    return peek(w, n) == ':' && peek(w, n + 1) == ']' ? n + 2 : 0;
}

static void posix_members(struct walk *w, buf *body, size_t n)
{
    static const struct {
        const char *name, *members;
    } known[] = {
        {"[:space:]", SPACE},
        {"[:^space:]", NO_SPACE},
        {"[:word:]", WORD},
        {"[:alpha:]", "\\p{Alphabetic}"},
        {"[:alnum:]", "\\p{Alphabetic}\\p{Nd}"},
        {"[:punct:]", "\\p{P}\\p{S}"},
        {"[:upper:]", "\\p{Uppercase}"},
        {"[:lower:]", "\\p{Lowercase}"},
    };
    str name = {w->in.p + w->at, n};
    const char *set = NULL;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (str_is(name, known[i].name))
            set = known[i].members;
    if (set)
        put_members(body, set);
    else
        buf_str(body, name);
    w->at += n;
}

/* An escape in a class. Complements of properties are as PCRE2 has them. */
static void member_escape(struct walk *w, buf *body, bool *no_word)
{
    int c = peek(w, 1);
    char set[PROPERTY];
    bool negated;
    if (c == 'u' && code_point(w, body))
        return;
    size_t n = escape_length(w);
    if (c == 'W')
        *no_word = true;
    else if (members(c))
        put_members(body, members(c));
    else if (n == 2 && (c == 'p' || c == 'P'))
        buf_byte(body, (char)c);
    else if ((c == 'p' || c == 'P') && property(w, n, set, &negated) && !negated)
        put_members(body, set);
    else if ((c == 'p' || c == 'P') && property(w, n, set, &negated) &&
             strncmp(set + 3, "sc:", 3) == 0)
        buf_printf(body, "\\P%s", set + 2);
    else
        buf_add(body, w->in.p + w->at, n);
    w->at += n;
}

/* The next member of a class; \W is left out and noted. */
static bool member(struct walk *w, buf *body, bool *no_word)
{
    size_t posix = posix_length(w);
    int c = peek(w, 0);
    if (posix) {
        posix_members(w, body, posix);
    } else if (c == '[') {
        return fail(w->e, ERR_INVALID, "a class inside of a class is not supported");
    } else if (c == '&' && peek(w, 1) == '&') {
        return fail(w->e, ERR_INVALID, "an intersection of classes is not supported");
    } else if (c == '\\') {
        member_escape(w, body, no_word);
    } else {
        buf_byte(body, (char)c);
        w->at++;
    }
    return true;
}

static bool class(struct walk *w)
{
    own_buf buf body = buf_new(w->out->max);
    bool no_word = false, negated = peek(w, 1) == '^';
    w->atom = w->out->n;
    w->at += 1 + negated;
    if (peek(w, 0) == ']') { /* the first one is a member */
        buf_puts(&body, "\\]");
        w->at++;
    }
    while (peek(w, 0) != ']') {
        if (peek(w, 0) < 0)
            return fail(w->e, ERR_INVALID, "a class is not closed");
        if (!member(w, &body, &no_word))
            return false;
    }
    w->at++;
    str set = buf_view(&body);
    if (no_word && set.n)
        buf_puts(w->out, negated ? "(?:(?!" : "(?:");
    if (!no_word || set.n) {
        buf_puts(w->out, negated && !no_word ? "[^" : "[");
        buf_str(w->out, set);
        buf_byte(w->out, ']');
    }
    if (no_word && set.n)
        buf_byte(w->out, negated ? ')' : '|');
    if (no_word)
        put_class(w->out, !negated, WORD);
    if (no_word && set.n)
        buf_byte(w->out, ')');
    return true;
}

/* Bytes of "{2,3}" at the walk's place, 0 when there is no such thing. */
static size_t interval_length(const struct walk *w)
{
    size_t n = 1;
    while (isdigit(peek(w, n)))
        n++;
    if (peek(w, n) == ',')
        for (n++; isdigit(peek(w, n));)
            n++;
    return peek(w, n) == '}' && n > 1 ? n + 1 : 0;
}

static void insert(buf *out, size_t at, str text)
{
    char *end = buf_room(out, text.n);
    if (!end)
        return;
    memmove(out->p + at + text.n, out->p + at, out->n - at);
    memcpy(out->p + at, text.p, text.n);
    out->n += text.n;
}

/* A repetition: "{2,3}+" repeats what comes before "+". */
static void interval(struct walk *w, size_t n)
{
    copy(w, n);
    if (peek(w, 0) != '+')
        return;
    insert(w->out, w->atom, STR("(?:"));
    buf_byte(w->out, ')');
    copy(w, 1);
}

static bool step(struct walk *w)
{
    int c = peek(w, 0);
    size_t n = c == '{' ? interval_length(w) : 0;
    if (c == '\\' && peek(w, 1) >= 0) {
        escape(w);
    } else if (c == '[') {
        return class(w);
    } else if (n) {
        interval(w, n);
    } else if (c == '(') {
        if (w->depth == MAX_DEPTH)
            return fail(w->e, ERR_INVALID, "more than %d groups inside of each other", MAX_DEPTH);
        w->groups[w->depth++] = w->out->n;
        copy(w, 1 + (peek(w, 1) == '?')); /* not a repetition */
    } else if (c == ')') {
        if (w->depth > 0)
            w->atom = w->groups[--w->depth];
        copy(w, 1);
    } else {
        if ((c & 0xc0) != 0x80 && !strchr("*+?", c))
            w->atom = w->out->n;
        copy(w, 1);
    }
    return true;
}

bool pattern_translate(str regex, buf *out, error *e)
{
    struct walk w = {.in = regex, .out = out, .e = e};
    while (w.at < regex.n)
        if (!step(&w))
            return false;
    return !out->full || fail(e, ERR_INVALID, "too long");
}
