/* data2vec for text (Baevski et al. 2022), model_type "data2vec-text": RoBERTa by another name. */
#include "models/bert.h"
#include "models/roberta.h"

static const field config[] = {
    ENCODER_SIZES(768, 12, 12, 3072),
    ENCODER_TABLES(30522, 512),
    ENCODER_TYPES(2),
    ENCODER_ACT("hidden_act", ENCODER_GELU),
    ENCODER_EPS(1e-12),
    ENCODER_PADDING(1),
    ENCODER_ONLY,
    FIELD_END,
};

static const char *const ignored[] = {
    "pooler.*", "embeddings.position_ids", "lm_head.*", "classifier.*", "qa_outputs.*", NULL};

const architecture architecture_data2vec_text = {
    .model_type = "data2vec-text",
    .config = config,
    .encoder = &(const encoder_spec){.prefix = "data2vec_text.",
                                     .positions = POSITIONS_AFTER_PADDING,
                                     .ignored = ignored,
                                     .heads = roberta_heads,
                                     .bind = bert_bind,
                                     .bind_layer = bert_bind_layer},
};
