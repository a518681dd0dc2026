/* Gemma 2 (Riviere et al. 2024), model_type "gemma2": norms behind the blocks too, capped scores,
 * every other layer near-sighted. */
#include "models/architecture.h"
#include "models/gemma.h"

#include <math.h>

static const field config[] = {
    ENCODER_SIZES(2304, 26, 8, 9216),
    ENCODER_TABLES(256000, 8192),
    ENCODER_ACT("hidden_activation", ENCODER_GELU_NEW),
    DECODER_ROWS(4, 1e-6, 0),
    DECODER_HEAD_DIM(256),
    DECODER_ATTENTION_BIAS,
    DECODER_WINDOW(4096),
    DECODER_LAYER_TYPES,
    DECODER_QUERY_SCALAR,
    FIELD_NUMBER_OR_NONE(stack_config, cap, "attn_logit_softcapping", 50, 0, 1e6, "most of scores"),
    GEMMA_BIDIRECTIONAL,
    FIELD_END,
};

static decoder_style style_of(const stack_config *c)
{
    bool biased = c->attention_bias;
    return (decoder_style){
        .query_bias = biased, .out_bias = biased, .norms_from_one = true, .added_norms = true};
}

static bool bind(encoder *m, stack *s, const stack_config *c, weights w, error *e)
{
    decoder_style style = style_of(c);
    s->config.scale = 1 / sqrt(((const decoder_config *)c)->query_scalar);
    decoder_widen(s);
    gemma_bind(m, s, w, &style);
    return gemma_causal(c, e);
}

static void bind_layer(stack_layer *l, weights w, int i, const stack_config *c)
{
    decoder_style style = style_of(c);
    decoder_bind_layer(l, w, i, c, &style);
}

static enum stack_reach reach(const stack_config *c, int layer)
{
    (void)c;
    return layer % 2 ? REACH_ALL : REACH_NEAR;
}

const architecture architecture_gemma2 = {
    .model_type = "gemma2",
    .config = config,
    .config_bytes = sizeof(decoder_config),
    .encoder = &(const stack_spec){.base = {DECODER_BASE},
                                   .theta = {10000},
                                   .one_rope = true,
                                   .reach = reach,
                                   .bind = bind,
                                   .bind_layer = bind_layer}
                    .base,
};
