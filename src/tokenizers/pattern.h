/* What Replace and Split look for: a string or a regular expression. */
#pragma once

#include "base/error.h"
#include "base/str.h"

#include <jansson.h>
#include <stdbool.h>

struct loader;

typedef struct pattern pattern;

/* From {"String": "..."} or {"Regex": "..."}, or a plain string. The loader's tokenizer owns it.
 * Regular expressions are those of Oniguruma (pattern_dialect.h), run by PCRE2. */
bool pattern_load(const pattern **out, const json_t *json, const char *path, struct loader *l);

/* Releases a list of patterns. */
void patterns_free(pattern *first);

/* A walk over the matches in a text. Release it. */
typedef struct pattern_walk {
    const pattern *pattern;
    str in;
    size_t at;
    size_t last_end; /* an empty match here is none */
    void *match;
} pattern_walk;

pattern_walk pattern_begin(const pattern *p, str in);
void pattern_walk_release(pattern_walk *w);

/* Next match from left to right, not overlapping: 1 and its range, 0 at the end, -1 on failure
 * (ERR_INVALID: the expression needs too many steps on this text). */
int pattern_next(pattern_walk *w, size_t *begin, size_t *end, error *e);
