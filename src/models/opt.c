/* OPT (Zhang et al. 2022), model_type "opt": the decoder of BART alone, with norms in front of the
 * blocks or behind them. Words and token vectors may be narrower than the layers. */
#include "models/architecture.h"
#include "models/bart.h"

typedef struct opt_config {
    stack_config stack;
    int affine, no_final;
} opt_config;

static const field config[] = {
    FIELD_INT(encoder_config, hidden, "hidden_size", 768, 1, 1 << 16, "token width"),
    FIELD_INT(encoder_config, layers, "num_hidden_layers", 12, 0, 1000, "layers"),
    FIELD_INT(encoder_config, heads, "num_attention_heads", 12, 1, 1 << 12, "heads"),
    FIELD_INT(encoder_config, ffn, "ffn_dim", 3072, 1, 1 << 20, "middle width"),
    FIELD_INT(encoder_config, embedding, "word_embed_proj_dim", 0, 1, 1 << 16, "embedding width"),
    ENCODER_TABLES(50272, 2048),
    ENCODER_ACT("activation_function", ENCODER_RELU),
    FIELD_INT_OR_NONE(encoder_config, pad_token_id, "pad_token_id", 1, -1, 1 << 24, "padding id"),
    FIELD_BOOL(stack_config, causal, "is_causal", 1, "tokens see what is before them"),
    FIELD_BOOL(stack_config, pre_norm, "do_layer_norm_before", 1, "norms are in front"),
    FIELD_BOOL(opt_config, no_final, "_remove_final_layer_norm", 0, "no norm behind all layers"),
    FIELD_BOOL(stack_config, attention_bias, "enable_bias", 1, "products have biases"),
    FIELD_BOOL(opt_config, affine, "layer_norm_elementwise_affine", 1, "norms have weights"),
    FIELD_END,
};

static bool bind(encoder *m, stack *s, const stack_config *c, weights w, error *e)
{
    const opt_config *own = (const opt_config *)c;
    int hidden = c->base.hidden, width = m->config.embedding;
    if (!own->affine)
        return fail(e, ERR_INVALID,
                    "'layer_norm_elementwise_affine' is false, which is not supported");
    weights decoder = weights_in(w, "decoder");
    s->word_scale = 1;
    embedding_bind(&m->words, weights_in(decoder, "embed_tokens"), c->base.vocab, width);
    bart_bind_positions(&s->positions, weights_in(decoder, "embed_positions"), c->base.positions,
                        hidden);
    if (width != hidden) {
        linear_bind_unbiased(&s->words_in, weights_in(decoder, "project_in"), hidden, width);
        linear_bind_unbiased(&s->out, weights_in(decoder, "project_out"), width, hidden);
        m->config.hidden = width;
    }
    if (c->pre_norm && !own->no_final)
        norm_bind(&s->final, weights_in(decoder, "final_layer_norm"), hidden, BART_EPS);
    return true;
}

static void bind_layer(stack_layer *l, weights w, int i, const stack_config *c)
{
    bart_bind_layer(l, weights_in(w, "decoder.layers.%d", i), c, c->attention_bias);
}

static const head_spec heads[MODEL_HEADS] = {
    [HEAD_LABELS] = {.pooling = HEAD_POOL_UNPADDED, .out = "score", .loose = true},
    [HEAD_SPANS] = {.out = "qa_outputs"},
};

static const char *const ignored[] = {"lm_head.*", "score.*", "qa_outputs.*", NULL};

const architecture architecture_opt = {
    .model_type = "opt",
    .config = config,
    .config_bytes = sizeof(opt_config),
    .encoder = &(const stack_spec){.base = {.engine = &stack_engine,
                                            .prefix = "model.",
                                            .positions = POSITIONS_FROM_ZERO,
                                            .ignored = ignored,
                                            .heads = heads,
                                            .words = "decoder.embed_tokens"},
                                   .bind = bind,
                                   .bind_layer = bind_layer}
                    .base,
};
