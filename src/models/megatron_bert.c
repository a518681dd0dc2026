/* Megatron BERT (Shoeybi et al. 2019), model_type "megatron-bert": BERT with norms in front. */
#include "models/architecture.h"
#include "models/bert.h"
#include "models/stack.h"

static const field config[] = {
    ENCODER_SIZES(1024, 24, 16, 4096),
    ENCODER_TABLES(29056, 512),
    ENCODER_TYPES(2),
    ENCODER_ACT("hidden_act", ENCODER_GELU),
    ENCODER_EPS(1e-12),
    ENCODER_ONLY,
    FIELD_END,
};

static bool bind(encoder *m, stack *s, const stack_config *c, weights w, error *e)
{
    (void)e;
    stack_bind_tables(m, w, true);
    norm_bind(&s->final, weights_in(w, "encoder.ln"), c->base.hidden, c->base.eps);
    return true;
}

static void bind_layer(stack_layer *l, weights w, int i, const stack_config *c)
{
    weights in = weights_in(w, "encoder.layer.%d", i);
    stack_bind_products(l, in, c);
    norm_bind(&l->attention_in, weights_in(in, "attention.ln"), c->base.hidden, c->base.eps);
    norm_bind(&l->ffn_in, weights_in(in, "ln"), c->base.hidden, c->base.eps);
}

static const char *const ignored[] = {
    "pooler.*", "embeddings.position_ids", "cls.*", "classifier.*", "qa_outputs.*", NULL};

const architecture architecture_megatron_bert = {
    .model_type = "megatron-bert",
    .config = config,
    .config_bytes = sizeof(stack_config),
    .encoder = &(const stack_spec){.base = {.engine = &stack_engine,
                                            .prefix = "bert.",
                                            .positions = POSITIONS_FROM_ZERO,
                                            .ignored = ignored,
                                            .heads = bert_heads},
                                   .bind = bind,
                                   .bind_layer = bind_layer}
                    .base,
};
