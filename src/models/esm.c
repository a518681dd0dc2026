/* ESM-1b and ESM-2 (Rives et al. 2019, Lin et al. 2022), model_type "esm": protein language models
 * with norms in front and rotary or absolute positions. */
#include "kernels/rows.h"
#include "models/architecture.h"
#include "models/stack.h"

typedef struct esm_config {
    stack_config stack;
    int embedding_norm, folding;
} esm_config;

static const char *const positions[] = {"rotary", "absolute", NULL}; /* stack_config.absolute */

static const field config[] = {
    ENCODER_SIZES(768, 12, 12, 3072),
    ENCODER_TABLES(33, 1026),
    ENCODER_EPS(1e-12),
    ENCODER_PADDING(1),
    FIELD_CHOICE(stack_config, absolute, "position_embedding_type", 1, positions, "positions"),
    FIELD_NUMBER(stack_config, theta[REACH_ALL], "rope_theta", 0, 0, 1e12, "rotation"),
    FIELD_BOOL(esm_config, embedding_norm, "emb_layer_norm_before", 0, "embeddings are normed"),
    FIELD_BOOL(stack_config, token_dropout, "token_dropout", 0, "masked tokens are zeros"),
    FIELD_INT(stack_config, mask_token_id, "mask_token_id", -1, -1, 1 << 24, "masked token"),
    FIELD_BOOL(esm_config, folding, "is_folding_model", 0, "predicts structures"),
    FIELD_BOOL(encoder_config, is_decoder, "is_decoder", 0, "causal attention"),
    FIELD_BOOL(encoder_config, cross_attention, "add_cross_attention", 0, "second input"),
    FIELD_END,
};

static bool bind(encoder *m, stack *s, const stack_config *c, weights w, error *e)
{
    const esm_config *own = (const esm_config *)c;
    if (own->folding)
        return fail(e, ERR_INVALID, "'is_folding_model' is true, which is not supported");
    stack_bind_tables(m, w, c->absolute);
    if (own->embedding_norm)
        norm_bind(&m->embedding_norm, weights_in(w, "embeddings.layer_norm"), c->base.hidden,
                  c->base.eps);
    norm_bind(&s->final, weights_in(w, "encoder.emb_layer_norm_after"), c->base.hidden,
              c->base.eps);
    return true;
}

static void bind_layer(stack_layer *l, weights w, int i, const stack_config *c)
{
    weights in = weights_in(w, "encoder.layer.%d", i);
    stack_bind_products(l, in, c);
    norm_bind(&l->attention_in, weights_in(in, "attention.LayerNorm"), c->base.hidden, c->base.eps);
    norm_bind(&l->ffn_in, weights_in(in, "LayerNorm"), c->base.hidden, c->base.eps);
}

/* Words of a sequence: zeros for masked ones, all others larger by what training left out on
 * average, 80 % of 15 % of the tokens, and smaller by what is masked here. */
static void drop_masked(const int *ids, int n, int masked, float *x, int width)
{
    const double kept_in_training = 1 - 0.15 * 0.8;
    int n_masked = 0;
    for (int i = 0; i < n; i++)
        n_masked += ids[i] == masked;
    float kept = 1 - (float)n_masked / (float)n;
    for (int i = 0; i < n; i++)
        for (int j = 0; j < width; j++) {
            float *at = &x[(long)i * width + j];
            *at = ids[i] == masked ? 0 : *at * (float)kept_in_training / kept;
        }
}

static void embed(const encoder *m, const stack_config *c, team *t, const token_batch *b,
                  const ragged *r, int at, float *out, encoder_work *w)
{
    int n = ragged_rows(r), width = m->config.hidden;
    if (!c->token_dropout) {
        encoder_embed(m, t, b, r, at, out, w);
        return;
    }
    const int *const words[EMBEDDINGS] = {b->ids + at}, *const places[EMBEDDINGS] = {w->positions};
    embedding_sum((const embedding *const[EMBEDDINGS]){&m->words}, words, t, out, n);
    for (int s = 0; s < r->n_seq; s++)
        drop_masked(b->ids + at + r->start[s], r->start[s + 1] - r->start[s], c->mask_token_id,
                    out + (long)r->start[s] * width, width);
    if (!m->positions.rows)
        return;
    encoder_number(m, b->ids + at, r, w->positions);
    embedding_sum((const embedding *const[EMBEDDINGS]){&m->positions}, places, t, w->floats, n);
    add_f32(t, out, w->floats, out, (long)n * width);
}

static const head_spec heads[MODEL_HEADS] = {
    [HEAD_MASKED_LM] = {.dense = "lm_head.dense",
                        .act = ACT_GELU_ERF,
                        .norm = "lm_head.layer_norm",
                        .out = "lm_head.decoder",
                        .bias = "lm_head"},
    [HEAD_LABELS] = {.dense = "classifier.dense", .act = ACT_TANH, .out = "classifier.out_proj"},
    [HEAD_TOKEN_LABELS] = {.out = "classifier"},
};

static const char *const ignored[] = {"pooler.*",
                                      "embeddings.position_ids",
                                      "embeddings.position_embeddings.*",
                                      "contact_head.*",
                                      "lm_head.*",
                                      "classifier.*",
                                      "*inv_freq",
                                      NULL};

const architecture architecture_esm = {
    .model_type = "esm",
    .config = config,
    .config_bytes = sizeof(esm_config),
    .encoder = &(const stack_spec){.base = {.engine = &stack_engine,
                                            .prefix = "esm.",
                                            .positions = POSITIONS_AFTER_PADDING,
                                            .ignored = ignored,
                                            .heads = heads},
                                   .theta = {10000},
                                   .bind = bind,
                                   .bind_layer = bind_layer,
                                   .embed = embed}
                    .base,
};
