/* DistilBERT (Sanh et al. 2019), model_type "distilbert": BERT without token types, with names of
 * its own. */
#include "models/architecture.h"

#define EPS 1e-12 /* of its norms; not in its config.json */

static const field config[] = {
    FIELD_INT(encoder_config, hidden, "dim", 768, 1, 1 << 16, "token width"),
    FIELD_INT(encoder_config, layers, "n_layers", 6, 0, 1000, "layers"),
    FIELD_INT(encoder_config, heads, "n_heads", 12, 1, 1 << 12, "heads"),
    FIELD_INT(encoder_config, ffn, "hidden_dim", 3072, 1, 1 << 20, "middle width"),
    ENCODER_TABLES(30522, 512),
    ENCODER_ACT("activation", ENCODER_GELU),
    ENCODER_ONLY,
    FIELD_END,
};

static void bind(encoder *m, weights w)
{
    const encoder_config *c = &m->config;
    weights in = weights_in(w, "embeddings");
    embedding_bind(&m->words, weights_in(in, "word_embeddings"), c->vocab, c->hidden);
    embedding_bind(&m->positions, weights_in(in, "position_embeddings"), c->positions, c->hidden);
    norm_bind(&m->embedding_norm, weights_in(in, "LayerNorm"), c->hidden, EPS);
}

static void bind_layer(encoder_layer *l, weights w, int i, const encoder_config *c)
{
    weights in = weights_in(w, "transformer.layer.%d", i);
    linear_bind(&l->attention.query, weights_in(in, "attention.q_lin"), c->hidden, c->hidden);
    linear_bind(&l->attention.key, weights_in(in, "attention.k_lin"), c->hidden, c->hidden);
    linear_bind(&l->attention.value, weights_in(in, "attention.v_lin"), c->hidden, c->hidden);
    linear_bind(&l->attention.out, weights_in(in, "attention.out_lin"), c->hidden, c->hidden);
    norm_bind(&l->attention_norm, weights_in(in, "sa_layer_norm"), c->hidden, EPS);
    linear_bind(&l->ffn.up, weights_in(in, "ffn.lin1"), c->ffn, c->hidden);
    linear_bind(&l->ffn.down, weights_in(in, "ffn.lin2"), c->hidden, c->ffn);
    norm_bind(&l->ffn_norm, weights_in(in, "output_layer_norm"), c->hidden, EPS);
}

#define SCORES                                                                                     \
    {                                                                                              \
        .dense = "pre_classifier", .act = ACT_RELU, .out = "classifier"                            \
    }

static const head_spec heads[MODEL_HEADS] = {
    [HEAD_MASKED_LM] = {.dense = "vocab_transform",
                        .act = HEAD_HIDDEN_ACT,
                        .norm = "vocab_layer_norm",
                        .eps = EPS,
                        .out = "vocab_projector"},
    [HEAD_LABELS] = SCORES,
    [HEAD_CHOICES] = SCORES,
    HEADS_OF_TOKENS,
};

static const char *const ignored[] = {
    "vocab_transform.*", "vocab_layer_norm.*", "vocab_projector.*",       "pre_classifier.*",
    "classifier.*",      "qa_outputs.*",       "embeddings.position_ids", NULL};

const architecture architecture_distilbert = {
    .model_type = "distilbert",
    .config = config,
    .encoder = &(const encoder_spec){.prefix = "distilbert.",
                                     .positions = POSITIONS_FROM_ZERO,
                                     .ignored = ignored,
                                     .heads = heads,
                                     .bind = bind,
                                     .bind_layer = bind_layer},
};
