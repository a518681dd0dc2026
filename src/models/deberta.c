/* DeBERTa (He et al. 2020), model_type "deberta". */
#include "models/architecture.h"
#include "models/disentangled.h"

static const field config[] = {
    ENCODER_SIZES(768, 12, 12, 3072),
    ENCODER_TABLES(50265, 512),
    ENCODER_TYPES(0),
    ENCODER_ACT("hidden_act", ENCODER_GELU),
    ENCODER_EPS(1e-7),
    DISENTANGLED_ROWS,
    FIELD_BOOL(disentangled_config, talking_heads, "talking_head", 0, "heads mixed"),
    FIELD_END,
};

static void bind_attention(disentangled_attention *a, weights w, const disentangled_config *c,
                           unsigned parts)
{
    int hidden = c->base.hidden;
    linear_bind_unbiased(&a->fused, weights_in(w, "in_proj"), 3 * hidden, hidden);
    a->query_bias = weights_vector(w, "q_bias", hidden);
    a->value_bias = weights_vector(w, "v_bias", hidden);
    if (parts & CONTENT_TO_POSITION)
        linear_bind_unbiased(&a->content_to_position, weights_in(w, "pos_proj"), hidden, hidden);
    if (parts & POSITION_TO_CONTENT)
        linear_bind(&a->position_to_content, weights_in(w, "pos_q_proj"), hidden, hidden);
}

static const char *const ignored[] = {"pooler.*",
                                      "embeddings.position_ids",
                                      "embeddings.position_embeddings.*",
                                      "cls.*",
                                      "lm_predictions.*",
                                      "classifier.*",
                                      "qa_outputs.*",
                                      NULL};

const architecture architecture_deberta = {
    .model_type = "deberta",
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
