/* Llama (Touvron et al. 2023) and its successors, model_type "llama". */
#include "models/architecture.h"
#include "models/decoder.h"

static const field config[] = {
    ENCODER_SIZES(4096, 32, 32, 11008),
    ENCODER_TABLES(32000, 2048),
    ENCODER_ACT("hidden_act", ENCODER_SILU),
    DECODER_ROWS(0, 1e-6, -1),
    DECODER_HEAD_DIM(0),
    DECODER_ATTENTION_BIAS,
    FIELD_BOOL(stack_config, ffn_bias, "mlp_bias", 0, "feed-forward has biases"),
    FIELD_END,
};

static decoder_style style_of(const stack_config *c)
{
    bool biased = c->attention_bias;
    return (decoder_style){.query_bias = biased, .out_bias = biased, .ffn_bias = c->ffn_bias};
}

static bool bind(encoder *m, stack *s, const stack_config *c, weights w, error *e)
{
    (void)e;
    decoder_style style = style_of(c);
    decoder_bind(m, s, w, &style);
    return true;
}

static void bind_layer(stack_layer *l, weights w, int i, const stack_config *c)
{
    decoder_style style = style_of(c);
    decoder_bind_layer(l, w, i, c, &style);
}

const architecture architecture_llama = {
    .model_type = "llama",
    .config = config,
    .config_bytes = sizeof(decoder_config),
    .encoder =
        &(const stack_spec){
            .base = {DECODER_BASE}, .theta = {10000}, .bind = bind, .bind_layer = bind_layer}
             .base,
};
