/* ModernBERT (Warner et al. 2024), model_type "modernbert": norms in front, rotary positions, gated
 * feed-forward, and two of three layers that see only what is near. */
#include "models/architecture.h"
#include "models/stack.h"

static const field config[] = {
    ENCODER_SIZES(768, 22, 12, 1152),
    ENCODER_TABLES(50368, 8192),
    ENCODER_ACT("hidden_activation", ENCODER_GELU),
    FIELD_NUMBER(encoder_config, eps, "norm_eps", 1e-5, 0, 1, "added to variances"),
    ENCODER_HEAD_ACT("classifier_activation", ENCODER_GELU),
    ENCODER_HEAD_POOLING("classifier_pooling", ENCODER_POOL_CLS),
    FIELD_BOOL(stack_config, norm_bias, "norm_bias", 0, "norms have a bias"),
    FIELD_BOOL(stack_config, attention_bias, "attention_bias", 0, "attention has biases"),
    FIELD_BOOL(stack_config, ffn_bias, "mlp_bias", 0, "feed-forward has biases"),
    FIELD_INT(stack_config, window, "local_attention", 128, 1, 1 << 20, "near tokens"),
    FIELD_INT(stack_config, all_every, "global_attn_every_n_layers", 3, 1, 1000, "reach"),
    FIELD_STRINGS(stack_config, layer_types, "layer_types", 1000, 0, "reach of each layer"),
    FIELD_OBJECT(stack_config, rope, "rope_parameters", stack_reach_ropes, 0, "rotation"),
    FIELD_OBJECT(stack_config, scaling, "rope_scaling", rope_config_rows, 0, "rotation"),
    FIELD_NUMBER(stack_config, theta[REACH_ALL], "global_rope_theta", 0, 0, 1e12, "rotation"),
    FIELD_NUMBER(stack_config, theta[REACH_NEAR], "local_rope_theta", 0, 0, 1e12, "rotation"),
    FIELD_END,
};

static void bind_norm(norm *n, weights w, const stack_config *c)
{
    if (c->norm_bias)
        norm_bind(n, w, c->base.hidden, c->base.eps);
    else
        norm_bind_unbiased(n, w, c->base.hidden, c->base.eps);
}

static bool bind(encoder *m, stack *s, const stack_config *c, weights w, error *e)
{
    (void)e;
    embedding_bind(&m->words, weights_in(w, "embeddings.tok_embeddings"), c->base.vocab,
                   c->base.hidden);
    bind_norm(&m->embedding_norm, weights_in(w, "embeddings.norm"), c);
    bind_norm(&s->final, weights_in(w, "final_norm"), c);
    return true;
}

static void bind_layer(stack_layer *l, weights w, int i, const stack_config *c)
{
    weights in = weights_in(w, "layers.%d", i);
    int hidden = c->base.hidden, middle = c->base.ffn;
    if (i > 0)
        bind_norm(&l->attention_in, weights_in(in, "attn_norm"), c);
    stack_bind_fused(&l->attention, weights_in(in, "attn.Wqkv"), c, c->attention_bias);
    linear_bind_as(&l->attention.out, weights_in(in, "attn.Wo"), hidden, hidden, c->attention_bias);
    bind_norm(&l->ffn_in, weights_in(in, "mlp_norm"), c);
    linear_bind_rows(&l->ffn.gate, weights_in(in, "mlp.Wi"), middle, hidden, 0, 2 * middle,
                     c->ffn_bias);
    linear_bind_rows(&l->ffn.up, weights_in(in, "mlp.Wi"), middle, hidden, middle, 2 * middle,
                     c->ffn_bias);
    linear_bind_as(&l->ffn.down, weights_in(in, "mlp.Wo"), hidden, middle, c->ffn_bias);
}

#define HEAD_OF(pooled, scores)                                                                    \
    {                                                                                              \
        .pooling = pooled, .dense = "head.dense", .act = HEAD_OWN_ACT, .norm = "head.norm",        \
        .out = scores, .loose = true                                                               \
    }

static const head_spec heads[MODEL_HEADS] = {
    [HEAD_MASKED_LM] = HEAD_OF(0, "decoder"),
    [HEAD_LABELS] = HEAD_OF(HEAD_OWN_POOLING, "classifier"),
    [HEAD_TOKEN_LABELS] = HEAD_OF(0, "classifier"),
    [HEAD_SPANS] = HEAD_OF(0, "classifier"),
    [HEAD_CHOICES] = HEAD_OF(HEAD_OWN_POOLING, "classifier"),
};

static const char *const ignored[] = {"head.*", "decoder.*", "classifier.*", NULL};

const architecture architecture_modernbert = {
    .model_type = "modernbert",
    .config = config,
    .config_bytes = sizeof(stack_config),
    .encoder = &(const stack_spec){.base = {.engine = &stack_engine,
                                            .prefix = "model.",
                                            .positions = POSITIONS_FROM_ZERO,
                                            .ignored = ignored,
                                            .heads = heads,
                                            .words = "embeddings.tok_embeddings"},
                                   .theta = {160000, 10000},
                                   .bind = bind,
                                   .bind_layer = bind_layer}
                    .base,
};
