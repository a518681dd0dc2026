/* DeBERTa v2 and v3 (He et al. 2021), model_type "deberta-v2": logarithmic buckets of distances,
 * projections that positions share with contents, and a convolution. */
#include "models/architecture.h"
#include "models/disentangled.h"

static const field config[] = {
    ENCODER_SIZES(1536, 24, 24, 6144),
    ENCODER_TABLES(128100, 512),
    ENCODER_TYPES(0),
    ENCODER_ACT("hidden_act", ENCODER_GELU),
    ENCODER_EPS(1e-7),
    DISENTANGLED_ROWS,
    FIELD_INT(disentangled_config, buckets, "position_buckets", -1, -1, 1 << 20, "distances"),
    FIELD_BOOL(disentangled_config, shared_projections, "share_att_key", 0, "shared projections"),
    FIELD_STRING(disentangled_config, table_norm, "norm_rel_ebd", "none", 0, "norm of the table"),
    FIELD_INT(disentangled_config, conv_width, "conv_kernel_size", 0, 0, 1000, "tokens"),
    FIELD_INT(disentangled_config, conv_groups, "conv_groups", 1, 1, 1 << 16, "groups"),
    FIELD_CHOICE(disentangled_config, conv_act, "conv_act", ENCODER_TANH, encoder_acts,
                 "activation"),
    FIELD_INT(disentangled_config, head_dim, "attention_head_size", 0, 1, 1 << 12, "head width"),
    FIELD_END,
};

static void bind_attention(disentangled_attention *a, weights w, const disentangled_config *c,
                           unsigned parts)
{
    int hidden = c->base.hidden;
    bool shared = c->shared_projections;
    linear_bind(&a->query, weights_in(w, "query_proj"), hidden, hidden);
    linear_bind(&a->key, weights_in(w, "key_proj"), hidden, hidden);
    linear_bind(&a->value, weights_in(w, "value_proj"), hidden, hidden);
    if (parts & CONTENT_TO_POSITION)
        linear_bind(&a->content_to_position, weights_in(w, shared ? "key_proj" : "pos_key_proj"),
                    hidden, hidden);
    if (parts & POSITION_TO_CONTENT)
        linear_bind(&a->position_to_content,
                    weights_in(w, shared ? "query_proj" : "pos_query_proj"), hidden, hidden);
}

static const char *const ignored[] = {"pooler.*",
                                      "embeddings.position_ids",
                                      "embeddings.position_embeddings.*",
                                      "cls.*",
                                      "lm_predictions.*",
                                      "mask_predictions.*",
                                      "classifier.*",
                                      "qa_outputs.*",
                                      NULL};

const architecture architecture_deberta_v2 = {
    .model_type = "deberta-v2",
    .config = config,
    .config_bytes = sizeof(disentangled_config),
    .encoder = &(const disentangled_spec){.base = {.engine = &disentangled_engine,
                                                   .prefix = "deberta.",
                                                   .positions = POSITIONS_FROM_ZERO,
                                                   .ignored = ignored,
                                                   .heads_for = disentangled_heads},
                                          .bind_attention = bind_attention}
                    .base,
};
