/* Phi-3 and 4 (Abdin et al. 2024), model_type "phi3": Llama with its products fused, of which a
 * part of each head may be turned, for long sequences by LongRoPE. */
#include "models/architecture.h"
#include "models/decoder.h"

static const field config[] = {
    ENCODER_SIZES(3072, 32, 32, 8192),
    ENCODER_TABLES(32064, 4096),
    ENCODER_ACT("hidden_act", ENCODER_SILU),
    DECODER_ROWS(0, 1e-5, 32000),
    DECODER_HEAD_DIM(0),
    DECODER_WINDOW(-1),
    FIELD_INT(stack_config, original, "original_max_position_embeddings", 4096, 1, 1 << 24,
              "positions before it was stretched"),
    FIELD_NUMBER(stack_config, partial, "partial_rotary_factor", 1, 0, 1, "turned share of a head"),
    FIELD_END,
};

static const decoder_style style = {.fused = true};

/* The first files call LongRoPE otherwise. */
static void rename_rope(rope_config *c)
{
    if (str_is(c->type, "yarn") || str_is(c->old_type, "yarn"))
        c->type = STR("longrope");
}

static bool bind(encoder *m, stack *s, const stack_config *c, weights w, error *e)
{
    (void)c, (void)e;
    rename_rope(&s->config.scaling);
    rename_rope(&s->config.rope[REACH_ALL]);
    decoder_widen(s);
    decoder_bind(m, s, w, &style);
    return true;
}

static void bind_layer(stack_layer *l, weights w, int i, const stack_config *c)
{
    decoder_bind_layer(l, w, i, c, &style);
}

const architecture architecture_phi3 = {
    .model_type = "phi3",
    .config = config,
    .config_bytes = sizeof(decoder_config),
    .encoder = &(const stack_spec){.base = {DECODER_BASE},
                                   .theta = {10000},
                                   .one_rope = true,
                                   .may_split = true,
                                   .reach = decoder_reach,
                                   .bind = bind,
                                   .bind_layer = bind_layer}
                    .base,
};
