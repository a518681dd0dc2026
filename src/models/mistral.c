/* Mistral (Jiang et al. 2023), model_type "mistral": Llama with all layers near-sighted, if the
 * configuration has a window. */
#include "models/architecture.h"
#include "models/decoder.h"

static const field config[] = {
    ENCODER_SIZES(4096, 32, 32, 14336),
    ENCODER_TABLES(32000, 131072),
    ENCODER_ACT("hidden_act", ENCODER_SILU),
    DECODER_ROWS(8, 1e-6, -1),
    DECODER_HEAD_DIM(0),
    DECODER_WINDOW(4096),
    FIELD_END,
};

static const decoder_style style;

static bool bind(encoder *m, stack *s, const stack_config *c, weights w, error *e)
{
    (void)c, (void)e;
    decoder_widen(s);
    decoder_bind(m, s, w, &style);
    return true;
}

static void bind_layer(stack_layer *l, weights w, int i, const stack_config *c)
{
    decoder_bind_layer(l, w, i, c, &style);
}

const architecture architecture_mistral = {
    .model_type = "mistral",
    .config = config,
    .config_bytes = sizeof(decoder_config),
    .encoder = &(const stack_spec){.base = {DECODER_BASE},
                                   .theta = {10000},
                                   .one_rope = true,
                                   .reach = decoder_reach,
                                   .bind = bind,
                                   .bind_layer = bind_layer}
                    .base,
};
