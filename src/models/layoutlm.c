/* LayoutLM (Xu et al. 2019), model_type "layoutlm": BERT with the places of tokens on a page.
 * Tokens without places are all in the corner, as in the reference. */
#include "models/architecture.h"
#include "models/bert.h"
#include "models/stack.h"

typedef struct layoutlm_config {
    stack_config stack;
    int places;
} layoutlm_config;

static const field config[] = {
    ENCODER_SIZES(768, 12, 12, 3072),
    ENCODER_TABLES(30522, 512),
    ENCODER_TYPES(2),
    ENCODER_ACT("hidden_act", ENCODER_GELU),
    ENCODER_EPS(1e-12),
    FIELD_INT(layoutlm_config, places, "max_2d_position_embeddings", 1024, 1, 1 << 20, "places"),
    ENCODER_ONLY,
    FIELD_END,
};

static bool bind(encoder *m, stack *s, const stack_config *c, weights w, error *e)
{
    weights in = weights_in(w, "embeddings");
    (void)s;
    (void)e;
    stack_bind_tables(m, w, true);
    layout_bind(&m->layout, in, ((const layoutlm_config *)c)->places, c->base.hidden);
    norm_bind(&m->embedding_norm, weights_in(in, "LayerNorm"), c->base.hidden, c->base.eps);
    return true;
}

static void embed(const encoder *m, const stack_config *c, team *t, const token_batch *b,
                  const ragged *r, int at, float *out, encoder_work *w)
{
    (void)c;
    encoder_embed(m, t, b, r, at, out, w);
    layout_add(&m->layout, t, b->boxes ? b->boxes + at : NULL, out, ragged_rows(r));
}

static const char *const ignored[] = {
    "pooler.*", "embeddings.position_ids", "cls.*", "classifier.*", "qa_outputs.*", NULL};

const architecture architecture_layoutlm = {
    .model_type = "layoutlm",
    .config = config,
    .config_bytes = sizeof(layoutlm_config),
    .encoder = &(const stack_spec){.base = {.engine = &stack_engine,
                                            .prefix = "layoutlm.",
                                            .positions = POSITIONS_FROM_ZERO,
                                            .ignored = ignored,
                                            .heads = bert_heads},
                                   .bind = bind,
                                   .embed = embed,
                                   .bind_layer = stack_bind_bert_layer}
                    .base,
};
