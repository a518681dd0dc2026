/* LUKE (Yamada et al. 2020), model_type "luke": RoBERTa that knows entities. Requests are texts,
 * and without entities its words are computed as RoBERTa computes them. */
#include "models/bert.h"
#include "models/roberta.h"

static const field config[] = {
    ENCODER_SIZES(768, 12, 12, 3072),
    ENCODER_TABLES(50267, 512),
    ENCODER_TYPES(2),
    ENCODER_ACT("hidden_act", ENCODER_GELU),
    ENCODER_EPS(1e-12),
    ENCODER_PADDING(1),
    ENCODER_ONLY,
    FIELD_END,
};

/* What entities and attention to them need, and heads. */
static const char *const ignored[] = {"pooler.*",
                                      "embeddings.position_ids",
                                      "entity_embeddings.*",
                                      "encoder.layer.*.attention.self.w2e_query.*",
                                      "encoder.layer.*.attention.self.e2w_query.*",
                                      "encoder.layer.*.attention.self.e2e_query.*",
                                      "lm_head.*",
                                      "entity_predictions.*",
                                      "classifier.*",
                                      "qa_outputs.*",
                                      NULL};

static const head_spec heads[MODEL_HEADS] = {
    [HEAD_MASKED_LM] = {.dense = "lm_head.dense",
                        .act = ACT_GELU_ERF,
                        .norm = "lm_head.layer_norm",
                        .out = "lm_head.decoder",
                        .bias = "lm_head"},
    [HEAD_LABELS] = BERT_POOLED("pooler.dense", "classifier"),
    [HEAD_CHOICES] = BERT_POOLED("pooler.dense", "classifier"),
    HEADS_OF_TOKENS,
};

const architecture architecture_luke = {
    .model_type = "luke",
    .config = config,
    .encoder = &(const encoder_spec){.prefix = "luke.",
                                     .positions = POSITIONS_AFTER_PADDING,
                                     .ignored = ignored,
                                     .heads = heads,
                                     .bind = bert_bind,
                                     .bind_layer = bert_bind_layer},
};
