/* RoFormer (Su et al. 2021), model_type "roformer": BERT with rotary positions. */
#include "models/architecture.h"
#include "models/bert.h"
#include "models/stack.h"
#include "models/summary.h"

typedef struct roformer_config {
    stack_config stack;
    summary_config summary;
} roformer_config;

static const field config[] = {
    ENCODER_SIZES(768, 12, 12, 3072),
    FIELD_INT(encoder_config, embedding, "embedding_size", 0, 1, 1 << 16, "table width"),
    ENCODER_TABLES(50000, 1536),
    ENCODER_TYPES(2),
    ENCODER_ACT("hidden_act", ENCODER_GELU),
    ENCODER_EPS(1e-12),
    FIELD_BOOL(stack_config, turn_values, "rotary_value", 0, "values are turned too"),
    SUMMARY(roformer_config, summary, ENCODER_POOL_LAST, ENCODER_LINEAR, 0, 0),
    ENCODER_ONLY,
    FIELD_END,
};

/* Files hold the sines and cosines of the positions. */
static bool bind(encoder *m, stack *s, const stack_config *c, weights w, error *e)
{
    weights rotation = weights_in(w, "encoder.embed_positions");
    stack_bind_tables(m, w, false);
    norm_bind(&m->embedding_norm, weights_in(w, "embeddings.LayerNorm"), m->config.embedding,
              c->base.eps);
    if (m->config.embedding != c->base.hidden)
        linear_bind(&m->project, weights_in(w, "embeddings_project"), c->base.hidden,
                    m->config.embedding);
    if (weights_have(rotation, "weight"))
        s->rotary = weights_table(rotation, "weight", c->base.positions, stack_head_dim(c));
    return summary_fit(m, &((const roformer_config *)c)->summary, e);
}

static const head_spec heads[MODEL_HEADS] = {
    [HEAD_MASKED_LM] = BERT_MASKED_LM,
    [HEAD_LABELS] = {.dense = "classifier.dense",
                     .act = HEAD_HIDDEN_ACT,
                     .out = "classifier.out_proj"},
    [HEAD_CHOICES] = SUMMARY_HEAD("classifier"),
    HEADS_OF_TOKENS,
};

static const char *const ignored[] = {"pooler.*",           "cls.*",        "classifier.*",
                                      "sequence_summary.*", "qa_outputs.*", NULL};

const architecture architecture_roformer = {
    .model_type = "roformer",
    .config = config,
    .config_bytes = sizeof(roformer_config),
    .encoder = &(const stack_spec){.base = {.engine = &stack_engine,
                                            .prefix = "roformer.",
                                            .positions = POSITIONS_FROM_ZERO,
                                            .ignored = ignored,
                                            .heads = heads},
                                   .theta = {10000},
                                   .neighbours = true,
                                   .bind = bind,
                                   .bind_layer = stack_bind_bert_layer}
                    .base,
};
