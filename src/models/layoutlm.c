/* LayoutLM (Xu et al. 2019), model_type "layoutlm": BERT with the places of tokens on a page. Texts
 * have no places: the reference puts them all into the corner, and so does this. */
#include "base/memory.h"
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

/* What the corner adds: left and right edge, top and bottom, height and width, all 0. */
static void bind_corner(encoder *m, stack *s, int places, weights w)
{
    static const char *const names[] = {"x", "y", "x", "y", "h", "w"};
    int hidden = m->config.hidden;
    s->constant = xcalloc((size_t)hidden, sizeof *s->constant);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const float *table = weights_table(
            weights_in(w, "embeddings.%s_position_embeddings", names[i]), "weight", places, hidden);
        for (int j = 0; table && j < hidden; j++)
            s->constant[j] += table[j];
    }
    m->constant = (embedding){.rows = 1, .width = hidden, .table = s->constant};
}

static bool bind(encoder *m, stack *s, const stack_config *c, weights w, error *e)
{
    (void)e;
    stack_bind_tables(m, w, true);
    bind_corner(m, s, ((const layoutlm_config *)c)->places, w);
    norm_bind(&m->embedding_norm, weights_in(w, "embeddings.LayerNorm"), c->base.hidden,
              c->base.eps);
    return true;
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
                                   .bind_layer = stack_bind_bert_layer}
                    .base,
};
