/* Gemma (Mesnard et al. 2024), model_type "gemma": Llama with scaled embeddings and norms that are
 * stored as their distance from 1. */
#include "models/gemma.h"
#include "models/architecture.h"

#include <math.h>

static const field config[] = {
    ENCODER_SIZES(3072, 28, 16, 24576),
    ENCODER_TABLES(256000, 8192),
    ENCODER_ACT("hidden_act", ENCODER_GELU_NEW),
    DECODER_ROWS(16, 1e-6, 0),
    DECODER_HEAD_DIM(256),
    DECODER_ATTENTION_BIAS,
    GEMMA_BIDIRECTIONAL,
    FIELD_END,
};

void gemma_bind(encoder *m, stack *s, weights w, const decoder_style *style)
{
    s->word_scale = (float)sqrt(m->config.hidden);
    decoder_bind(m, s, w, style);
}

bool gemma_causal(const stack_config *c, error *e)
{
    return !((const decoder_config *)c)->bidirectional ||
           fail(e, ERR_INVALID, "'use_bidirectional_attention' is true, which is not supported");
}

static decoder_style style_of(const stack_config *c)
{
    bool biased = c->attention_bias;
    return (decoder_style){.query_bias = biased, .out_bias = biased, .norms_from_one = true};
}

static bool bind(encoder *m, stack *s, const stack_config *c, weights w, error *e)
{
    decoder_style style = style_of(c);
    if (s->config.base.act == ENCODER_GELU) /* what the first files say and do not mean */
        s->config.base.act = ENCODER_GELU_NEW;
    gemma_bind(m, s, w, &style);
    return gemma_causal(c, e);
}

static void bind_layer(stack_layer *l, weights w, int i, const stack_config *c)
{
    decoder_style style = style_of(c);
    decoder_bind_layer(l, w, i, c, &style);
}

const architecture architecture_gemma = {
    .model_type = "gemma",
    .config = config,
    .config_bytes = sizeof(decoder_config),
    .encoder =
        &(const stack_spec){
            .base = {DECODER_BASE}, .theta = {10000}, .bind = bind, .bind_layer = bind_layer}
             .base,
};
