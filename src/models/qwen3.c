/* Qwen 3 (Yang et al. 2025), model_type "qwen3": queries and keys are normed head by head. */
#include "models/architecture.h"
#include "models/qwen2.h"

static const field config[] = {
    QWEN_ROWS,
    DECODER_HEAD_DIM(128),
    DECODER_ATTENTION_BIAS,
    FIELD_END,
};

static decoder_style style_of(const stack_config *c)
{
    bool biased = c->attention_bias;
    return (decoder_style){.query_bias = biased, .out_bias = biased, .head_norms = true};
}

static bool bind(encoder *m, stack *s, const stack_config *c, weights w, error *e)
{
    decoder_style style = style_of(c);
    decoder_bind(m, s, w, &style);
    return qwen_windows(s, c, e);
}

static void bind_layer(stack_layer *l, weights w, int i, const stack_config *c)
{
    decoder_style style = style_of(c);
    decoder_bind_layer(l, w, i, c, &style);
}

const architecture architecture_qwen3 = {
    .model_type = "qwen3",
    .config = config,
    .config_bytes = sizeof(decoder_config),
    .encoder = &(const stack_spec){.base = {DECODER_BASE},
                                   .theta = {10000},
                                   .one_rope = true,
                                   .reach = qwen_reach,
                                   .bind = bind,
                                   .bind_layer = bind_layer}
                    .base,
};
