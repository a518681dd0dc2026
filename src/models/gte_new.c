/* GTE (Zhang et al. 2024) as its authors publish it, model_type "new": the layers of "gte", with
 * options. Its own code, which auto_map names, is neither there nor asked for. */
#include "models/architecture.h"
#include "models/bert.h"
#include "models/gte.h"

/* Numbers of these fill stack_config.absolute and .rms. */
static const char *const position_types[] = {"rope", "absolute", NULL};
static const char *const norm_types[] = {"layer_norm", "rms_norm", NULL};

static const field config[] = {
    ENCODER_SIZES(768, 12, 12, 3072),
    ENCODER_TABLES(30528, 2048),
    ENCODER_TYPES(1),
    ENCODER_ACT("hidden_act", ENCODER_GELU),
    ENCODER_EPS(1e-12),
    FIELD_CHOICE(stack_config, absolute, "position_embedding_type", 0, position_types, "positions"),
    FIELD_CHOICE(stack_config, rms, "layer_norm_type", 0, norm_types, "norms of layers"),
    FIELD_BOOL(stack_config, fused, "pack_qkv", 1, "one product for attention"),
    FIELD_BOOL(stack_config, length_scale, "logn_attention_scale", 0, "scores by length"),
    FIELD_BOOL(stack_config, length_scale_least, "logn_attention_clip1", 0, "never made smaller"),
    STACK_ROPE,
    FIELD_END,
};

static bool bind(encoder *m, stack *s, const stack_config *c, weights w, error *e)
{
    if (c->length_scale && (c->absolute || c->base.positions < 2))
        return fail(e, ERR_INVALID,
                    "'logn_attention_scale' is supported with rotary positions only, and with two "
                    "of them at least");
    return gte_bind(m, s, c, w, e);
}

static void bind_norm(norm *n, weights w, const stack_config *c)
{
    if (c->rms)
        norm_bind_rms(n, w, c->base.hidden, c->base.eps);
    else
        norm_bind(n, w, c->base.hidden, c->base.eps);
}

static void bind_layer(stack_layer *l, weights w, int i, const stack_config *c)
{
    weights in = weights_in(w, "encoder.layer.%d", i), attention = weights_in(in, "attention");
    int hidden = c->base.hidden;
    if (c->fused) {
        stack_bind_fused(&l->attention, weights_in(attention, "qkv_proj"), c, true);
    } else {
        linear_bind(&l->attention.query, weights_in(attention, "q_proj"), hidden, hidden);
        linear_bind(&l->attention.key, weights_in(attention, "k_proj"), hidden, hidden);
        linear_bind(&l->attention.value, weights_in(attention, "v_proj"), hidden, hidden);
    }
    gte_bind_products(l, in, c);
    bind_norm(&l->attention_out, weights_in(in, "attn_ln"), c);
    bind_norm(&l->ffn_out, weights_in(in, "mlp_ln"), c);
}

static const head_spec heads[MODEL_HEADS] = {
    [HEAD_MASKED_LM] = {.dense = "lm_head.dense",
                        .act = HEAD_HIDDEN_ACT,
                        .norm = "lm_head.norm",
                        .out = "lm_head.decoder"},
    [HEAD_LABELS] = BERT_POOLED("pooler.dense", "classifier"),
    [HEAD_CHOICES] = BERT_POOLED("pooler.dense", "classifier"),
    HEADS_OF_TOKENS,
};

const architecture architecture_gte_new = {
    .model_type = "new",
    .config = config,
    .config_bytes = sizeof(stack_config),
    .encoder = &(const stack_spec){.base = {.engine = &stack_engine,
                                            .prefix = "new.",
                                            .positions = POSITIONS_FROM_ZERO,
                                            .heads = heads,
                                            .ignored = gte_ignored},
                                   .theta = {10000},
                                   .only_ntk = true,
                                   .bind = bind,
                                   .bind_layer = bind_layer}
                    .base,
};
