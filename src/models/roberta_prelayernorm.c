/* RoBERTa with norms in front (Ott et al. 2019, fairseq), model_type "roberta-prelayernorm". */
#include "models/architecture.h"
#include "models/roberta.h"
#include "models/stack.h"

static const field config[] = {
    ENCODER_SIZES(768, 12, 12, 3072),
    ENCODER_TABLES(50265, 512),
    ENCODER_TYPES(2),
    ENCODER_ACT("hidden_act", ENCODER_GELU),
    ENCODER_EPS(1e-12),
    ENCODER_PADDING(1),
    ENCODER_ONLY,
    FIELD_END,
};

static bool bind(encoder *m, stack *s, const stack_config *c, weights w, error *e)
{
    (void)e;
    stack_bind_tables(m, w, true);
    norm_bind(&m->embedding_norm, weights_in(w, "embeddings.LayerNorm"), c->base.hidden,
              c->base.eps);
    norm_bind(&s->final, weights_in(w, "LayerNorm"), c->base.hidden, c->base.eps);
    return true;
}

static void bind_layer(stack_layer *l, weights w, int i, const stack_config *c)
{
    weights in = weights_in(w, "encoder.layer.%d", i);
    stack_bind_products(l, in, c);
    norm_bind(&l->attention_in, weights_in(in, "attention.LayerNorm"), c->base.hidden, c->base.eps);
    norm_bind(&l->ffn_in, weights_in(in, "intermediate.LayerNorm"), c->base.hidden, c->base.eps);
}

static const char *const ignored[] = {
    "pooler.*", "embeddings.position_ids", "lm_head.*", "classifier.*", "qa_outputs.*", NULL};

const architecture architecture_roberta_prelayernorm = {
    .model_type = "roberta-prelayernorm",
    .config = config,
    .config_bytes = sizeof(stack_config),
    .encoder = &(const stack_spec){.base = {.engine = &stack_engine,
                                            .prefix = "roberta_prelayernorm.",
                                            .positions = POSITIONS_AFTER_PADDING,
                                            .ignored = ignored,
                                            .heads = roberta_heads},
                                   .bind = bind,
                                   .bind_layer = bind_layer}
                    .base,
};
