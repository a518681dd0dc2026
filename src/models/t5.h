/* What T5 and its relatives share. */
#pragma once

#include "models/stack.h"

typedef struct t5_config {
    stack_config stack; /* of the encoder */
    int decoder_layers; /* -1: as many */
    str ffn_kind;       /* "relu", "gated-gelu", ... */
    int start;          /* first token of what the decoder reads; -1: not given */
} t5_config;

/* layers, heads, middle: presets; start: of decoder_start_token_id. */
#define T5_ROWS(vocab_size, n_layers, n_heads, middle, kind, start_id)                             \
    FIELD_INT(encoder_config, hidden, "d_model", 512, 1, 1 << 16, "token width"),                  \
        FIELD_INT(encoder_config, layers, "num_layers", n_layers, 0, 1000, "layers"),              \
        FIELD_INT_OR_NONE(t5_config, decoder_layers, "num_decoder_layers", -1, 0, 1000, "layers"), \
        FIELD_INT(encoder_config, heads, "num_heads", n_heads, 1, 1 << 12, "heads"),               \
        FIELD_INT(encoder_config, ffn, "d_ff", middle, 1, 1 << 20, "middle width"),                \
        FIELD_INT(stack_config, head_dim, "d_kv", 64, 1, 512, "head width"),                       \
        FIELD_INT(encoder_config, vocab, "vocab_size", vocab_size, 1, 1 << 24, "token ids"),       \
        FIELD_INT(encoder_config, buckets, "relative_attention_num_buckets", 32, 4, 1 << 16,       \
                  "buckets of distances"),                                                         \
        FIELD_INT(stack_config, farthest, "relative_attention_max_distance", 128, 2, 1 << 20,      \
                  "beyond are all alike"),                                                         \
        FIELD_NUMBER(encoder_config, eps, "layer_norm_epsilon", 1e-6, 0, 1, "added to squares"),   \
        FIELD_STRING(t5_config, ffn_kind, "feed_forward_proj", kind, 0, "feed-forward"),           \
        FIELD_INT_OR_NONE(encoder_config, pad_token_id, "pad_token_id", 0, -1, 1 << 24,            \
                          "padding id"),                                                           \
        FIELD_INT(encoder_config, eos_token_id, "eos_token_id", 1, 0, 1 << 24, "id of ends"),      \
        FIELD_INT_OR_NONE(t5_config, start, "decoder_start_token_id", start_id, 0, 1 << 24,        \
                          "first token"),                                                          \
        FIELD_BOOL(encoder_config, is_decoder, "is_decoder", 0, "a decoder alone")

bool t5_bind(encoder *m, stack *s, const stack_config *c, weights w, error *e);

/* A bind_layer: the layers share the biases of the first. */
void t5_bind_layer(stack_layer *l, weights w, int i, const stack_config *c);

/* All but the biases. */
void t5_bind_blocks(stack_layer *l, weights w, int i, const stack_config *c);

/* Claims the biases of layer i. */
void t5_bind_bias(stack_layer *l, weights w, int i, const stack_config *c);

/* Members of their stack_spec.base. */
#define T5_BASE                                                                                    \
    .engine = &stack_engine, .prefix = "transformer.", .positions = POSITIONS_FROM_ZERO,           \
    .ignored = t5_ignored, .heads = t5_heads, .words = "shared"

extern const char *const t5_ignored[];
extern const head_spec t5_heads[MODEL_HEADS];
