/* GPT-NeoX (Black et al. 2022) and Pythia, model_type "gpt_neox": attention and feed-forward side
 * by side, a part of each head turned, query, key and value stored head by head. */
#include "models/architecture.h"
#include "models/stack.h"

static const field config[] = {
    ENCODER_SIZES(6144, 44, 64, 24576),
    ENCODER_TABLES(50432, 2048),
    ENCODER_ACT("hidden_act", ENCODER_GELU),
    ENCODER_EPS(1e-5),
    FIELD_INT_OR_NONE(encoder_config, pad_token_id, "pad_token_id", -1, -1, 1 << 24, "padding id"),
    FIELD_BOOL(stack_config, causal, "is_causal", 1, "tokens see what is before them"),
    FIELD_BOOL(stack_config, attention_bias, "attention_bias", 1, "attention has biases"),
    FIELD_BOOL(stack_config, parallel, "use_parallel_residual", 1, "both blocks see the same"),
    STACK_ROPE,
    FIELD_NUMBER(stack_config, theta[REACH_ALL], "rotary_emb_base", 0, 0, 1e12, "rotation"),
    FIELD_NUMBER(stack_config, partial, "rotary_pct", 0.25, 0, 1, "turned share of a head"),
    FIELD_END,
};

static bool bind(encoder *m, stack *s, const stack_config *c, weights w, error *e)
{
    (void)c, (void)e;
    const encoder_config *own = &m->config;
    embedding_bind(&m->words, weights_in(w, "embed_in"), own->vocab, own->hidden);
    norm_bind(&s->final, weights_in(w, "final_layer_norm"), own->hidden, own->eps);
    return true;
}

static void bind_layer(stack_layer *l, weights w, int i, const stack_config *c)
{
    weights in = weights_in(w, "layers.%d", i), fused = weights_in(in, "attention.query_key_value");
    linear *const parts[] = {&l->attention.query, &l->attention.key, &l->attention.value};
    int hidden = c->base.hidden, middle = c->base.ffn;
    norm_bind(&l->attention_in, weights_in(in, "input_layernorm"), hidden, c->base.eps);
    norm_bind(&l->ffn_in, weights_in(in, "post_attention_layernorm"), hidden, c->base.eps);
    for (int part = 0; part < 3; part++)
        linear_bind_interleaved(parts[part], fused, hidden, hidden, part, 3, c->base.heads,
                                c->attention_bias);
    linear_bind_as(&l->attention.out, weights_in(in, "attention.dense"), hidden, hidden,
                   c->attention_bias);
    linear_bind(&l->ffn.up, weights_in(in, "mlp.dense_h_to_4h"), middle, hidden);
    linear_bind(&l->ffn.down, weights_in(in, "mlp.dense_4h_to_h"), hidden, middle);
}

static const head_spec heads[MODEL_HEADS] = {
    [HEAD_LABELS] = {.pooling = HEAD_POOL_UNPADDED, .out = "score", .loose = true},
    HEADS_OF_TOKENS,
};

static const char *const ignored[] = {"embed_out.*",
                                      "lm_head.*",
                                      "score.*",
                                      "classifier.*",
                                      "qa_outputs.*",
                                      "*.attention.bias",
                                      "*.attention.masked_bias",
                                      "*inv_freq",
                                      NULL};

const architecture architecture_gpt_neox = {
    .model_type = "gpt_neox",
    .config = config,
    .config_bytes = sizeof(stack_config),
    .encoder = &(const stack_spec){.base = {.engine = &stack_engine,
                                            .prefix = "gpt_neox.",
                                            .positions = POSITIONS_FROM_ZERO,
                                            .ignored = ignored,
                                            .heads = heads,
                                            .words = "embed_in"},
                                   .theta = {10000},
                                   .may_split = true,
                                   .bind = bind,
                                   .bind_layer = bind_layer}
                    .base,
};
