/* BERT (Devlin et al. 2018), model_type "bert". */
#include "models/bert.h"
#include "models/architecture.h"

void bert_bind(encoder *m, weights w)
{
    const encoder_config *c = &m->config;
    weights in = weights_in(w, "embeddings");
    embedding_bind(&m->words, weights_in(in, "word_embeddings"), c->vocab, c->embedding);
    embedding_bind(&m->positions, weights_in(in, "position_embeddings"), c->positions,
                   c->embedding);
    if (c->types)
        embedding_bind(&m->types, weights_in(in, "token_type_embeddings"), c->types, c->embedding);
    norm_bind(&m->embedding_norm, weights_in(in, "LayerNorm"), c->embedding, c->eps);
}

void bert_bind_blocks(encoder_layer *l, weights in, const encoder_config *c)
{
    self_attention *a = &l->attention;
    linear_bind(&a->query, weights_in(in, "attention.self.query"), c->hidden, c->hidden);
    linear_bind(&a->key, weights_in(in, "attention.self.key"), c->hidden, c->hidden);
    linear_bind(&a->value, weights_in(in, "attention.self.value"), c->hidden, c->hidden);
    linear_bind(&a->out, weights_in(in, "attention.output.dense"), c->hidden, c->hidden);
    norm_bind(&l->attention_norm, weights_in(in, "attention.output.LayerNorm"), c->hidden, c->eps);
    linear_bind(&l->ffn.up, weights_in(in, "intermediate.dense"), c->ffn, c->hidden);
    linear_bind(&l->ffn.down, weights_in(in, "output.dense"), c->hidden, c->ffn);
    norm_bind(&l->ffn_norm, weights_in(in, "output.LayerNorm"), c->hidden, c->eps);
}

void bert_bind_layer(encoder_layer *l, weights w, int i, const encoder_config *c)
{
    bert_bind_blocks(l, weights_in(w, "encoder.layer.%d", i), c);
}

static const field config[] = {
    ENCODER_SIZES(768, 12, 12, 3072),
    ENCODER_TABLES(30522, 512),
    ENCODER_TYPES(2),
    ENCODER_ACT("hidden_act", ENCODER_GELU),
    ENCODER_EPS(1e-12),
    ENCODER_ONLY,
    FIELD_END,
};

const head_spec bert_heads[MODEL_HEADS] = {
    [HEAD_MASKED_LM] = BERT_MASKED_LM,
    [HEAD_LABELS] = BERT_POOLED("pooler.dense", "classifier"),
    [HEAD_CHOICES] = BERT_POOLED("pooler.dense", "classifier"),
    HEADS_OF_TOKENS,
};

/* Other heads, and buffers that old versions saved. */
static const char *const ignored[] = {
    "pooler.*", "embeddings.position_ids", "cls.*", "classifier.*", "qa_outputs.*", NULL};

const architecture architecture_bert = {
    .model_type = "bert",
    .config = config,
    .encoder = &(const encoder_spec){.prefix = "bert.",
                                     .positions = POSITIONS_FROM_ZERO,
                                     .ignored = ignored,
                                     .heads = bert_heads,
                                     .bind = bert_bind,
                                     .bind_layer = bert_bind_layer},
};
