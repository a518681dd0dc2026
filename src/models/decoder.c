#include "models/decoder.h"

const char *const decoder_ignored[] = {"lm_head.*", "score.*", "qa_outputs.*", "*.inv_freq", NULL};

const head_spec decoder_heads[MODEL_HEADS] = {DECODER_HEADS};

static void bind_norm(norm *n, weights w, int width, double eps, const decoder_style *style)
{
    if (style->norms_from_one)
        norm_bind_rms_from_one(n, w, width, eps);
    else
        norm_bind_rms(n, w, width, eps);
}

void decoder_bind(encoder *m, stack *s, weights w, const decoder_style *style)
{
    const encoder_config *c = &m->config;
    embedding_bind(&m->words, weights_in(w, "embed_tokens"), c->vocab, c->hidden);
    bind_norm(&s->final, weights_in(w, "norm"), c->hidden, c->eps, style);
}

static void bind_products(stack_layer *l, weights in, const stack_config *c,
                          const decoder_style *style)
{
    weights attention = weights_in(in, "self_attn");
    int hidden = c->base.hidden, queries = c->base.heads * stack_head_dim(c);
    int keys = stack_kv_heads(c) * stack_head_dim(c), all = queries + 2 * keys;
    if (style->fused) {
        weights w = weights_in(attention, "qkv_proj");
        linear_bind_rows(&l->attention.query, w, queries, hidden, 0, all, style->query_bias);
        linear_bind_rows(&l->attention.key, w, keys, hidden, queries, all, style->query_bias);
        linear_bind_rows(&l->attention.value, w, keys, hidden, queries + keys, all,
                         style->query_bias);
    } else {
        linear_bind_as(&l->attention.query, weights_in(attention, "q_proj"), queries, hidden,
                       style->query_bias);
        linear_bind_as(&l->attention.key, weights_in(attention, "k_proj"), keys, hidden,
                       style->query_bias);
        linear_bind_as(&l->attention.value, weights_in(attention, "v_proj"), keys, hidden,
                       style->query_bias);
    }
    linear_bind_as(&l->attention.out, weights_in(attention, "o_proj"), hidden, queries,
                   style->out_bias);
}

static void bind_ffn(stack_layer *l, weights in, const stack_config *c, const decoder_style *style)
{
    weights mlp = weights_in(in, "mlp");
    int hidden = c->base.hidden, middle = c->base.ffn;
    if (style->fused) {
        weights w = weights_in(mlp, "gate_up_proj");
        linear_bind_rows(&l->ffn.gate, w, middle, hidden, 0, 2 * middle, style->ffn_bias);
        linear_bind_rows(&l->ffn.up, w, middle, hidden, middle, 2 * middle, style->ffn_bias);
    } else {
        linear_bind_as(&l->ffn.gate, weights_in(mlp, "gate_proj"), middle, hidden, style->ffn_bias);
        linear_bind_as(&l->ffn.up, weights_in(mlp, "up_proj"), middle, hidden, style->ffn_bias);
    }
    linear_bind_as(&l->ffn.down, weights_in(mlp, "down_proj"), hidden, middle, style->ffn_bias);
}

void decoder_bind_layer(stack_layer *l, weights w, int i, const stack_config *c,
                        const decoder_style *style)
{
    weights in = weights_in(w, "layers.%d", i);
    int hidden = c->base.hidden, head_dim = stack_head_dim(c);
    double eps = c->base.eps;
    bind_norm(&l->attention_in, weights_in(in, "input_layernorm"), hidden, eps, style);
    bind_products(l, in, c, style);
    if (style->head_norms) {
        bind_norm(&l->attention.query_norm, weights_in(in, "self_attn.q_norm"), head_dim, eps,
                  style);
        bind_norm(&l->attention.key_norm, weights_in(in, "self_attn.k_norm"), head_dim, eps, style);
    }
    if (style->added_norms) {
        bind_norm(&l->attention_added, weights_in(in, "post_attention_layernorm"), hidden, eps,
                  style);
        bind_norm(&l->ffn_in, weights_in(in, "pre_feedforward_layernorm"), hidden, eps, style);
        bind_norm(&l->ffn_added, weights_in(in, "post_feedforward_layernorm"), hidden, eps, style);
    } else {
        bind_norm(&l->ffn_in, weights_in(in, "post_attention_layernorm"), hidden, eps, style);
    }
    bind_ffn(l, in, c, style);
}

void decoder_widen(stack *s)
{
    if (!s->config.causal && s->config.window > 0)
        s->config.window *= 2;
}

enum stack_reach decoder_reach(const stack_config *c, int layer)
{
    (void)layer;
    return c->window > 0 ? REACH_NEAR : REACH_ALL;
}
