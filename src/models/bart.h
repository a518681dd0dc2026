/* What BART and its relatives share. */
#pragma once

#include "models/stack.h"

/* The norms of all of them have the eps that is torch's own. */
#define BART_EPS 1e-5

/* The configuration of mBART begins with this too. The common part is the decoder's. */
typedef struct bart_config {
    stack_config stack;
    int encoder_layers, encoder_heads, encoder_ffn;
    int scaled; /* words are multiplied by the root of the width */
    int start;  /* first token of what the decoder reads */
} bart_config;

#define BART_ROWS                                                                                  \
    FIELD_INT(encoder_config, hidden, "d_model", 1024, 1, 1 << 16, "token width"),                 \
        FIELD_INT(encoder_config, layers, "decoder_layers", 12, 0, 1000, "layers"),                \
        FIELD_INT(encoder_config, heads, "decoder_attention_heads", 16, 1, 1 << 12, "heads"),      \
        FIELD_INT(encoder_config, ffn, "decoder_ffn_dim", 4096, 1, 1 << 20, "middle width"),       \
        FIELD_INT(bart_config, encoder_layers, "encoder_layers", 12, 0, 1000, "layers"),           \
        FIELD_INT(bart_config, encoder_heads, "encoder_attention_heads", 16, 1, 1 << 12, "heads"), \
        FIELD_INT(bart_config, encoder_ffn, "encoder_ffn_dim", 4096, 1, 1 << 20, "middle width"),  \
        ENCODER_TABLES(50265, 1024), ENCODER_ACT("activation_function", ENCODER_GELU),             \
        FIELD_BOOL(bart_config, scaled, "scale_embedding", 0, "scaled word vectors"),              \
        FIELD_INT_OR_NONE(encoder_config, pad_token_id, "pad_token_id", 1, -1, 1 << 24,            \
                          "padding id"),                                                           \
        FIELD_INT(encoder_config, eos_token_id, "eos_token_id", 2, 0, 1 << 24, "id of ends"),      \
        FIELD_INT(bart_config, start, "decoder_start_token_id", 2, 0, 1 << 24, "first token"),     \
        FIELD_BOOL(encoder_config, is_decoder, "is_decoder", 0, "a decoder alone")

/* Claims a table of positions, which begins with two rows that no token has. */
void bart_bind_positions(embedding *m, weights w, int positions, int hidden);

/* Claims a layer in the scope of its names. c->pre_norm: norms are in front of the blocks;
 * c->cross: with cross-attention. */
void bart_bind_layer(stack_layer *l, weights in, const stack_config *c, bool biased);

/* Claims embeddings of the decoder s and its encoder, which it makes. c: as parsed. */
bool bart_bind(encoder *m, stack *s, const bart_config *c, weights w, error *e);

/* A bind_layer of both. */
void bart_bind_any_layer(stack_layer *l, weights w, int i, const stack_config *c);

extern const char *const bart_ignored[];
extern const head_spec bart_heads[MODEL_HEADS];
