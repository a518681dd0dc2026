/* I-BERT (Kim et al. 2021), model_type "ibert": RoBERTa that can compute in integers. Files whose
 * quant_mode is false are RoBERTa with the ranges of its values beside it. */
#include "models/architecture.h"
#include "models/roberta.h"
#include "models/stack.h"

typedef struct ibert_config {
    stack_config stack;
    int integers;
} ibert_config;

static const char *const acts[] = {"gelu", NULL}; /* whatever else is said, the reference refuses */

static const field config[] = {
    ENCODER_SIZES(768, 12, 12, 3072),
    ENCODER_TABLES(30522, 512),
    ENCODER_TYPES(2),
    FIELD_CHOICE(encoder_config, act, "hidden_act", ENCODER_GELU, acts, "activation"),
    ENCODER_EPS(1e-12),
    ENCODER_PADDING(1),
    FIELD_BOOL(ibert_config, integers, "quant_mode", 0, "computes in integers"),
    ENCODER_ONLY,
    FIELD_END,
};

static bool bind(encoder *m, stack *s, const stack_config *c, weights w, error *e)
{
    (void)s;
    if (((const ibert_config *)c)->integers)
        return fail(e, ERR_INVALID, "'quant_mode' is true, which is not supported");
    stack_bind_tables(m, w, true);
    norm_bind(&m->embedding_norm, weights_in(w, "embeddings.LayerNorm"), c->base.hidden,
              c->base.eps);
    return true;
}

static const char *const ignored[] = {"pooler.*",
                                      "embeddings.position_ids",
                                      "lm_head.*",
                                      "classifier.*",
                                      "qa_outputs.*",
                                      "*.act_scaling_factor",
                                      "*.x_min",
                                      "*.x_max",
                                      "*.shift",
                                      "*.fc_scaling_factor",
                                      "*.weight_integer",
                                      "*.bias_integer",
                                      "*.weight_scaling_factor",
                                      NULL};

const architecture architecture_ibert = {
    .model_type = "ibert",
    .config = config,
    .config_bytes = sizeof(ibert_config),
    .encoder = &(const stack_spec){.base = {.engine = &stack_engine,
                                            .prefix = "ibert.",
                                            .positions = POSITIONS_AFTER_PADDING,
                                            .ignored = ignored,
                                            .heads = roberta_heads},
                                   .bind = bind,
                                   .bind_layer = stack_bind_bert_layer}
                    .base,
};
