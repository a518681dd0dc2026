/* What the decoders of Llama's kind share: RMSNorm in front of the blocks, rotary positions, keys
 * shared by queries, a gated feed-forward, causal attention. */
#pragma once

#include "models/stack.h"

/* Options that some of them have; the configuration of their architectures begins with this. */
typedef struct decoder_config {
    stack_config stack;
    int use_window, first_near; /* only layers from first_near on are near-sighted */
    int pattern;                /* every such layer sees all, the others what is near */
    int bidirectional;          /* not causal */
    double query_scalar;        /* scores are scaled by 1 / sqrt of it */
} decoder_config;

/* Rows that all of them have. kv: preset of num_key_value_heads, 0: as many as heads. */
#define DECODER_ROWS(kv, rms_eps, pad)                                                             \
    FIELD_INT_OR_NONE(stack_config, kv_heads, "num_key_value_heads", kv, 1, 1 << 12,               \
                      "keys and values"),                                                          \
        FIELD_NUMBER(encoder_config, eps, "rms_norm_eps", rms_eps, 0, 1, "added to squares"),      \
        FIELD_INT_OR_NONE(encoder_config, pad_token_id, "pad_token_id", pad, -1, 1 << 24,          \
                          "padding id"),                                                           \
        FIELD_BOOL(stack_config, causal, "is_causal", 1, "tokens see what is before them"),        \
        STACK_ROPE
#define DECODER_HEAD_DIM(preset)                                                                   \
    FIELD_INT(stack_config, head_dim, "head_dim", preset, 1, 512, "head width")
#define DECODER_WINDOW(preset)                                                                     \
    FIELD_INT_OR_NONE(stack_config, window, "sliding_window", preset, 1, 1 << 24, "near tokens")
#define DECODER_LAYER_TYPES                                                                        \
    FIELD_STRINGS(stack_config, layer_types, "layer_types", 1000, 0, "reach of each layer")
#define DECODER_ATTENTION_BIAS                                                                     \
    FIELD_BOOL(stack_config, attention_bias, "attention_bias", 0, "attention has biases")
#define DECODER_QUERY_SCALAR                                                                       \
    FIELD_NUMBER(decoder_config, query_scalar, "query_pre_attn_scalar", 256, 1e-3, 1e6,            \
                 "scores are divided by its root")

/* How the layers differ. */
typedef struct decoder_style {
    bool query_bias, out_bias, ffn_bias; /* of query, key and value; of attention's out; of ffn */
    bool norms_from_one;                 /* files hold how far norms are from 1 */
    bool head_norms;                     /* queries and keys are normed head by head */
    bool added_norms;                    /* what a block adds is normed too */
    bool fused;                          /* one tensor for query, key and value, one for gates */
} decoder_style;

/* Claims the embedding table and the final norm. */
void decoder_bind(encoder *m, stack *s, weights w, const decoder_style *style);

/* Claims layer i: "layers.<i>". */
void decoder_bind_layer(stack_layer *l, weights w, int i, const stack_config *c,
                        const decoder_style *style);

/* A reach of all layers alike: near-sighted if there is a window. */
enum stack_reach decoder_reach(const stack_config *c, int layer);

/* Windows of layers that may see both sides: as many tokens to each. */
void decoder_widen(stack *s);

/* Heads of all of them: scores of the last token, of tokens, of answers. */
#define DECODER_HEADS                                                                              \
    [HEAD_LABELS] = {.pooling = HEAD_POOL_UNPADDED, .out = "score", .loose = true},                \
    [HEAD_TOKEN_LABELS] = {.out = "score", .loose = true}, [HEAD_SPANS] = {.out = "qa_outputs"}

/* Members of their stack_spec.base; QA models of some have another prefix. */
#define DECODER_BASE                                                                               \
    .engine = &stack_engine, .prefix = "model.", .other_prefix = "transformer.",                   \
    .positions = POSITIONS_FROM_ZERO, .words = "embed_tokens", .ignored = decoder_ignored,         \
    .heads = decoder_heads

extern const char *const decoder_ignored[];
extern const head_spec decoder_heads[MODEL_HEADS];
