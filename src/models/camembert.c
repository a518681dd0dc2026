/* CamemBERT (Martin et al. 2019), model_type "camembert": RoBERTa with presets of its own. */
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

const architecture architecture_camembert = {
    .model_type = "camembert", .config = config, .encoder = &roberta_encoder};
