/* RoBERTa (Liu et al. 2019), model_type "roberta": BERT with positions that begin behind the
 * padding id. */
#include "models/roberta.h"
#include "models/bert.h"

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

const head_spec roberta_heads[MODEL_HEADS] = {
    [HEAD_MASKED_LM] = {.dense = "lm_head.dense",
                        .act = ACT_GELU_ERF,
                        .norm = "lm_head.layer_norm",
                        .out = "lm_head.decoder",
                        .bias = "lm_head"},
    [HEAD_LABELS] = {.dense = "classifier.dense", .act = ACT_TANH, .out = "classifier.out_proj"},
    [HEAD_CHOICES] = BERT_POOLED("pooler.dense", "classifier"),
    HEADS_OF_TOKENS,
};

static const char *const ignored[] = {
    "pooler.*", "embeddings.position_ids", "lm_head.*", "classifier.*", "qa_outputs.*", NULL};

const encoder_spec roberta_encoder = {.prefix = "roberta.",
                                      .positions = POSITIONS_AFTER_PADDING,
                                      .ignored = ignored,
                                      .heads = roberta_heads,
                                      .bind = bert_bind,
                                      .bind_layer = bert_bind_layer};

const architecture architecture_roberta = {
    .model_type = "roberta", .config = config, .encoder = &roberta_encoder};
