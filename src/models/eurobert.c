/* EuroBERT (Boizard et al. 2025), model_type "eurobert": the layers of Llama, seeing all tokens. */
#include "models/architecture.h"
#include "models/stack.h"

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

static bool bind(encoder *m, stack *s, const stack_config *c, weights w, error *e)
{
    (void)e;
    embedding_bind(&m->words, weights_in(w, "embed_tokens"), c->base.vocab, c->base.hidden);
    norm_bind_rms(&s->final, weights_in(w, "norm"), c->base.hidden, c->base.eps);
    return true;
}

static void bind_layer(stack_layer *l, weights w, int i, const stack_config *c)
{
    weights in = weights_in(w, "layers.%d", i);
    int hidden = c->base.hidden, middle = c->base.ffn, queries = c->base.heads * stack_head_dim(c);
    int keys = c->kv_heads ? c->kv_heads * stack_head_dim(c) : queries;
    bool biased = c->attention_bias;
    norm_bind_rms(&l->attention_in, weights_in(in, "input_layernorm"), hidden, c->base.eps);
    linear_bind_as(&l->attention.query, weights_in(in, "self_attn.q_proj"), queries, hidden,
                   biased);
    linear_bind_as(&l->attention.key, weights_in(in, "self_attn.k_proj"), keys, hidden, biased);
    linear_bind_as(&l->attention.value, weights_in(in, "self_attn.v_proj"), keys, hidden, biased);
    linear_bind_as(&l->attention.out, weights_in(in, "self_attn.o_proj"), hidden, queries, biased);
    norm_bind_rms(&l->ffn_in, weights_in(in, "post_attention_layernorm"), hidden, c->base.eps);
    linear_bind_as(&l->ffn.gate, weights_in(in, "mlp.gate_proj"), middle, hidden, c->ffn_bias);
    linear_bind_as(&l->ffn.up, weights_in(in, "mlp.up_proj"), middle, hidden, c->ffn_bias);
    linear_bind_as(&l->ffn.down, weights_in(in, "mlp.down_proj"), hidden, middle, c->ffn_bias);
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
