/* Added tokens: whole strings that are found in a text before anything else is done with it. */
#pragma once

#include "tokenizers/component.h"
#include "tokenizers/text.h"

typedef struct added_token {
    str content;
    str pattern; /* what is looked for: the content, normalised if `normalized` says so */
    int id;
    bool single_word, lstrip, rstrip, normalized, special;
} added_token;

/* Patterns in the order of their bytes, for matching. */
typedef struct added_matcher {
    const added_token **sorted;
    int n;
    uint16_t first[257]; /* where the patterns of each first byte start, and at 256 their end */
} added_matcher;

typedef struct added_tokens {
    added_token *items;
    int n;
    const added_token **by_id; /* [n], ascending */
    added_matcher raw;         /* looked for in the text as it came */
    added_matcher normalized;  /* looked for in the normalised text */
} added_tokens;

enum { ADDED_MAX = 60000 };

/* From the "added_tokens" of a tokenizer.json; the normalizers are needed for the patterns. Ids are
 * given as the reference does: that of the vocabulary, else the next free one. */
bool added_tokens_load(loader *l, const json_t *json, const component_list *normalizers,
                       added_tokens *out);

/* Puts one more into the list, in place of one with the same content. */
bool added_tokens_put(loader *l, added_tokens *list, const added_token *token);

/* A found token or the text before one. */
typedef struct added_match {
    const added_token *token; /* NULL: text between tokens */
    size_t begin, end;
} added_match;

/* A walk over a text. */
typedef struct added_walk {
    const added_matcher *matcher;
    str in;
    bool special_as_text;
    size_t at;   /* where the search goes on */
    size_t done; /* end of what was handed out */
    added_match held;
} added_walk;

/* The next token, or text between tokens, from left to right; false at the end. */
bool added_next(added_walk *w, added_match *out);

/* The token with this id or content, NULL when it is none of these. */
const added_token *added_by_id(const added_tokens *list, int id);
const added_token *added_by_content(const added_tokens *list, str content);
