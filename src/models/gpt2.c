/* GPT-2 (Radford et al. 2019), model_type "gpt2": norms in front, learned positions, causal
 * attention, weights stored input by input. */
#include "models/architecture.h"
#include "models/stack.h"
#include "models/summary.h"

#include <math.h>

typedef struct gpt2_config {
    stack_config stack;
    int scaled;
    summary_config summary;
} gpt2_config;

static const field config[] = {
    FIELD_INT(encoder_config, hidden, "n_embd", 768, 1, 1 << 16, "token width"),
    FIELD_INT(encoder_config, layers, "n_layer", 12, 0, 1000, "layers"),
    FIELD_INT(encoder_config, heads, "n_head", 12, 1, 1 << 12, "heads"),
    FIELD_INT(encoder_config, ffn, "n_inner", 0, 1, 1 << 20, "middle width"),
    FIELD_INT(encoder_config, vocab, "vocab_size", 50257, 1, 1 << 24, "token ids"),
    FIELD_INT(encoder_config, positions, "n_positions", 1024, 1, 1 << 20, "positions"),
    ENCODER_ACT("activation_function", ENCODER_GELU_NEW),
    FIELD_NUMBER(encoder_config, eps, "layer_norm_epsilon", 1e-5, 0, 1, "added to variances"),
    FIELD_INT_OR_NONE(encoder_config, pad_token_id, "pad_token_id", -1, -1, 1 << 24, "padding id"),
    FIELD_BOOL(stack_config, causal, "is_causal", 1, "tokens see what is before them"),
    FIELD_BOOL(gpt2_config, scaled, "scale_attn_weights", 1, "scores are scaled"),
    FIELD_BOOL(stack_config, scaled_by_layer, "scale_attn_by_inverse_layer_idx", 0,
               "scores are scaled by layer"),
    FIELD_BOOL(encoder_config, cross_attention, "add_cross_attention", 0, "second input"),
    SUMMARY(gpt2_config, summary, ENCODER_POOL_CLS_INDEX, -1, 1, 1),
    FIELD_END,
};

static bool bind(encoder *m, stack *s, const stack_config *c, weights w, error *e)
{
    encoder_config *own = &m->config;
    s->config.scale = ((const gpt2_config *)c)->scaled ? 1 / sqrt(stack_head_dim(c)) : 1;
    if (!own->ffn)
        own->ffn = s->config.base.ffn = 4 * own->hidden;
    embedding_bind(&m->words, weights_in(w, "wte"), own->vocab, own->hidden);
    embedding_bind(&m->positions, weights_in(w, "wpe"), own->positions, own->hidden);
    norm_bind(&s->final, weights_in(w, "ln_f"), own->hidden, own->eps);
    return summary_fit(m, &((const gpt2_config *)c)->summary, e);
}

static void bind_layer(stack_layer *l, weights w, int i, const stack_config *c)
{
    weights in = weights_in(w, "h.%d", i), fused = weights_in(in, "attn.c_attn");
    int hidden = c->base.hidden, middle = c->base.ffn;
    if (c->scaled_by_layer)
        l->attention.scale = (float)(c->scale / (i + 1));
    norm_bind(&l->attention_in, weights_in(in, "ln_1"), hidden, c->base.eps);
    linear_bind_turned(&l->attention.query, fused, hidden, hidden, 0, 3 * hidden, true);
    linear_bind_turned(&l->attention.key, fused, hidden, hidden, hidden, 3 * hidden, true);
    linear_bind_turned(&l->attention.value, fused, hidden, hidden, 2 * hidden, 3 * hidden, true);
    linear_bind_turned(&l->attention.out, weights_in(in, "attn.c_proj"), hidden, hidden, 0, hidden,
                       true);
    norm_bind(&l->ffn_in, weights_in(in, "ln_2"), hidden, c->base.eps);
    linear_bind_turned(&l->ffn.up, weights_in(in, "mlp.c_fc"), middle, hidden, 0, middle, true);
    linear_bind_turned(&l->ffn.down, weights_in(in, "mlp.c_proj"), hidden, middle, 0, hidden, true);
}

static const head_spec heads[MODEL_HEADS] = {
    [HEAD_CHOICES] = SUMMARY_LABELS("multiple_choice_head.summary"),
    [HEAD_LABELS] = {.pooling = HEAD_POOL_UNPADDED, .out = "score", .loose = true},
    HEADS_OF_TOKENS,
};

static const char *const ignored[] = {
    "lm_head.*",   "multiple_choice_head.*", "score.*", "classifier.*", "qa_outputs.*",
    "*.attn.bias", "*.attn.masked_bias",     NULL};

const architecture architecture_gpt2 = {
    .model_type = "gpt2",
    .config = config,
    .config_bytes = sizeof(gpt2_config),
    .encoder = &(const stack_spec){.base = {.engine = &stack_engine,
                                            .prefix = "transformer.",
                                            .positions = POSITIONS_FROM_ZERO,
                                            .ignored = ignored,
                                            .heads = heads,
                                            .words = "wte"},
                                   .bind = bind,
                                   .bind_layer = bind_layer}
                    .base,
};
