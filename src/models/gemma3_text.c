/* The text part of Gemma 3 (Kamath et al. 2025) and EmbeddingGemma, model_type "gemma3_text":
 * normed queries and keys, five of six layers near-sighted, with a rotation of their own; causal or
 * not. */
#include "models/architecture.h"
#include "models/gemma.h"

#include <math.h>

static const field config[] = {
    ENCODER_SIZES(2304, 26, 8, 9216),
    ENCODER_TABLES(262208, 131072),
    ENCODER_ACT("hidden_activation", ENCODER_GELU_NEW),
    DECODER_ROWS(4, 1e-6, 0),
    FIELD_OBJECT(stack_config, rope, "rope_parameters", stack_reach_ropes, 0, "rotation"),
    FIELD_NUMBER(stack_config, theta[REACH_NEAR], "rope_local_base_freq", 0, 0, 1e12, "rotation"),
    DECODER_HEAD_DIM(256),
    DECODER_ATTENTION_BIAS,
    DECODER_WINDOW(4096),
    DECODER_LAYER_TYPES,
    DECODER_QUERY_SCALAR,
    FIELD_INT(decoder_config, pattern, "sliding_window_pattern", 6, 1, 1000, "reach"),
    GEMMA_BIDIRECTIONAL,
    FIELD_END,
};

static decoder_style style_of(const stack_config *c)
{
    bool biased = c->attention_bias;
    return (decoder_style){.query_bias = biased,
                           .out_bias = biased,
                           .norms_from_one = true,
                           .head_norms = true,
                           .added_norms = true};
}

static bool bind(encoder *m, stack *s, const stack_config *c, weights w, error *e)
{
    (void)e;
    const decoder_config *own = (const decoder_config *)c;
    decoder_style style = style_of(c);
    s->config.scale = 1 / sqrt(own->query_scalar);
    s->config.all_every = own->pattern; /* see reach */
    decoder_widen(s);
    if (own->bidirectional)
        s->config.causal = false;
    gemma_bind(m, s, w, &style);
    return true;
}

static void bind_layer(stack_layer *l, weights w, int i, const stack_config *c)
{
    decoder_style style = style_of(c);
    decoder_bind_layer(l, w, i, c, &style);
}

static enum stack_reach reach(const stack_config *c, int layer)
{
    return (layer + 1) % c->all_every ? REACH_NEAR : REACH_ALL;
}

const architecture architecture_gemma3_text = {
    .model_type = "gemma3_text",
    .config = config,
    .config_bytes = sizeof(decoder_config),
    .encoder = &(const stack_spec){.base = {DECODER_BASE},
                                   .theta = {1000000, 10000},
                                   .near_unscaled = true,
                                   .reach = reach,
                                   .bind = bind,
                                   .bind_layer = bind_layer}
                    .base,
};
