/* RemBERT (Chung et al. 2020), model_type "rembert": BERT with narrow tables for its input and wide
 * ones for its output. */
#include "models/architecture.h"
#include "models/bert.h"

static const field config[] = {
    ENCODER_SIZES(1152, 32, 18, 4608),
    FIELD_INT(encoder_config, embedding, "input_embedding_size", 256, 1, 1 << 16, "table width"),
    ENCODER_TABLES(250300, 512),
    ENCODER_TYPES(2),
    ENCODER_ACT("hidden_act", ENCODER_GELU),
    ENCODER_EPS(1e-12),
    ENCODER_ONLY,
    FIELD_END,
};

static void bind(encoder *m, weights w)
{
    bert_bind(m, w);
    linear_bind(&m->project, weights_in(w, "encoder.embedding_hidden_mapping_in"), m->config.hidden,
                m->config.embedding);
}

/* Scores of the vocabulary have a table of a width of their own. */
static const head_spec heads[MODEL_HEADS] = {
    [HEAD_MASKED_LM] = {.dense = "cls.predictions.dense",
                        .act = HEAD_HIDDEN_ACT,
                        .norm = "cls.predictions.LayerNorm",
                        .out = "cls.predictions.decoder",
                        .any_width = true},
    [HEAD_LABELS] = BERT_POOLED("pooler.dense", "classifier"),
    [HEAD_CHOICES] = BERT_POOLED("pooler.dense", "classifier"),
    HEADS_OF_TOKENS,
};

static const char *const ignored[] = {
    "pooler.*", "embeddings.position_ids", "cls.*", "classifier.*", "qa_outputs.*", NULL};

const architecture architecture_rembert = {
    .model_type = "rembert",
    .config = config,
    .encoder = &(const encoder_spec){.prefix = "rembert.",
                                     .positions = POSITIONS_FROM_ZERO,
                                     .ignored = ignored,
                                     .heads = heads,
                                     .bind = bind,
                                     .bind_layer = bert_bind_layer},
};
