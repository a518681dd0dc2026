/* Models: turn a word into ids. To add one: a file with its row, and the row in the table of
 * model.c. */
#pragma once

#include "tokenizers/component.h"
#include "tokenizers/text.h"

/* One token of a text. */
typedef struct token {
    int id;
    span from;                            /* bytes of the original text */
    uint32_t word;                        /* number of its word */
    bool is_own;                          /* its text is that of the word, not its id's */
    uint32_t spaces_before, spaces_after; /* white space in such a text */
} token;

/* Growing list of the tokens of one text. */
typedef struct tokens {
    token *items;
    size_t n, capacity;
    uint32_t n_words;
    bool failed; /* out of memory */
} tokens;

void tokens_release(tokens *list);
void tokens_add(tokens *list, token t);

/* Adds the token for the bytes from .. to - 1 of a word. */
void tokens_add_part(tokens *list, const text *word, size_t from, size_t to, int id);

/* The same for a token whose text is that of these bytes: an added one, or an unknown piece. */
void tokens_add_own(tokens *list, const text *word, size_t from, size_t to, int id);

/* White space, and byte-level spaces, at both ends of a token's text. */
void token_spaces(str s, uint32_t *before, uint32_t *after);

/* Ids of the tokens "<0x00>" .. "<0xFF>", VOCAB_ABSENT where there is none. */
void model_byte_ids(const vocab *v, int ids[256]);

struct model_kind {
    struct component_kind load;
    /* Adds the tokens of a word. Fails with ERR_BAD_MODEL when it needs an unknown token that is
     * not in the vocabulary. */
    bool (*run)(const void *state, const vocab *v, const text *word, tokens *out, error *e);
};

/* From the "model" of a tokenizer.json. */
bool model_load(loader *l, const json_t *json, component *out);

static inline bool model_run(const component *m, const vocab *v, const text *word, tokens *out,
                             error *e)
{
    return ((const struct model_kind *)m->kind)->run(m->state, v, word, out, e);
}

extern const struct model_kind model_bpe;
extern const struct model_kind model_code_points;
extern const struct model_kind model_unigram;
extern const struct model_kind model_wordpiece;
extern const struct model_kind model_wordlevel;
