/* The main path is run(): embeddings, norm, projection, layers, final norm. A step makes the sines
 * and cosines of its positions: that is a thousandth of its work, and nothing has to be kept. */
#include "models/stack.h"
#include "base/memory.h"
#include "kernels/rows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const field stack_reach_ropes[] = {
    {.name = "full_attention",
     .type = FIELD_TYPE_OBJECT,
     .offset = REACH_ALL * sizeof(rope_config),
     .rows = rope_config_rows,
     .help = "rotation where all tokens are seen"},
    {.name = "sliding_attention",
     .type = FIELD_TYPE_OBJECT,
     .offset = REACH_NEAR * sizeof(rope_config),
     .rows = rope_config_rows,
     .help = "rotation where near tokens are seen"},
    FIELD_END,
};

int stack_head_dim(const stack_config *c)
{
    return c->head_dim ? c->head_dim : c->base.hidden / c->base.heads;
}

int stack_kv_heads(const stack_config *c)
{
    return c->kv_heads > 0 ? c->kv_heads : c->base.heads;
}

stack *stack_add_source(stack *s)
{
    s->source = xcalloc(1, sizeof *s->source);
    s->source->config = s->config;
    s->source->config.causal = s->source->config.cross = false;
    return s->source;
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

/* The object that describes the rotation of a reach. */
static rope_config stated_rope(const stack_config *c, const stack_spec *spec, int reach)
{
    rope_config stated = c->rope[reach];
    if (rope_config_given(&c->scaling) && !(reach == REACH_NEAR && spec->near_unscaled)) {
        stated = c->scaling;
        if (!(stated.theta > 0))
            stated.theta = c->rope[reach].theta;
    }
    return stated;
}

static bool read_ropes(encoder *m, stack *s, const stack_spec *spec, error *e)
{
    stack_config *c = &s->config;
    for (int i = 0; i < N_REACHES; i++) {
        if (c->absolute || !(spec->theta[i] > 0))
            continue;
        rope_config stated = stated_rope(c, spec, i);
        rope_place p = {.theta = c->theta[i] > 0 ? c->theta[i] : spec->theta[i],
                        .partial = c->partial,
                        .may_split = spec->may_split,
                        .only_ntk = spec->only_ntk,
                        .head_dim = stack_head_dim(c),
                        .positions = c->base.positions,
                        .original = c->original};
        if (!rope_config_read(&stated, &p, &s->ropes[i], e))
            return false;
        s->ropes[i].length = c->length_scale ? c->base.positions : 0;
        s->ropes[i].least = c->length_scale_least;
    }
    /* What it was trained on; longer sequences are what it is for. */
    if (s->ropes[REACH_ALL].kind == ROPE_DYNAMIC)
        m->config.positions = (int)fmin(c->base.positions * s->ropes[REACH_ALL].factor, 1 << 20);
    return true;
}

static bool check(const stack *s, const stack_spec *spec, error *e)
{
    enum { HEAD_DIM = 512 };
    const stack_config *c = &s->config;
    int kv_heads = stack_kv_heads(c);
    if (s->fourier.width || spec->mixing)
        return true;
    if (!c->head_dim && !encoder_check_heads(&c->base, e))
        return false;
    if (c->head_dim > HEAD_DIM)
        return fail(e, ERR_INVALID, "attention heads are %d wide, at most %d are supported",
                    c->head_dim, HEAD_DIM);
    if (c->base.heads % kv_heads)
        return fail(e, ERR_BAD_MODEL, "%d heads cannot share %d keys", c->base.heads, kv_heads);
    if (c->layer_types.n && c->layer_types.n != c->base.layers)
        return fail(e, ERR_BAD_MODEL, "%d layer_types for %d layers", c->layer_types.n,
                    c->base.layers);
    return true;
}

static bool find_reach(enum stack_reach *reach, const stack_spec *spec, const stack_config *c,
                       int layer, error *e)
{
    if (!c->layer_types.n) {
        *reach = spec->reach                            ? spec->reach(c, layer)
                 : c->all_every && layer % c->all_every ? REACH_NEAR
                                                        : REACH_ALL;
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
        if (!find_reach(&l->reach, spec, c, i, e))
            return false;
        if (l->reach == REACH_NEAR && c->window < 1)
            return fail(e, ERR_BAD_MODEL, "layer %d sees near tokens, but there is no window", i);
        l->ffn.act = encoder_activation(c->base.act);
        l->attention.heads = l->cross.heads = c->base.heads;
        l->attention.kv_heads = l->cross.kv_heads = stack_kv_heads(c);
        l->attention.scale = l->cross.scale = (float)c->scale;
        l->attention.cap = c->cap > 0 ? (float)c->cap : 0;
        l->attention.causal = c->causal;
        l->attention.local = l->reach == REACH_NEAR;
        l->attention.window = c->causal ? c->window : c->window / 2;
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
    if (!spec->bind(m, s, (const stack_config *)base, w, e) || !check(s, spec, e) ||
        (s->source && !check(s->source, spec, e)) || !read_ropes(m, s, spec, e))
        return false;
    return bind_layers(m, s, w, e) && (!s->source || bind_layers(m, s->source, w, e));
}

static void free_stack(stack *s)
{
    if (!s)
        return;
    free_stack(s->source);
    for (int i = 0; s->layers && i < s->config.base.layers; i++)
        free(s->layers[i].adapters);
    free(s->layers);
    fourier_release(&s->fourier);
    free(s);
}

static void release(encoder *m)
{
    stack *s = m->state;
    const stack_mixing *mixing = ((const stack_spec *)m->spec)->mixing;
    for (int i = 0; mixing && s && s->layers && i < s->config.base.layers; i++)
        mixing->release(s->layers[i].mixer);
    free_stack(s);
}

static size_t mixing_work(const stack *s, const stack_layer *l, const stack_mixing *mixing,
                          int n_tokens)
{
    size_t cross = l->cross.out.in ? self_attention_work(&l->cross, n_tokens) : 0;
    return mixing             ? mixing->work(l->mixer, n_tokens)
           : s->fourier.width ? fourier_work(&s->fourier, n_tokens)
                              : larger(self_attention_work(&l->attention, n_tokens), cross);
}

static size_t layers_work(const stack *s, const stack_mixing *mixing, int n_tokens)
{
    size_t most = 0;
    for (int i = 0; i < s->config.base.layers; i++) {
        const stack_layer *l = &s->layers[i];
        size_t adapter = l->adapters ? ffn_work(l->adapters, n_tokens) : 0;
        size_t ffns = larger(ffn_work(&l->ffn, n_tokens), adapter);
        most = larger(most, larger(mixing_work(s, l, mixing, n_tokens), ffns));
    }
    return most;
}

static size_t bias_floats(const stack *s, int longest)
{
    bool biased = s->config.base.layers && s->layers[0].bias.table;
    return biased ? 2 * (size_t)longest * (size_t)s->config.base.heads : 0;
}

/* Angles, the plan, biases, the source, rows of another width than the result's, what attention and
 * feed-forward add, their normed input, and what they need. */
static size_t work_floats(const encoder *m, int n_tokens)
{
    const stack *s = m->state;
    size_t n = (size_t)n_tokens, part = n * (size_t)s->config.base.hidden;
    const stack_mixing *mixing = ((const stack_spec *)m->spec)->mixing;
    size_t rest = larger(n * (size_t)m->config.embedding, layers_work(s, mixing, n_tokens));
    rest = larger(rest, node_paths_work(&m->paths, n_tokens));
    size_t bias = bias_floats(s, n_tokens);
    if (s->source) {
        rest = larger(rest, layers_work(s->source, NULL, n_tokens));
        bias = larger(bias, bias_floats(s->source, n_tokens));
    }
    return N_REACHES * n * (size_t)stack_head_dim(&s->config) +
           block_sparse_work(&s->config.sparse, n_tokens) + bias +
           (size_t)(2 + (s->source != NULL) + (s->out.in > 0)) * part + rest;
}

/* One call of run. */
typedef struct step {
    const encoder *m;
    team *team;
    const token_batch *b;
    const ragged *r;
    int at, n, longest;
    encoder_work *w;
    rotary rotaries[N_REACHES];
    attention_plan plan;
    float *bias, *source, *wide, *added, *normed, *rest;
    size_t n_rest;
} step;

static int longest_of(const ragged *r)
{
    int longest = 0;
    for (int i = 0; i < r->n_seq; i++)
        longest = r->start[i + 1] - r->start[i] > longest ? r->start[i + 1] - r->start[i] : longest;
    return longest;
}

/* Sines and cosines of all positions of a step, of all rows where lengths matter. Returns how many
 * floats. */
static size_t fill_rotary(const rope *m, const ragged *r, int longest, float *table, rotary *out)
{
    float steps[ROTARY_DIM / 2];
    out->table = table;
    out->by_row = rope_varies(m);
    if (!out->by_row) {
        float factor = rope_steps(m, longest, steps);
        rotary_fill(table, longest, m->dim, steps, factor);
        return (size_t)longest * (size_t)m->dim;
    }
    for (int i = 0; i < r->n_seq; i++) {
        int n = r->start[i + 1] - r->start[i];
        float factor = rope_steps(m, n, steps);
        rotary_fill(table + (size_t)r->start[i] * (size_t)m->dim, n, m->dim, steps, factor);
    }
    return (size_t)ragged_rows(r) * (size_t)m->dim;
}

/* The angles of a step, behind which the working memory goes on. */
static float *fill_rotaries(step *p, float *work)
{
    const stack *s = p->m->state;
    const stack_spec *spec = (const stack_spec *)p->m->spec;
    for (int i = 0; i < N_REACHES; i++) {
        rotary *out = &p->rotaries[i];
        *out = (rotary){.dim = s->ropes[i].dim, .neighbours = spec->neighbours};
        if (!out->dim)
            continue;
        if (s->rotary)
            out->table = s->rotary;
        else
            work += fill_rotary(&s->ropes[i], p->r, p->longest, work, out);
    }
    if (spec->one_rope)
        p->rotaries[REACH_NEAR] = p->rotaries[REACH_ALL];
    return work;
}

/* Parts of the working memory. */
static void lay_out(step *p)
{
    const stack *s = p->m->state;
    size_t part = (size_t)p->n * (size_t)s->config.base.hidden;
    size_t bias = bias_floats(s, p->longest);
    float *plan = fill_rotaries(p, p->w->floats);
    if (s->config.sparse.block)
        p->plan = block_sparse_plan(&s->config.sparse, p->r, plan);
    p->bias = plan + block_sparse_work(&s->config.sparse, p->n);
    p->source = p->bias + (s->source ? larger(bias, bias_floats(s->source, p->longest)) : bias);
    p->wide = p->source + (s->source ? part : 0);
    p->added = p->wide + (s->out.in ? part : 0);
    p->normed = p->added + part;
    p->rest = p->normed + part;
    p->n_rest = p->w->n_floats - (size_t)(p->rest - p->w->floats);
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

/* What a decoder reads of n ids. */
static void shift(const stack *s, const int *ids, int n, int *out)
{
    int pad = s->config.base.pad_token_id, n_words = 0;
    for (int i = 0; i < n; i++)
        n_words += ids[i] != pad;
    out[0] = s->shift == SHIFT_START ? s->start : ids[n_words > 0 ? n_words - 1 : 0];
    memcpy(out + 1, ids, (size_t)(n - 1) * sizeof *out);
}

static void embed_apart(const step *p, const stack *s, float *out)
{
    const int *ids = p->b->ids + p->at;
    if (s->shift != SHIFT_NONE) {
        for (int i = 0; i < p->r->n_seq; i++)
            shift(s, ids + p->r->start[i], p->r->start[i + 1] - p->r->start[i],
                  p->w->positions + p->r->start[i]);
        ids = p->w->positions;
    }
    float *words = s->words_in.in ? p->rest : out;
    embedding_scaled(s->words.rows ? &s->words : &p->m->words, ids, s->word_scale, p->team, words,
                     p->n);
    if (s->words_in.in)
        linear_run(&s->words_in, p->team, words, ACT_NONE, out, p->n);
    if (s->positions.rows) {
        encoder_number(p->m, p->b->ids + p->at, p->r, p->w->positions);
        embedding_scaled(&s->positions, p->w->positions, 1, p->team, p->added, p->n);
        add_f32(p->team, out, p->added, out, (long)p->n * s->config.base.hidden);
    }
    if (s->embedding_norm.width)
        norm_run(&s->embedding_norm, p->team, out, NULL, out, p->n);
}

/* Of the layers. */
static int width_of(const step *p)
{
    return ((const stack *)p->m->state)->config.base.hidden;
}

/* x for a block: normed into `room` if it has a norm in front. */
static const float *block_input(const norm *in, team *t, const float *x, float *room, int n)
{
    if (!in->width)
        return x;
    norm_run(in, t, x, NULL, room, n);
    return room;
}

/* x = out(x + in_front(added)); in_front may be NULL. */
static void add_block(const norm *in_front, const norm *out, const step *p, float *x)
{
    if (in_front && in_front->width)
        norm_run(in_front, p->team, p->added, NULL, p->added, p->n);
    if (out->width)
        norm_run(out, p->team, p->added, x, x, p->n);
    else
        add_f32(p->team, x, p->added, x, (long)p->n * width_of(p));
}

static distance_bias bias_of(const step *p, const stack_layer *l)
{
    if (!l->bias.table)
        return (distance_bias){0};
    return (distance_bias){p->bias + p->longest - 1, 2L * p->longest - 1};
}

static void run_attention(const step *p, const stack *s, const stack_layer *l, float *x)
{
    const float *input = block_input(&l->attention_in, p->team, x, p->normed, p->n);
    const stack_mixing *mixing = ((const stack_spec *)p->m->spec)->mixing;
    score_positions positions = {.bias = bias_of(p, l),
                                 .rotary = p->rotaries[l->reach],
                                 .plan = s->config.sparse.block ? &p->plan : p->w->cut};
    if (mixing)
        mixing->run(l->mixer, p->team, p->r, input, p->added, p->rest);
    else if (s->fourier.width)
        fourier_run(&s->fourier, p->team, p->r, input, p->added, p->rest);
    else
        self_attention_run(&l->attention, p->team, p->r, &positions, input, p->added, p->rest);
}

static int language_of(const step *p, int sequence)
{
    return encoder_language(p->m, p->w->languages ? p->w->languages[sequence] : -1);
}

/* Sequences of one language that follow each other go through its adapter together. */
static void run_adapters(const step *p, const stack_layer *l, const float *input)
{
    const ragged *r = p->r;
    size_t width = (size_t)width_of(p);
    for (int i = 0, end; i < r->n_seq; i = end) {
        int language = language_of(p, i);
        for (end = i + 1; end < r->n_seq && language_of(p, end) == language;)
            end++;
        size_t at = (size_t)r->start[i] * width;
        ffn_run(&l->adapters[language], p->team, input + at, p->added + at,
                r->start[end] - r->start[i], p->rest, p->n_rest);
    }
}

/* What the feed-forward added goes through the adapter, which adds to it. */
static void adapt(const step *p, const stack_layer *l, float *x)
{
    size_t part = (size_t)p->n * (size_t)width_of(p);
    add_f32(p->team, x, p->added, x, (long)part);
    const float *input = block_input(&l->adapter_in, p->team, x, p->normed, p->n);
    run_adapters(p, l, input);
    if (l->adapter_adds_normed && input != x)
        memcpy(x, input, part * sizeof *x);
}

static void run_layer(const step *p, const stack *s, const stack_layer *l, float *x)
{
    run_attention(p, s, l, x);
    if (s->config.parallel) {
        norm_run(&l->ffn_in, p->team, x, NULL, p->normed, p->n);
        add_block(&l->attention_added, &l->attention_out, p, x);
        ffn_run(&l->ffn, p->team, p->normed, p->added, p->n, p->rest, p->n_rest);
        add_block(&l->ffn_added, &l->ffn_out, p, x);
        return;
    }
    add_block(&l->attention_added, &l->attention_out, p, x);
    if (l->cross.out.in) {
        const float *input = block_input(&l->cross_in, p->team, x, p->normed, p->n);
        cross_attention_run(&l->cross, p->team, p->r, input, p->source, p->added, p->rest);
        add_block(NULL, &l->cross_out, p, x);
    }
    const float *input = block_input(&l->ffn_in, p->team, x, p->normed, p->n);
    ffn_run(&l->ffn, p->team, input, p->added, p->n, p->rest, p->n_rest);
    if (l->adapters)
        adapt(p, l, x);
    add_block(&l->ffn_added, &l->ffn_out, p, x);
}

static bool run_layers(const step *p, const stack *s, float *x, error *e)
{
    const float *spread = NULL; /* the table that p->bias was made of */
    for (int i = 0; i < s->config.base.layers; i++) {
        const stack_layer *l = &s->layers[i];
        if (encoder_cancelled(p->b, e))
            return false;
        if (l->bias.table != spread)
            relative_bias_spread(&l->bias, p->longest, p->bias);
        spread = l->bias.table;
        run_layer(p, s, l, x);
    }
    if (s->final.width)
        norm_run(&s->final, p->team, x, NULL, x, p->n);
    return true;
}

static bool run(const encoder *m, team *t, const token_batch *b, const ragged *r, int at,
                float *out, encoder_work *w, error *e)
{
    const stack *s = m->state;
    step p = {.m = m,
              .team = t,
              .b = b,
              .r = r,
              .at = at,
              .n = ragged_rows(r),
              .longest = longest_of(r),
              .w = w};
    if (!(s->word_scale > 0))
        embed(m, t, b, r, at, out, w);
    lay_out(&p);
    if (s->source) {
        embed_apart(&p, s->source, p.source);
        if (!run_layers(&p, s->source, p.source, e))
            return false;
    }
    float *x = s->out.in ? p.wide : out;
    if (s->word_scale > 0)
        embed_apart(&p, s, x);
    if (!run_layers(&p, s, x, e))
        return false;
    if (s->out.in)
        linear_run(&s->out, t, x, ACT_NONE, out, p.n);
    return true;
}

/* Attention by blocks has a plan of its own, and what takes the place of attention has none. */
static bool cuts(const encoder *m)
{
    const stack *s = m->state;
    return !((const stack_spec *)m->spec)->mixing && !s->fourier.width && !s->source &&
           !s->config.sparse.block;
}

const encoder_engine stack_engine = {
    .init = init, .release = release, .work_floats = work_floats, .run = run, .cuts = cuts};
