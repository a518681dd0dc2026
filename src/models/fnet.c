/* FNet (Lee-Thorp et al. 2021), model_type "fnet": BERT with Fourier transforms in place of
 * attention. */
#include "models/architecture.h"
#include "models/bert.h"
#include "models/stack.h"

typedef struct fnet_config {
    stack_config stack;
    int tpu;
} fnet_config;

static const field config[] = {
    FIELD_INT(encoder_config, hidden, "hidden_size", 768, 1, 1 << 14, "token width"),
    FIELD_INT(encoder_config, layers, "num_hidden_layers", 12, 0, 1000, "layers"),
    FIELD_INT(encoder_config, heads, "num_attention_heads", 1, 1, 1 << 12, "unused"),
    FIELD_INT(encoder_config, ffn, "intermediate_size", 3072, 1, 1 << 20, "middle width"),
    ENCODER_TABLES(32000, 512),
    ENCODER_TYPES(4),
    ENCODER_ACT("hidden_act", ENCODER_GELU_NEW),
    ENCODER_EPS(1e-12),
    FIELD_BOOL(fnet_config, tpu, "use_tpu_fourier_optimizations", 0, "one length only"),
    FIELD_END,
};

static bool bind(encoder *m, stack *s, const stack_config *c, weights w, error *e)
{
    if (((const fnet_config *)c)->tpu)
        return fail(e, ERR_INVALID,
                    "'use_tpu_fourier_optimizations' is true, which is not supported");
    int hidden = c->base.hidden;
    stack_bind_tables(m, w, true);
    norm_bind(&m->embedding_norm, weights_in(w, "embeddings.LayerNorm"), hidden, c->base.eps);
    linear_bind(&m->project, weights_in(w, "embeddings.projection"), hidden, hidden);
    return fourier_init(&s->fourier, hidden, e);
}

static void bind_layer(stack_layer *l, weights w, int i, const stack_config *c)
{
    weights in = weights_in(w, "encoder.layer.%d", i);
    int hidden = c->base.hidden;
    norm_bind(&l->attention_out, weights_in(in, "fourier.output.LayerNorm"), hidden, c->base.eps);
    linear_bind(&l->ffn.up, weights_in(in, "intermediate.dense"), c->base.ffn, hidden);
    linear_bind(&l->ffn.down, weights_in(in, "output.dense"), hidden, c->base.ffn);
    norm_bind(&l->ffn_out, weights_in(in, "output.LayerNorm"), hidden, c->base.eps);
}

static const char *const ignored[] = {
    "pooler.*", "embeddings.position_ids", "cls.*", "classifier.*", "qa_outputs.*", NULL};

const architecture architecture_fnet = {
    .model_type = "fnet",
    .config = config,
    .config_bytes = sizeof(fnet_config),
    .encoder = &(const stack_spec){.base = {.engine = &stack_engine,
                                            .prefix = "fnet.",
                                            .positions = POSITIONS_FROM_ZERO,
                                            .ignored = ignored,
                                            .heads = bert_heads},
                                   .bind = bind,
                                   .bind_layer = bind_layer}
                    .base,
};
