/* EuroBERT (Boizard et al. 2025), model_type "eurobert": the layers of Llama, seeing all tokens. */
#include "models/architecture.h"
#include "models/decoder.h"

static const field config[] = {
    ENCODER_SIZES(768, 12, 12, 3072),
    FIELD_INT(stack_config, kv_heads, "num_key_value_heads", 0, 1, 1 << 12, "keys and values"),
    FIELD_INT(stack_config, head_dim, "head_dim", 0, 1, 512, "head width"),
    ENCODER_TABLES(128256, 8192),
    FIELD_BOOL(encoder_config, tied, "tie_word_embeddings", 0, "another preset than the above"),
    ENCODER_ACT("hidden_act", ENCODER_SILU),
    FIELD_NUMBER(encoder_config, eps, "rms_norm_eps", 1e-5, 0, 1, "added to squares"),
    ENCODER_HEAD_POOLING("classifier_pooling", ENCODER_POOL_LATE),
    FIELD_BOOL(stack_config, attention_bias, "attention_bias", 0, "attention has biases"),
    FIELD_BOOL(stack_config, ffn_bias, "mlp_bias", 0, "feed-forward has biases"),
    STACK_ROPE,
    FIELD_END,
};

static decoder_style style_of(const stack_config *c)
{
    bool biased = c->attention_bias;
    return (decoder_style){.query_bias = biased, .out_bias = biased, .ffn_bias = c->ffn_bias};
}

static bool bind(encoder *m, stack *s, const stack_config *c, weights w, error *e)
{
    (void)e;
    decoder_style style = style_of(c);
    decoder_bind(m, s, w, &style);
    return true;
}

static void bind_layer(stack_layer *l, weights w, int i, const stack_config *c)
{
    decoder_style style = style_of(c);
    decoder_bind_layer(l, w, i, c, &style);
}

static const head_spec heads[MODEL_HEADS] = {
    [HEAD_MASKED_LM] = {.out = "lm_head", .loose = true},
    [HEAD_LABELS] = {.pooling = HEAD_OWN_POOLING,
                     .dense = "dense",
                     .act = ACT_GELU_ERF,
                     .out = "classifier"},
    [HEAD_TOKEN_LABELS] = {.out = "classifier"},
};

static const char *const ignored[] = {"lm_head.*", "classifier.*", "dense.*", NULL};

const architecture architecture_eurobert = {
    .model_type = "eurobert",
    .config = config,
    .config_bytes = sizeof(stack_config),
    .encoder = &(const stack_spec){.base = {.engine = &stack_engine,
                                            .prefix = "model.",
                                            .positions = POSITIONS_FROM_ZERO,
                                            .ignored = ignored,
                                            .heads = heads,
                                            .words = "embed_tokens"},
                                   .theta = {10000},
                                   .bind = bind,
                                   .bind_layer = bind_layer}
                    .base,
};
