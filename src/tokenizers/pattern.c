/* Strings are searched with memmem, expressions run by PCRE2, compiled to machine code where the
 * system lets it. Matching is bounded: an expression that backtracks without end is an error. */
#include "tokenizers/pattern.h"

#include "base/own.h"
#include "tokenizers/component.h"
#include "tokenizers/pattern_dialect.h"
#include "tokenizers/unicode.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

enum { TRANSLATED_BYTES = 1 << 20 };

struct pattern {
    struct pattern *next; /* in the tokenizer's list */
    str literal;
    pcre2_code *code; /* NULL: a literal */
};

static pattern *pattern_add(loader *l)
{
    pattern *p = arena_alloc(l->memory, sizeof *p);
    p->next = *l->patterns;
    *l->patterns = p;
    return p;
}

static bool compile(pattern *p, str regex, const char *path, loader *l)
{
    int code;
    PCRE2_SIZE at;
    error why = {0};
    own_buf buf translated = buf_new(TRANSLATED_BYTES);
    if (!pattern_translate(regex, &translated, &why))
        return loader_fail(l, path, "has a regular expression that cannot be used: %s",
                           why.message);
    p->code = pcre2_compile((PCRE2_SPTR)buf_text(&translated), translated.n,
                            PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE, &code, &at, NULL);
    if (!p->code) {
        char reason[160];
        pcre2_get_error_message(code, (PCRE2_UCHAR *)reason, sizeof reason);
        return loader_fail(l, path, "is no valid regular expression: %s at byte %zu", reason, at);
    }
    /* Without permission to make code at run time, the interpreter does the same. */
    pcre2_jit_compile(p->code, PCRE2_JIT_COMPLETE);
    return true;
}

bool pattern_load(const pattern **out, const json_t *json, const char *path, struct loader *l)
{
    const json_t *regex = json_object_get(json, "Regex");
    const json_t *literal = json_is_string(json) ? json : json_object_get(json, "String");
    if (!json_is_string(regex) && !json_is_string(literal))
        return loader_fail(l, path, "must have a 'pattern' with a 'String' or a 'Regex'");
    pattern *p = pattern_add(l);
    if (json_is_string(regex)) {
        if (!compile(p, json_str(regex), path, l))
            return false;
    } else {
        str text = json_str(literal);
        p->literal = (str){arena_copy(l->memory, text.p, text.n), text.n};
        if (!p->literal.p)
            return loader_fail(l, path, "has a pattern that is too long");
    }
    *out = p;
    return true;
}

void patterns_free(pattern *first)
{
    for (pattern *p = first; p; p = p->next)
        pcre2_code_free(p->code);
}

pattern_walk pattern_begin(const pattern *p, str in)
{
    pattern_walk w = {.pattern = p, .in = in, .last_end = (size_t)-1};
    if (p->code)
        w.match = pcre2_match_data_create_from_pattern(p->code, NULL);
    return w;
}

void pattern_walk_release(pattern_walk *w)
{
    pcre2_match_data_free(w->match);
}

static int next_literal(pattern_walk *w, size_t *begin, size_t *end)
{
    str literal = w->pattern->literal;
    if (literal.n == 0 || w->at >= w->in.n)
        return 0;
    const char *found = memmem(w->in.p + w->at, w->in.n - w->at, literal.p, literal.n);
    if (!found)
        return 0;
    *begin = (size_t)(found - w->in.p);
    *end = w->at = *begin + literal.n;
    return 1;
}

int pattern_next(pattern_walk *w, size_t *begin, size_t *end, error *e)
{
    if (!w->pattern->code)
        return next_literal(w, begin, end);
    while (w->at <= w->in.n) {
        uint32_t options = PCRE2_NO_UTF_CHECK;
        int rc = pcre2_match(w->pattern->code, (PCRE2_SPTR)w->in.p, w->in.n, w->at, options,
                             w->match, NULL);
        if (rc == PCRE2_ERROR_JIT_STACKLIMIT)
            rc = pcre2_match(w->pattern->code, (PCRE2_SPTR)w->in.p, w->in.n, w->at,
                             options | PCRE2_NO_JIT, w->match, NULL);
        if (rc == PCRE2_ERROR_NOMATCH)
            return 0;
        if (rc < 0) {
            fail(e, ERR_INVALID, "a regular expression of the tokenizer failed on the text (%d)",
                 rc);
            return -1;
        }
        const PCRE2_SIZE *range = pcre2_get_ovector_pointer(w->match);
        *begin = range[0];
        *end = range[1];
        bool empty = range[0] >= range[1], again = empty && range[1] == w->last_end;
        w->last_end = range[1];
        w->at = range[1];
        if (empty)
            w->at += w->at < w->in.n ? unicode_length(w->in.p[w->at]) : 1;
        if (!again)
            return 1;
    }
    return 0;
}
