/* Pre-tokenizers: cut a normalised text into words. Steps are chained: each hands its pieces to
 * the next, the last to the model, so no list of words is kept. To add one: a file
 * pretokenize_<thing>.c with its row, and the row in the table of pretokenizer.c. */
#pragma once

#include "tokenizers/component.h"
#include "tokenizers/text.h"

/* Takes pieces. */
typedef struct sink {
    bool (*put)(struct sink *self, const text *piece, error *e);
} sink;

struct pretokenizer_kind {
    struct component_kind load;
    /* Hands the pieces of `t` to `next`. `w` is this step's own memory for rewritten text, valid
     * while it runs. Empty pieces may be handed on; they are dropped on the way. */
    bool (*run)(const void *state, const text *t, text_writer *w, sink *next, error *e);
};

/* From the "pre_tokenizer" of a tokenizer.json. */
bool pretokenizers_load(loader *l, const json_t *json, component_list *out);

/* A chain of all steps with its memory, for one thread. */
typedef struct pretokenizer_chain pretokenizer_chain;
pretokenizer_chain *pretokenizer_chain_new(const component_list *list, sink *last);
void pretokenizer_chain_free(pretokenizer_chain *chain);

/* Cuts a text into words, which `last` takes. */
bool pretokenizer_chain_run(pretokenizer_chain *chain, const text *t, error *e);

static inline bool sink_put(sink *to, const text *piece, error *e)
{
    return piece->n == 0 || to->put(to, piece, e);
}

/* What happens to the delimiters that a text is split at. */
enum split_behavior {
    SPLIT_REMOVED,
    SPLIT_ISOLATED,
    SPLIT_MERGED_WITH_PREVIOUS,
    SPLIT_MERGED_WITH_NEXT,
    SPLIT_CONTIGUOUS,
};
extern const char *const split_behaviors[]; /* their names for FIELD_CHOICE */

/* A split under way: give it the matches and what lies between them, in order, without gaps. */
typedef struct splitter {
    const text *t;
    sink *next;
    enum split_behavior behavior;
    bool has_pending, pending_is_match, last_is_match;
    size_t pending_begin, pending_end;
} splitter;
bool splitter_add(splitter *s, size_t begin, size_t end, bool is_match, error *e);
bool splitter_end(splitter *s, error *e);

/* Splits at every character for which is_delimiter holds. */
bool split_at_chars(const text *t, bool (*is_delimiter)(uint32_t c, const void *arg),
                    const void *arg, enum split_behavior behavior, sink *next, error *e);

/* Splits at the matches of a pattern, or with `invert` at what lies between them. */
bool split_at_pattern(const text *t, const pattern *p, bool invert, enum split_behavior behavior,
                      sink *next, error *e);

extern const struct pretokenizer_kind pretokenize_bert;
extern const struct pretokenizer_kind pretokenize_byte_level;
extern const struct pretokenizer_kind pretokenize_char_delimiter;
extern const struct pretokenizer_kind pretokenize_digits;
extern const struct pretokenizer_kind pretokenize_fixed_length;
extern const struct pretokenizer_kind pretokenize_jieba;
extern const struct pretokenizer_kind pretokenize_mecab;
extern const struct pretokenizer_kind pretokenize_metaspace;
extern const struct pretokenizer_kind pretokenize_punctuation;
extern const struct pretokenizer_kind pretokenize_scripts;
extern const struct pretokenizer_kind pretokenize_split;
extern const struct pretokenizer_kind pretokenize_whitespace, pretokenize_whitespace_split;
