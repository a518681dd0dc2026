/* GTE (Zhang et al. 2024), model_type "gte": BERT with rotary positions and a gated feed-forward.
 */
#include "models/gte.h"
#include "models/architecture.h"
#include "models/bert.h"

static const field config[] = {
    ENCODER_SIZES(768, 12, 12, 3072),
    ENCODER_TABLES(250048, 8192),
    ENCODER_TYPES(1),
    ENCODER_ACT("hidden_act", ENCODER_GELU),
    ENCODER_EPS(1e-12),
    STACK_ROPE,
    FIELD_END,
};

bool gte_bind(encoder *m, stack *s, const stack_config *c, weights w, error *e)
{
    (void)s, (void)e;
    stack_bind_tables(m, w, c->absolute);
    norm_bind(&m->embedding_norm, weights_in(w, "embeddings.LayerNorm"), c->base.hidden,
              c->base.eps);
    return true;
}

void gte_bind_products(stack_layer *l, weights in, const stack_config *c)
{
    weights up = weights_in(in, "mlp.up_gate_proj");
    int hidden = c->base.hidden, middle = c->base.ffn;
    linear_bind(&l->attention.out, weights_in(in, "attention.o_proj"), hidden, hidden);
    linear_bind_rows(&l->ffn.up, up, middle, hidden, 0, 2 * middle, false);
    linear_bind_rows(&l->ffn.gate, up, middle, hidden, middle, 2 * middle, false);
    linear_bind(&l->ffn.down, weights_in(in, "mlp.down_proj"), hidden, middle);
}

static void bind_layer(stack_layer *l, weights w, int i, const stack_config *c)
{
    weights in = weights_in(w, "encoder.layer.%d", i);
    int hidden = c->base.hidden;
    stack_bind_fused(&l->attention, weights_in(in, "attention.qkv_proj"), c, true);
    gte_bind_products(l, in, c);
    norm_bind(&l->attention_out, weights_in(in, "attn_ln"), hidden, c->base.eps);
    norm_bind(&l->ffn_out, weights_in(in, "mlp_ln"), hidden, c->base.eps);
}

static const head_spec heads[MODEL_HEADS] = {
    [HEAD_MASKED_LM] = {.dense = "lm_head.dense",
                        .act = ACT_GELU_ERF,
                        .norm = "lm_head.norm",
                        .out = "lm_head.decoder"},
    [HEAD_LABELS] = BERT_POOLED("pooler.dense", "classifier"),
    [HEAD_CHOICES] = BERT_POOLED("pooler.dense", "classifier"),
    HEADS_OF_TOKENS,
};

const char *const gte_ignored[] = {"pooler.*", "lm_head.*", "classifier.*", "qa_outputs.*", NULL};

const architecture architecture_gte = {
    .model_type = "gte",
    .config = config,
    .config_bytes = sizeof(stack_config),
    .encoder = &(const stack_spec){.base = {.engine = &stack_engine,
                                            .prefix = "new.",
                                            .other_prefix = "gte.",
                                            .positions = POSITIONS_FROM_ZERO,
                                            .heads = heads,
                                            .ignored = gte_ignored},
                                   .theta = {160000},
                                   .bind = gte_bind,
                                   .bind_layer = bind_layer}
                    .base,
};
