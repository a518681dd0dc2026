/* ALBERT (Lan et al. 2019), model_type "albert": a layer's weights used again and again, or a few
 * sets of them, and narrow embeddings. */
#include "models/architecture.h"
#include "models/bert.h"

static const field config[] = {
    ENCODER_SIZES(4096, 12, 64, 16384),
    FIELD_INT(encoder_config, embedding, "embedding_size", 128, 1, 1 << 16, "table width"),
    FIELD_INT(encoder_config, groups, "num_hidden_groups", 1, 1, 1000, "sets of weights"),
    FIELD_INT(encoder_config, group_layers, "inner_group_num", 1, 1, 1000, "layers of a set"),
    ENCODER_TABLES(30000, 512),
    ENCODER_TYPES(2),
    ENCODER_ACT("hidden_act", ENCODER_GELU_NEW),
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

static void bind_layer(encoder_layer *l, weights w, int i, const encoder_config *c)
{
    weights in = weights_in(w, "encoder.albert_layer_groups.%d.albert_layers.%d",
                            i / c->group_layers, i % c->group_layers);
    linear_bind(&l->attention.query, weights_in(in, "attention.query"), c->hidden, c->hidden);
    linear_bind(&l->attention.key, weights_in(in, "attention.key"), c->hidden, c->hidden);
    linear_bind(&l->attention.value, weights_in(in, "attention.value"), c->hidden, c->hidden);
    linear_bind(&l->attention.out, weights_in(in, "attention.dense"), c->hidden, c->hidden);
    norm_bind(&l->attention_norm, weights_in(in, "attention.LayerNorm"), c->hidden, c->eps);
    linear_bind(&l->ffn.up, weights_in(in, "ffn"), c->ffn, c->hidden);
    linear_bind(&l->ffn.down, weights_in(in, "ffn_output"), c->hidden, c->ffn);
    norm_bind(&l->ffn_norm, weights_in(in, "full_layer_layer_norm"), c->hidden, c->eps);
}

static const head_spec heads[MODEL_HEADS] = {
    [HEAD_MASKED_LM] = {.dense = "predictions.dense",
                        .act = HEAD_HIDDEN_ACT,
                        .norm = "predictions.LayerNorm",
                        .out = "predictions.decoder",
                        .bias = "predictions"},
    [HEAD_LABELS] = BERT_POOLED("pooler", "classifier"),
    [HEAD_CHOICES] = BERT_POOLED("pooler", "classifier"),
    HEADS_OF_TOKENS,
};

static const char *const ignored[] = {"pooler.*",
                                      "embeddings.position_ids",
                                      "predictions.*",
                                      "sop_classifier.*",
                                      "classifier.*",
                                      "qa_outputs.*",
                                      NULL};

const architecture architecture_albert = {
    .model_type = "albert",
    .config = config,
    .encoder = &(const encoder_spec){.prefix = "albert.",
                                     .positions = POSITIONS_FROM_ZERO,
                                     .shared_layers = true,
                                     .ignored = ignored,
                                     .heads = heads,
                                     .bind = bind,
                                     .bind_layer = bind_layer},
};
