/* MPNet (Song et al. 2020), model_type "mpnet": BERT without token types, with RoBERTa's positions
 * and a bias of the scores by relative position that all layers share. */
#include "models/roberta.h"

static const field config[] = {
    ENCODER_SIZES(768, 12, 12, 3072),
    ENCODER_TABLES(30527, 512),
    ENCODER_ACT("hidden_act", ENCODER_GELU),
    ENCODER_EPS(1e-12),
    /* The reference computes buckets for 32 whatever this says. */
    FIELD_INT(encoder_config, buckets, "relative_attention_num_buckets", 32, 32, 32, "buckets"),
    ENCODER_ONLY,
    FIELD_END,
};

static void bind(encoder *m, weights w)
{
    const encoder_config *c = &m->config;
    weights in = weights_in(w, "embeddings");
    embedding_bind(&m->words, weights_in(in, "word_embeddings"), c->vocab, c->hidden);
    embedding_bind(&m->positions, weights_in(in, "position_embeddings"), c->positions, c->hidden);
    norm_bind(&m->embedding_norm, weights_in(in, "LayerNorm"), c->hidden, c->eps);
    m->bucket_bias = weights_matrix(weights_in(w, "encoder.relative_attention_bias"), "weight",
                                    c->buckets, c->heads);
}

static void bind_layer(encoder_layer *l, weights w, int i, const encoder_config *c)
{
    weights in = weights_in(w, "encoder.layer.%d", i);
    linear_bind(&l->attention.query, weights_in(in, "attention.attn.q"), c->hidden, c->hidden);
    linear_bind(&l->attention.key, weights_in(in, "attention.attn.k"), c->hidden, c->hidden);
    linear_bind(&l->attention.value, weights_in(in, "attention.attn.v"), c->hidden, c->hidden);
    linear_bind(&l->attention.out, weights_in(in, "attention.attn.o"), c->hidden, c->hidden);
    norm_bind(&l->attention_norm, weights_in(in, "attention.LayerNorm"), c->hidden, c->eps);
    linear_bind(&l->ffn.up, weights_in(in, "intermediate.dense"), c->ffn, c->hidden);
    linear_bind(&l->ffn.down, weights_in(in, "output.dense"), c->hidden, c->ffn);
    norm_bind(&l->ffn_norm, weights_in(in, "output.LayerNorm"), c->hidden, c->eps);
}

static const char *const ignored[] = {
    "pooler.*", "embeddings.position_ids", "lm_head.*", "classifier.*", "qa_outputs.*", NULL};

const architecture architecture_mpnet = {
    .model_type = "mpnet",
    .config = config,
    .encoder = &(const encoder_spec){.prefix = "mpnet.",
                                     .positions = POSITIONS_AFTER_PADDING,
                                     .padding = 1, /* in the reference too */
                                     .ignored = ignored,
                                     .heads = roberta_heads,
                                     .bind = bind,
                                     .bind_layer = bind_layer},
};
