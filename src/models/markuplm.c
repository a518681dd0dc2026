/* MarkupLM (Li et al. 2021), model_type "markuplm": RoBERTa with the places of tokens in the tree
 * of an HTML document. */
#include "models/architecture.h"
#include "models/bert.h"
#include "models/stack.h"

typedef struct markuplm_config {
    stack_config stack;
    int depth, n_tags, n_numbers, unit, no_tag, no_number;
} markuplm_config;

static const field config[] = {
    ENCODER_SIZES(768, 12, 12, 3072),
    ENCODER_TABLES(30522, 512),
    ENCODER_TYPES(2),
    ENCODER_ACT("hidden_act", ENCODER_GELU),
    ENCODER_EPS(1e-12),
    ENCODER_PADDING(0),
    FIELD_INT(markuplm_config, depth, "max_depth", 50, 1, 1000, "steps of a path"),
    FIELD_INT(markuplm_config, n_tags, "max_xpath_tag_unit_embeddings", 256, 1, 1 << 20, "tags"),
    FIELD_INT(markuplm_config, n_numbers, "max_xpath_subs_unit_embeddings", 1024, 1, 1 << 20,
              "subscripts"),
    FIELD_INT(markuplm_config, unit, "xpath_unit_hidden_size", 32, 1, 1 << 12, "width of a step"),
    FIELD_INT(markuplm_config, no_tag, "tag_pad_id", 216, 0, 1 << 20, "tag of no step"),
    FIELD_INT(markuplm_config, no_number, "subs_pad_id", 1001, 0, 1 << 20, "subscript of no step"),
    ENCODER_ONLY,
    FIELD_END,
};

static bool bind(encoder *m, stack *s, const stack_config *c, weights w, error *e)
{
    const markuplm_config *own = (const markuplm_config *)c;
    weights in = weights_in(w, "embeddings");
    (void)s;
    stack_bind_tables(m, w, true);
    norm_bind(&m->embedding_norm, weights_in(in, "LayerNorm"), c->base.hidden, c->base.eps);
    m->paths = (node_paths){.depth = own->depth,
                            .n_tags = own->n_tags,
                            .n_numbers = own->n_numbers,
                            .unit = own->unit,
                            .no_tag = own->no_tag,
                            .no_number = own->no_number};
    return node_paths_bind(&m->paths, weights_in(in, "xpath_embeddings"), c->base.hidden, e);
}

static void embed(const encoder *m, const stack_config *c, team *t, const token_batch *b,
                  const ragged *r, int at, float *out, encoder_work *w)
{
    size_t length = 2 * (size_t)m->paths.depth;
    (void)c;
    encoder_embed(m, t, b, r, at, out, w);
    node_paths_add(&m->paths, t, b->paths ? b->paths + (size_t)at * length : NULL, out,
                   ragged_rows(r), w->floats);
}

/* Without fill-mask, which the reference has not. */
static const head_spec heads[MODEL_HEADS] = {
    [HEAD_LABELS] = BERT_POOLED("pooler.dense", "classifier"),
    HEADS_OF_TOKENS,
};

/* The reference has a product over the units of a path that it does not use. */
static const char *const ignored[] = {"embeddings.xpath_embeddings.xpath_unitseq2_embeddings.*",
                                      "pooler.*",
                                      "embeddings.position_ids",
                                      "cls.*",
                                      "classifier.*",
                                      "qa_outputs.*",
                                      NULL};

const architecture architecture_markuplm = {
    .model_type = "markuplm",
    .config = config,
    .config_bytes = sizeof(markuplm_config),
    .encoder = &(const stack_spec){.base = {.engine = &stack_engine,
                                            .prefix = "markuplm.",
                                            .positions = POSITIONS_AFTER_PADDING,
                                            .ignored = ignored,
                                            .heads = heads},
                                   .bind = bind,
                                   .embed = embed,
                                   .bind_layer = stack_bind_bert_layer}
                    .base,
};
