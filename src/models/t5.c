/* T5 (Raffel et al. 2020), model_type "t5": RMSNorm in front of the blocks, biases by distance in
 * place of positions. Embeddings and labels of tokens come from the encoder alone; where a text has
 * labels or an answer, a decoder reads it again as BART's does. */
#include "models/t5.h"
#include "models/architecture.h"

static const field config[] = {T5_ROWS(32128, 6, 8, 2048, "relu", -1), FIELD_END};

/* There are no positions that could end; inputs have a limit all the same. */
enum { LONGEST = 1 << 15 };

/* "relu", or "gated-silu"; what is called gated-gelu is the one of tanh. */
static bool read_ffn(stack *s, const t5_config *c, error *e)
{
    str name = c->ffn_kind;
    bool gated = str_starts(name, STR("gated-"));
    s->config.gated = gated;
    if (gated)
        name = str_skip(name, sizeof "gated-" - 1);
    for (int i = 0; encoder_acts[i]; i++)
        if (str_is(name, encoder_acts[i])) {
            s->config.base.act = gated && i == ENCODER_GELU ? ENCODER_GELU_NEW : i;
            return true;
        }
    return fail(e, ERR_INVALID, "feed_forward_proj '%.*s' is not supported",
                (int)(c->ffn_kind.n < 100 ? c->ffn_kind.n : 100), c->ffn_kind.p);
}

/* The scope of an encoder's or a decoder's names. */
static weights side(weights w, const stack_config *c)
{
    return weights_in(w, c->cross ? "decoder" : "encoder");
}

/* s becomes the decoder, with an encoder in front. */
static bool add_decoder(stack *s, const t5_config *c, weights w, error *e)
{
    if (c->start < 0)
        return fail(e, ERR_BAD_MODEL, "'decoder_start_token_id' is not given");
    if (c->start >= c->stack.base.vocab)
        return fail(e, ERR_BAD_MODEL, "'decoder_start_token_id' is %d in a vocabulary of %d",
                    c->start, c->stack.base.vocab);
    stack *source = stack_add_source(s);
    source->word_scale = 1;
    norm_bind_rms(&source->final, weights_in(side(w, &source->config), "final_layer_norm"),
                  c->stack.base.hidden, c->stack.base.eps);
    s->shift = SHIFT_START;
    s->start = c->start;
    s->config.causal = s->config.cross = true;
    if (c->decoder_layers >= 0)
        s->config.base.layers = c->decoder_layers;
    return true;
}

bool t5_bind(encoder *m, stack *s, const stack_config *c, weights w, error *e)
{
    const t5_config *own = (const t5_config *)c;
    weights shared = weights_in(w, "shared");
    relative_bias both = {.buckets = c->base.buckets, .farthest = c->farthest};
    if (!read_ffn(s, own, e))
        return false;
    if (!relative_bias_good(&both) || c->farthest <= c->base.buckets / 2)
        return fail(e, ERR_INVALID, "%d buckets of distances up to %d are not supported",
                    c->base.buckets, c->farthest);
    s->config.base.positions = m->config.positions = LONGEST;
    s->config.scale = s->word_scale = 1;
    if (!weights_have(shared, "weight"))
        shared = weights_in(w, "encoder.embed_tokens");
    embedding_bind(&m->words, shared, m->config.vocab, m->config.hidden);
    if ((m->head.kind == HEAD_LABELS || m->head.kind == HEAD_SPANS) && !add_decoder(s, own, w, e))
        return false;
    norm_bind_rms(&s->final, weights_in(side(w, &s->config), "final_layer_norm"), m->config.hidden,
                  m->config.eps);
    m->config.layers = s->config.base.layers;
    return true;
}

static void bind_attention(self_attention *a, weights in, const stack_config *c)
{
    int hidden = c->base.hidden, width = c->base.heads * c->head_dim;
    linear_bind_unbiased(&a->query, weights_in(in, "q"), width, hidden);
    linear_bind_unbiased(&a->key, weights_in(in, "k"), width, hidden);
    linear_bind_unbiased(&a->value, weights_in(in, "v"), width, hidden);
    linear_bind_unbiased(&a->out, weights_in(in, "o"), hidden, width);
}

void t5_bind_bias(stack_layer *l, weights w, int i, const stack_config *c)
{
    weights in =
        weights_in(side(w, c), "block.%d.layer.0.SelfAttention.relative_attention_bias", i);
    l->bias = (relative_bias){.table = weights_matrix(in, "weight", c->base.buckets, c->base.heads),
                              .buckets = c->base.buckets,
                              .heads = c->base.heads,
                              .farthest = c->farthest,
                              .causal = c->causal};
}

void t5_bind_blocks(stack_layer *l, weights w, int i, const stack_config *c)
{
    weights in = weights_in(side(w, c), "block.%d.layer", i);
    weights last = weights_in(in, c->cross ? "2" : "1"), wide = weights_in(last, "DenseReluDense");
    int hidden = c->base.hidden, middle = c->base.ffn;
    bind_attention(&l->attention, weights_in(in, "0.SelfAttention"), c);
    norm_bind_rms(&l->attention_in, weights_in(in, "0.layer_norm"), hidden, c->base.eps);
    if (c->cross) {
        bind_attention(&l->cross, weights_in(in, "1.EncDecAttention"), c);
        norm_bind_rms(&l->cross_in, weights_in(in, "1.layer_norm"), hidden, c->base.eps);
    }
    linear_bind_unbiased(&l->ffn.up, weights_in(wide, c->gated ? "wi_1" : "wi"), middle, hidden);
    if (c->gated)
        linear_bind_unbiased(&l->ffn.gate, weights_in(wide, "wi_0"), middle, hidden);
    linear_bind_unbiased(&l->ffn.down, weights_in(wide, "wo"), hidden, middle);
    norm_bind_rms(&l->ffn_in, weights_in(last, "layer_norm"), hidden, c->base.eps);
}

void t5_bind_layer(stack_layer *l, weights w, int i, const stack_config *c)
{
    t5_bind_blocks(l, w, i, c);
    t5_bind_bias(l, w, 0, c);
}

const head_spec t5_heads[MODEL_HEADS] = {
    [HEAD_LABELS] = {.pooling = HEAD_POOL_EOS,
                     .dense = "classification_head.dense",
                     .act = ACT_TANH,
                     .out = "classification_head.out_proj"},
    [HEAD_TOKEN_LABELS] = {.out = "classifier"},
    [HEAD_SPANS] = {.out = "qa_outputs"},
};

const char *const t5_ignored[] = {
    "decoder.*",    "*.embed_tokens.weight", "lm_head.*", "classification_head.*",
    "classifier.*", "qa_outputs.*",          NULL};

const architecture architecture_t5 = {
    .model_type = "t5",
    .config = config,
    .config_bytes = sizeof(t5_config),
    .encoder =
        &(const stack_spec){.base = {T5_BASE}, .bind = t5_bind, .bind_layer = t5_bind_layer}.base,
};
