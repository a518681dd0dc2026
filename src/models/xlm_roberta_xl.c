/* XLM-RoBERTa XL (Goyal et al. 2021), model_type "xlm-roberta-xl": XLM-RoBERTa with norms in
 * front. */
#include "models/architecture.h"
#include "models/roberta.h"
#include "models/stack.h"

static const field config[] = {
    ENCODER_SIZES(2560, 36, 32, 10240),
    ENCODER_TABLES(250880, 514),
    ENCODER_TYPES(1),
    ENCODER_ACT("hidden_act", ENCODER_GELU),
    ENCODER_EPS(1e-5),
    ENCODER_PADDING(1),
    ENCODER_ONLY,
    FIELD_END,
};

static bool bind(encoder *m, stack *s, const stack_config *c, weights w, error *e)
{
    (void)e;
    stack_bind_tables(m, w, true);
    norm_bind(&s->final, weights_in(w, "encoder.LayerNorm"), c->base.hidden, c->base.eps);
    return true;
}

static void bind_layer(stack_layer *l, weights w, int i, const stack_config *c)
{
    weights in = weights_in(w, "encoder.layer.%d", i);
    stack_bind_products(l, in, c);
    norm_bind(&l->attention_in, weights_in(in, "attention.self_attn_layer_norm"), c->base.hidden,
              c->base.eps);
    norm_bind(&l->ffn_in, weights_in(in, "LayerNorm"), c->base.hidden, c->base.eps);
}

static const char *const ignored[] = {
    "pooler.*", "embeddings.position_ids", "lm_head.*", "classifier.*", "qa_outputs.*", NULL};

const architecture architecture_xlm_roberta_xl = {
    .model_type = "xlm-roberta-xl",
    .config = config,
    .config_bytes = sizeof(stack_config),
    .encoder = &(const stack_spec){.base = {.engine = &stack_engine,
                                            .prefix = "roberta.",
                                            .positions = POSITIONS_AFTER_PADDING,
                                            .ignored = ignored,
                                            .heads = roberta_heads},
                                   .bind = bind,
                                   .bind_layer = bind_layer}
                    .base,
};
