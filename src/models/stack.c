/* The main path is run(): embeddings, norm, projection, layers, final norm. A step makes the sines
 * and cosines of its positions: that is a thousandth of its work, and nothing has to be kept. */
#include "models/stack.h"
#include "base/memory.h"
#include "kernels/rows.h"

#include <stdlib.h>
#include <string.h>

const field stack_rope_rows[] = {
    FIELD_STRING(stack_rope, type, "rope_type", NULL, 0, "kind of rotation"),
    FIELD_STRING(stack_rope, old_type, "type", NULL, 0, "kind of rotation"),
    FIELD_NUMBER(stack_rope, theta, "rope_theta", 0, 0, 1e12, "base of the angles"),
    FIELD_END,
};

int stack_head_dim(const stack_config *c)
{
    return c->head_dim ? c->head_dim : c->base.hidden / c->base.heads;
}

void stack_bind_fused(self_attention *a, weights w, const stack_config *c, bool biased)
{
    int hidden = c->base.hidden, width = c->base.heads * stack_head_dim(c);
    linear_bind_rows(&a->query, w, width, hidden, 0, 3 * width, biased);
    linear_bind_rows(&a->key, w, width, hidden, width, 3 * width, biased);
    linear_bind_rows(&a->value, w, width, hidden, 2 * width, 3 * width, biased);
}

void stack_bind_tables(encoder *m, weights w, bool positions)
{
    const encoder_config *c = &m->config;
    weights in = weights_in(w, "embeddings");
    embedding_bind(&m->words, weights_in(in, "word_embeddings"), c->vocab, c->embedding);
    if (c->types)
        embedding_bind(&m->types, weights_in(in, "token_type_embeddings"), c->types, c->embedding);
    if (positions)
        embedding_bind(&m->positions, weights_in(in, "position_embeddings"), c->positions,
                       c->embedding);
}

void stack_bind_products(stack_layer *l, weights w, const stack_config *c)
{
    int hidden = c->base.hidden;
    linear_bind(&l->attention.query, weights_in(w, "attention.self.query"), hidden, hidden);
    linear_bind(&l->attention.key, weights_in(w, "attention.self.key"), hidden, hidden);
    linear_bind(&l->attention.value, weights_in(w, "attention.self.value"), hidden, hidden);
    linear_bind(&l->attention.out, weights_in(w, "attention.output.dense"), hidden, hidden);
    linear_bind(&l->ffn.up, weights_in(w, "intermediate.dense"), c->base.ffn, hidden);
    linear_bind(&l->ffn.down, weights_in(w, "output.dense"), hidden, c->base.ffn);
}

void stack_bind_bert_layer(stack_layer *l, weights w, int i, const stack_config *c)
{
    weights in = weights_in(w, "encoder.layer.%d", i);
    int hidden = c->base.hidden;
    stack_bind_products(l, in, c);
    norm_bind(&l->attention_out, weights_in(in, "attention.output.LayerNorm"), hidden, c->base.eps);
    norm_bind(&l->ffn_out, weights_in(in, "output.LayerNorm"), hidden, c->base.eps);
}

static bool check_rope(const stack_rope *r, error *e)
{
    str type = r->type.p ? r->type : r->old_type;
    if (!type.p || str_is(type, "default"))
        return true;
    return fail(e, ERR_INVALID, "rope_type '%.*s' is not supported, only 'default' is",
                (int)(type.n < 100 ? type.n : 100), type.p);
}

static bool check(const stack *s, const stack_spec *spec, error *e)
{
    enum { HEAD_DIM = 512 };
    const stack_config *c = &s->config;
    int kv_heads = c->kv_heads ? c->kv_heads : c->base.heads;
    for (int i = 0; i < N_REACHES; i++)
        if (!check_rope(&c->rope[i], e))
            return false;
    if (!check_rope(&c->scaling, e))
        return false;
    if (s->fourier.width || spec->mixing)
        return true;
    if (!c->head_dim && !encoder_check_heads(&c->base, e))
        return false;
    if (c->head_dim > HEAD_DIM)
        return fail(e, ERR_INVALID, "attention heads are %d wide, at most %d are supported",
                    c->head_dim, HEAD_DIM);
    if (spec->theta[REACH_ALL] > 0 && !c->absolute && stack_head_dim(c) % 2)
        return fail(e, ERR_BAD_MODEL, "heads of %d values cannot be turned in pairs",
                    stack_head_dim(c));
    if (c->base.heads % kv_heads)
        return fail(e, ERR_BAD_MODEL, "%d heads cannot share %d keys", c->base.heads, kv_heads);
    if (c->layer_types.n && c->layer_types.n != c->base.layers)
        return fail(e, ERR_BAD_MODEL, "%d layer_types for %d layers", c->layer_types.n,
                    c->base.layers);
    return true;
}

static bool find_reach(enum stack_reach *reach, const stack_config *c, int layer, error *e)
{
    if (!c->layer_types.n) {
        *reach = c->all_every && layer % c->all_every ? REACH_NEAR : REACH_ALL;
        return true;
    }
    str type = c->layer_types.items[layer];
    *reach = str_is(type, "sliding_attention") ? REACH_NEAR : REACH_ALL;
    return *reach == REACH_NEAR || str_is(type, "full_attention") ||
           fail(e, ERR_INVALID,
                "layer_types '%.*s' is not supported, only 'full_attention' and "
                "'sliding_attention' are",
                (int)(type.n < 100 ? type.n : 100), type.p);
}

static bool bind_layers(encoder *m, stack *s, weights w, error *e)
{
    const stack_spec *spec = (const stack_spec *)m->spec;
    const stack_config *c = &s->config;
    s->layers = xcalloc((size_t)c->base.layers + 1, sizeof *s->layers);
    for (int i = 0; i < c->base.layers; i++) {
        stack_layer *l = &s->layers[i];
        if (!find_reach(&l->reach, c, i, e))
            return false;
        l->ffn.act = encoder_activation(c->base.act);
        l->attention.heads = c->base.heads;
        l->attention.kv_heads = c->kv_heads;
        l->attention.local = l->reach == REACH_NEAR;
        l->attention.window = c->window / 2;
        l->attention.turn_values = c->turn_values;
        spec->bind_layer(l, w, i, c);
    }
    return true;
}

static bool init(encoder *m, const encoder_config *base, weights w, error *e)
{
    const stack_spec *spec = (const stack_spec *)m->spec;
    stack *s = m->state = xcalloc(1, sizeof *s);
    s->config = *(const stack_config *)base;
    if (!spec->bind(m, s, (const stack_config *)base, w, e) || !check(s, spec, e))
        return false;
    return bind_layers(m, s, w, e);
}

static void release(encoder *m)
{
    stack *s = m->state;
    const stack_mixing *mixing = ((const stack_spec *)m->spec)->mixing;
    if (!s)
        return;
    for (int i = 0; mixing && s->layers && i < s->config.base.layers; i++)
        mixing->release(s->layers[i].mixer);
    free(s->layers);
    fourier_release(&s->fourier);
    free(s);
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static size_t mixing_work(const encoder *m, const stack_layer *l, int n_tokens)
{
    const stack *s = m->state;
    const stack_mixing *mixing = ((const stack_spec *)m->spec)->mixing;
    return mixing             ? mixing->work(l->mixer, n_tokens)
           : s->fourier.width ? fourier_work(&s->fourier, n_tokens)
                              : self_attention_work(&l->attention, n_tokens);
}

/* Angles, the plan, what attention and feed-forward add, their normed input, and what they need. */
static size_t work_floats(const encoder *m, int n_tokens)
{
    const stack *s = m->state;
    const encoder_config *c = &m->config;
    size_t n = (size_t)n_tokens, part = n * (size_t)c->hidden;
    size_t rest = larger(n * (size_t)c->embedding, node_paths_work(&m->paths, n_tokens));
    for (int i = 0; i < c->layers; i++) {
        rest = larger(rest, larger(mixing_work(m, &s->layers[i], n_tokens),
                                   ffn_work(&s->layers[i].ffn, n_tokens)));
        rest = larger(rest, ffn_work(&s->layers[i].adapter, n_tokens));
    }
    return N_REACHES * n * (size_t)stack_head_dim(&s->config) +
           block_sparse_work(&s->config.sparse, n_tokens) + 2 * part + rest;
}

static double theta_of(const stack *s, const stack_spec *spec, int reach)
{
    double stated = s->config.rope[reach].theta;
    return stated > 0                   ? stated
           : s->config.theta[reach] > 0 ? s->config.theta[reach]
                                        : spec->theta[reach];
}

/* The angles of all positions of a step, behind which the working memory goes on. */
static float *fill_rotaries(const encoder *m, const ragged *r, float *work, rotary *out)
{
    const stack *s = m->state;
    const stack_spec *spec = (const stack_spec *)m->spec;
    int dim = stack_head_dim(&s->config), longest = 0;
    for (int i = 0; i < r->n_seq; i++)
        longest = r->start[i + 1] - r->start[i] > longest ? r->start[i + 1] - r->start[i] : longest;
    for (int i = 0; i < N_REACHES; i++) {
        out[i] = (rotary){.dim = dim, .neighbours = spec->neighbours};
        if (s->config.absolute || !(spec->theta[i] > 0))
            continue;
        out[i].table = s->rotary;
        if (s->rotary)
            continue;
        rotary_fill(work, longest, dim, theta_of(s, spec, i));
        out[i].table = work;
        work += (size_t)longest * (size_t)dim;
    }
    return work;
}

static void embed(const encoder *m, team *t, const token_batch *b, const ragged *r, int at,
                  float *out, encoder_work *w)
{
    const stack *s = m->state;
    const stack_spec *spec = (const stack_spec *)m->spec;
    int n = ragged_rows(r);
    float *summed = m->project.in ? w->floats : out;
    if (spec->embed)
        spec->embed(m, &s->config, t, b, r, at, summed, w);
    else
        encoder_embed(m, t, b, r, at, summed, w);
    if (m->embedding_norm.width)
        norm_run(&m->embedding_norm, t, summed, NULL, summed, n);
    if (m->project.in)
        linear_run(&m->project, t, summed, ACT_NONE, out, n);
}

/* x for a block: normed into `room` if it has a norm in front. */
static const float *block_input(const norm *in, team *t, const float *x, float *room, int n)
{
    if (!in->width)
        return x;
    norm_run(in, t, x, NULL, room, n);
    return room;
}

/* x = out(x + added). */
static void add_block(const norm *out, team *t, const float *added, float *x, int n, int width)
{
    if (out->width)
        norm_run(out, t, added, x, x, n);
    else
        add_f32(t, x, added, x, (long)n * width);
}

/* x = ffn_out(adapted(x + ffn(ffn_in(x)))). added, normed: of x's size. */
static void feed_forward(const stack_layer *l, team *t, float *x, float *added, float *normed,
                         float *rest, size_t rest_floats, int n)
{
    int width = l->ffn.down.out;
    const float *input = block_input(&l->ffn_in, t, x, normed, n);
    ffn_run(&l->ffn, t, input, added, n, rest, rest_floats);
    if (l->adapter.up.in) {
        add_f32(t, x, added, x, (long)n * width);
        input = block_input(&l->adapter_in, t, x, normed, n);
        ffn_run(&l->adapter, t, input, added, n, rest, rest_floats);
        if (l->adapter_adds_normed && input != x)
            memcpy(x, input, (size_t)n * (size_t)width * sizeof *x);
    }
    add_block(&l->ffn_out, t, added, x, n, width);
}

static bool run(const encoder *m, team *t, const token_batch *b, const ragged *r, int at,
                float *out, encoder_work *w, error *e)
{
    const stack *s = m->state;
    const stack_mixing *mixing = ((const stack_spec *)m->spec)->mixing;
    int n = ragged_rows(r), width = m->config.hidden;
    size_t part = (size_t)n * (size_t)width;
    score_positions positions = {0};
    rotary rotaries[N_REACHES];
    embed(m, t, b, r, at, out, w);
    float *plan_work = fill_rotaries(m, r, w->floats, rotaries);
    float *added = plan_work + block_sparse_work(&s->config.sparse, n), *normed = added + part;
    float *rest = normed + part;
    attention_plan plan;
    if (s->config.sparse.block) {
        plan = block_sparse_plan(&s->config.sparse, r, plan_work);
        positions.plan = &plan;
    }
    for (int i = 0; i < m->config.layers; i++) {
        const stack_layer *l = &s->layers[i];
        if (encoder_cancelled(b, e))
            return false;
        positions.rotary = rotaries[l->reach];
        const float *x = block_input(&l->attention_in, t, out, normed, n);
        if (mixing)
            mixing->run(l->mixer, t, r, x, added, rest);
        else if (s->fourier.width)
            fourier_run(&s->fourier, t, r, x, added, rest);
        else
            self_attention_run(&l->attention, t, r, &positions, x, added, rest);
        add_block(&l->attention_out, t, added, out, n, width);
        feed_forward(l, t, out, added, normed, rest, w->n_floats - (size_t)(rest - w->floats), n);
    }
    if (s->final.width)
        norm_run(&s->final, t, out, NULL, out, n);
    return true;
}

const encoder_engine stack_engine = {
    .init = init, .release = release, .work_floats = work_floats, .run = run};
