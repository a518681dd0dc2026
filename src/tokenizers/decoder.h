/* Decoders: tokens back to text. Each step rewrites the list of tokens; what is left is joined.
 * To add one: a file or a function with its row, and the row in the table of decoder.c. */
#pragma once

#include "base/buf.h"
#include "tokenizers/component.h"

/* Tokens on their way to text; all memory is the arena's. */
typedef struct pieces {
    str *items;
    int n;
    arena *memory;
} pieces;

/* All pieces as one string of the arena. */
bool pieces_join(const pieces *p, str between, str *out, error *e);

struct decoder_kind {
    struct component_kind load;
    bool (*run)(const void *state, pieces *p, error *e);
};

/* From the "decoder" of a tokenizer.json. */
bool decoders_load(loader *l, const json_t *json, component_list *out);

/* The text of tokens; without decoders they are joined with spaces. */
bool decoders_run(const component_list *list, pieces *p, str *out, error *e);

extern const struct decoder_kind decode_bpe, decode_byte_fallback, decode_byte_level, decode_ctc,
    decode_fuse, decode_metaspace, decode_replace, decode_strip, decode_wordpiece;
