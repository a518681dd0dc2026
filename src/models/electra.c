/* ELECTRA (Clark et al. 2020), model_type "electra": BERT whose embeddings may be narrower than its
 * layers. */
#include "models/architecture.h"
#include "models/bert.h"

static const field config[] = {
    ENCODER_SIZES(256, 12, 4, 1024),
    FIELD_INT(encoder_config, embedding, "embedding_size", 128, 1, 1 << 16, "table width"),
    ENCODER_TABLES(30522, 512),
    ENCODER_TYPES(2),
    ENCODER_ACT("hidden_act", ENCODER_GELU),
    ENCODER_EPS(1e-12),
    ENCODER_HEAD_ACT("summary_activation", ENCODER_GELU),
    ENCODER_HEAD_POOLING("summary_type", ENCODER_POOL_FIRST),
    ENCODER_ONLY,
    FIELD_END,
};

static void bind(encoder *m, weights w)
{
    const encoder_config *c = &m->config;
    bert_bind(m, w);
    if (c->embedding != c->hidden)
        linear_bind(&m->project, weights_in(w, "embeddings_project"), c->hidden, c->embedding);
}

static const head_spec heads[MODEL_HEADS] = {
    [HEAD_MASKED_LM] = {.dense = "generator_predictions.dense",
                        .act = ACT_GELU_ERF,
                        .norm = "generator_predictions.LayerNorm",
                        .out = "generator_lm_head"},
    [HEAD_LABELS] = {.dense = "classifier.dense",
                     .act = ACT_GELU_ERF,
                     .out = "classifier.out_proj"},
    [HEAD_CHOICES] = {.pooling = HEAD_OWN_POOLING,
                      .dense = "sequence_summary.summary",
                      .act = HEAD_OWN_ACT,
                      .out = "classifier"},
    HEADS_OF_TOKENS,
};

static const char *const ignored[] = {"embeddings.position_ids",
                                      "discriminator_predictions.*",
                                      "generator_predictions.*",
                                      "generator_lm_head.*",
                                      "sequence_summary.*",
                                      "classifier.*",
                                      "qa_outputs.*",
                                      NULL};

const architecture architecture_electra = {
    .model_type = "electra",
    .config = config,
    .encoder = &(const encoder_spec){.prefix = "electra.",
                                     .positions = POSITIONS_FROM_ZERO,
                                     .ignored = ignored,
                                     .heads = heads,
                                     .bind = bind,
                                     .bind_layer = bert_bind_layer},
};
