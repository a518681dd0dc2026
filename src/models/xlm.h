/* XLM and what was made of it. */
#pragma once

#include "models/stack.h"
#include "models/summary.h"

typedef struct xlm_config {
    stack_config stack;
    int words;    /* n_words, which counts before vocab_size; 0: not given */
    int gelu;     /* or ReLU */
    int adaptive; /* asm: scores of the vocabulary by clusters */
    int is_encoder;
    summary_config summary;
} xlm_config;

#define XLM_CONFIG                                                                                 \
    FIELD_INT(encoder_config, hidden, "emb_dim", 2048, 1, 1 << 16, "token width"),                 \
        FIELD_INT(encoder_config, layers, "n_layers", 12, 0, 1000, "layers"),                      \
        FIELD_INT(encoder_config, heads, "n_heads", 16, 1, 1 << 12, "heads"),                      \
        ENCODER_TABLES(30145, 512),                                                                \
        FIELD_INT(xlm_config, words, "n_words", 0, 1, 1 << 24, "token ids"),                       \
        FIELD_BOOL(xlm_config, gelu, "gelu_activation", 1, "GELU, or ReLU"),                       \
        FIELD_BOOL(stack_config, causal, "causal", 0, "tokens see what is before them"),           \
        FIELD_BOOL(xlm_config, adaptive, "asm", 0, "scores by clusters"),                          \
        FIELD_BOOL(xlm_config, is_encoder, "is_encoder", 1, "must be true"),                       \
        SUMMARY(xlm_config, summary, ENCODER_POOL_FIRST, -1, 1, 1), ENCODER_EPS(1e-12)

/* A stack_spec's: the tables, and a layer with norms behind its blocks, or in front of them. */
bool xlm_bind(encoder *m, stack *s, const stack_config *c, weights w, error *e);
void xlm_bind_layer(stack_layer *l, weights w, int i, const stack_config *c);

extern const head_spec xlm_heads[MODEL_HEADS];
extern const char *const xlm_ignored[];

#define XLM_ENCODER                                                                                \
    &(const stack_spec)                                                                            \
    {                                                                                              \
        .base = {.engine = &stack_engine,                                                          \
                 .prefix = "transformer.",                                                         \
                 .positions = POSITIONS_FROM_ZERO,                                                 \
                 .ignored = xlm_ignored,                                                           \
                 .heads = xlm_heads,                                                               \
                 .words = "embeddings"},                                                           \
        .bind = xlm_bind, .bind_layer = xlm_bind_layer                                             \
    }
