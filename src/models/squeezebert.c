/* SqueezeBERT (Iandola et al. 2020), model_type "squeezebert": BERT whose products are made in
 * groups. */
#include "models/architecture.h"
#include "models/bert.h"
#include "models/stack.h"

static const double LAYER_EPS = 1e-12; /* whatever layer_norm_eps says: that is for embeddings */

#define GROUPS(product, key, preset)                                                               \
    FIELD_INT(stack_config, groups[product], key, preset, 1, 1 << 16, "groups")

static const field config[] = {
    ENCODER_SIZES(768, 12, 12, 3072),
    FIELD_INT(encoder_config, embedding, "embedding_size", 768, 1, 1 << 16, "table width"),
    ENCODER_TABLES(30522, 512),
    ENCODER_TYPES(2),
    ENCODER_ACT("hidden_act", ENCODER_GELU),
    ENCODER_EPS(1e-12),
    GROUPS(QUERIES, "q_groups", 4),
    GROUPS(KEYS, "k_groups", 4),
    GROUPS(VALUES, "v_groups", 4),
    GROUPS(ATTENTION_OUT, "post_attention_groups", 1),
    GROUPS(FFN_UP, "intermediate_groups", 4),
    GROUPS(FFN_DOWN, "output_groups", 4),
    FIELD_END,
};

static bool check_groups(const stack_config *c, error *e)
{
    const encoder_config *sizes = &c->base;
    for (int i = 0; i < N_PRODUCTS; i++)
        if (sizes->hidden % c->groups[i] || (i >= FFN_UP && sizes->ffn % c->groups[i]))
            return fail(e, ERR_BAD_MODEL, "%d groups do not divide the sizes %d and %d",
                        c->groups[i], sizes->hidden, sizes->ffn);
    if (sizes->embedding != sizes->hidden)
        return fail(e, ERR_INVALID, "'embedding_size' is %d, expected the hidden size %d",
                    sizes->embedding, sizes->hidden);
    return true;
}

static bool bind(encoder *m, stack *s, const stack_config *c, weights w, error *e)
{
    (void)s;
    if (!check_groups(c, e))
        return false;
    stack_bind_tables(m, w, true);
    norm_bind(&m->embedding_norm, weights_in(w, "embeddings.LayerNorm"), c->base.hidden,
              c->base.eps);
    return true;
}

static void bind_layer(stack_layer *l, weights w, int i, const stack_config *c)
{
    weights in = weights_in(w, "encoder.layers.%d", i);
    self_attention *a = &l->attention;
    int hidden = c->base.hidden, middle = c->base.ffn;
    const int *groups = c->groups;
    linear_bind_grouped(&a->query, weights_in(in, "attention.query"), hidden, hidden,
                        groups[QUERIES]);
    linear_bind_grouped(&a->key, weights_in(in, "attention.key"), hidden, hidden, groups[KEYS]);
    linear_bind_grouped(&a->value, weights_in(in, "attention.value"), hidden, hidden,
                        groups[VALUES]);
    linear_bind_grouped(&a->out, weights_in(in, "post_attention.conv1d"), hidden, hidden,
                        groups[ATTENTION_OUT]);
    norm_bind(&l->attention_out, weights_in(in, "post_attention.layernorm"), hidden, LAYER_EPS);
    linear_bind_grouped(&l->ffn.up, weights_in(in, "intermediate.conv1d"), middle, hidden,
                        groups[FFN_UP]);
    linear_bind_grouped(&l->ffn.down, weights_in(in, "output.conv1d"), hidden, middle,
                        groups[FFN_DOWN]);
    norm_bind(&l->ffn_out, weights_in(in, "output.layernorm"), hidden, LAYER_EPS);
}

static const char *const ignored[] = {
    "pooler.*", "embeddings.position_ids", "cls.*", "classifier.*", "qa_outputs.*", NULL};

const architecture architecture_squeezebert = {
    .model_type = "squeezebert",
    .config = config,
    .config_bytes = sizeof(stack_config),
    .encoder = &(const stack_spec){.base = {.engine = &stack_engine,
                                            .prefix = "transformer.",
                                            .positions = POSITIONS_FROM_ZERO,
                                            .ignored = ignored,
                                            .heads = bert_heads},
                                   .bind = bind,
                                   .bind_layer = bind_layer}
                    .base,
};
