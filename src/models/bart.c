/* BART (Lewis et al. 2019), model_type "bart": an encoder, and a decoder that reads the same text,
 * shifted by one token, and sees the encoder's result. Scores are read at the end of the text. */
#include "models/bart.h"
#include "models/architecture.h"

#include <math.h>

static const field config[] = {BART_ROWS, FIELD_END};

enum { UNUSED_POSITIONS = 2 };

void bart_bind_positions(embedding *m, weights w, int positions, int hidden)
{
    embedding_bind(m, w, positions + UNUSED_POSITIONS, hidden);
    m->rows = positions;
    if (m->table)
        m->table += UNUSED_POSITIONS * (long)hidden;
}

static void bind_attention(self_attention *a, weights in, int hidden, bool biased)
{
    linear_bind_as(&a->query, weights_in(in, "q_proj"), hidden, hidden, biased);
    linear_bind_as(&a->key, weights_in(in, "k_proj"), hidden, hidden, biased);
    linear_bind_as(&a->value, weights_in(in, "v_proj"), hidden, hidden, biased);
    linear_bind_as(&a->out, weights_in(in, "out_proj"), hidden, hidden, biased);
}

void bart_bind_layer(stack_layer *l, weights in, const stack_config *c, bool biased)
{
    int hidden = c->base.hidden, middle = c->base.ffn;
    norm *attention = c->pre_norm ? &l->attention_in : &l->attention_out;
    norm *cross = c->pre_norm ? &l->cross_in : &l->cross_out;
    norm *last = c->pre_norm ? &l->ffn_in : &l->ffn_out;
    bind_attention(&l->attention, weights_in(in, "self_attn"), hidden, biased);
    norm_bind(attention, weights_in(in, "self_attn_layer_norm"), hidden, BART_EPS);
    if (c->cross) {
        bind_attention(&l->cross, weights_in(in, "encoder_attn"), hidden, biased);
        norm_bind(cross, weights_in(in, "encoder_attn_layer_norm"), hidden, BART_EPS);
    }
    linear_bind_as(&l->ffn.up, weights_in(in, "fc1"), middle, hidden, biased);
    linear_bind_as(&l->ffn.down, weights_in(in, "fc2"), hidden, middle, biased);
    norm_bind(last, weights_in(in, "final_layer_norm"), hidden, BART_EPS);
}

void bart_bind_any_layer(stack_layer *l, weights w, int i, const stack_config *c)
{
    weights in = weights_in(w, "%s.layers.%d", c->cross ? "decoder" : "encoder", i);
    bart_bind_layer(l, in, c, true);
}

static void bind_tables(stack *s, weights w, const encoder_config *c)
{
    bart_bind_positions(&s->positions, weights_in(w, "embed_positions"), c->positions, c->hidden);
    norm_bind(&s->embedding_norm, weights_in(w, "layernorm_embedding"), c->hidden, BART_EPS);
    if (s->config.pre_norm)
        norm_bind(&s->final, weights_in(w, "layer_norm"), c->hidden, BART_EPS);
}

/* Encoder and decoder read the same table, unless their scores do not. */
static void bind_words(encoder *m, stack *s, weights w)
{
    const encoder_config *c = &m->config;
    weights shared = weights_in(w, "shared"), own = weights_in(w, "encoder.embed_tokens");
    weights decoder = weights_in(w, "decoder.embed_tokens");
    if (!c->tied && weights_have(own, "weight") && weights_have(decoder, "weight")) {
        embedding_bind(&s->words, decoder, c->vocab, c->hidden);
        embedding_bind(&s->source->words, own, c->vocab, c->hidden);
        return;
    }
    embedding_bind(&m->words, weights_have(shared, "weight") ? shared : own, c->vocab, c->hidden);
}

bool bart_bind(encoder *m, stack *s, const bart_config *c, weights w, error *e)
{
    if (c->start >= c->stack.base.vocab)
        return fail(e, ERR_BAD_MODEL, "'decoder_start_token_id' is %d in a vocabulary of %d",
                    c->start, c->stack.base.vocab);
    stack *source = stack_add_source(s);
    bind_words(m, s, w);
    source->config.base.layers = c->encoder_layers;
    source->config.base.heads = c->encoder_heads;
    source->config.base.ffn = c->encoder_ffn;
    s->config.causal = s->config.cross = true;
    s->word_scale = source->word_scale = c->scaled ? (float)sqrt(m->config.hidden) : 1;
    bind_tables(s, weights_in(w, "decoder"), &m->config);
    bind_tables(source, weights_in(w, "encoder"), &m->config);
    return true;
}

static bool bind(encoder *m, stack *s, const stack_config *c, weights w, error *e)
{
    const bart_config *own = (const bart_config *)c;
    s->shift = SHIFT_START;
    s->start = own->start;
    return bart_bind(m, s, own, w, e);
}

const head_spec bart_heads[MODEL_HEADS] = {
    [HEAD_MASKED_LM] = {.out = "lm_head", .loose = true, .row_bias = "final_logits_bias"},
    [HEAD_LABELS] = {.pooling = HEAD_POOL_EOS,
                     .dense = "classification_head.dense",
                     .act = ACT_TANH,
                     .out = "classification_head.out_proj"},
    [HEAD_SPANS] = {.out = "qa_outputs"},
};

const char *const bart_ignored[] = {"final_logits_bias",
                                    "lm_head.*",
                                    "classification_head.*",
                                    "qa_outputs.*",
                                    "*.embed_tokens.weight",
                                    "shared.weight",
                                    "*.version",
                                    NULL};

const architecture architecture_bart = {
    .model_type = "bart",
    .config = config,
    .config_bytes = sizeof(bart_config),
    .encoder = &(const stack_spec){.base = {.engine = &stack_engine,
                                            .prefix = "model.",
                                            .positions = POSITIONS_FROM_ZERO,
                                            .ignored = bart_ignored,
                                            .heads = bart_heads,
                                            .unsaid_labels = 3,
                                            .words = "shared"},
                                   .bind = bind,
                                   .bind_layer = bart_bind_any_layer}
                    .base,
};
