/* Jina embeddings v3 (Sturua et al. 2024), model_type "jina_embeddings_v3": XLM-RoBERTa with rotary
 * positions. Adapters for tasks are no part of it. */
#include "models/roberta.h"
#include "models/stack.h"

static const field config[] = {
    ENCODER_SIZES(1024, 24, 16, 4096),
    ENCODER_TABLES(250002, 8194),
    ENCODER_TYPES(1),
    ENCODER_ACT("hidden_act", ENCODER_GELU),
    ENCODER_EPS(1e-5),
    STACK_ROPE,
    FIELD_END,
};

static bool bind(encoder *m, stack *s, const stack_config *c, weights w, error *e)
{
    (void)s, (void)e;
    stack_bind_tables(m, w, false);
    norm_bind(&m->embedding_norm, weights_in(w, "emb_ln"), c->base.hidden, c->base.eps);
    return true;
}

static void bind_layer(stack_layer *l, weights w, int i, const stack_config *c)
{
    weights in = weights_in(w, "encoder.layers.%d", i);
    int hidden = c->base.hidden, middle = c->base.ffn;
    stack_bind_fused(&l->attention, weights_in(in, "mixer.Wqkv"), c, true);
    linear_bind(&l->attention.out, weights_in(in, "mixer.out_proj"), hidden, hidden);
    norm_bind(&l->attention_out, weights_in(in, "norm1"), hidden, c->base.eps);
    linear_bind(&l->ffn.up, weights_in(in, "mlp.fc1"), middle, hidden);
    linear_bind(&l->ffn.down, weights_in(in, "mlp.fc2"), hidden, middle);
    norm_bind(&l->ffn_out, weights_in(in, "norm2"), hidden, c->base.eps);
}

static const char *const ignored[] = {"pooler.*",     "lm_head.*", "classifier.*",
                                      "qa_outputs.*", "*inv_freq", NULL};

const architecture architecture_jina_embeddings_v3 = {
    .model_type = "jina_embeddings_v3",
    .config = config,
    .config_bytes = sizeof(stack_config),
    .encoder = &(const stack_spec){.base = {.engine = &stack_engine,
                                            .prefix = "roberta.",
                                            .positions = POSITIONS_FROM_ZERO,
                                            .heads = roberta_heads,
                                            .ignored = ignored},
                                   .theta = {20000},
                                   .bind = bind,
                                   .bind_layer = bind_layer}
                    .base,
};
