/* The main path is run(): embeddings, projection, norm, layers. Position keys and queries are made
 * on the first run, which has the threads for it. */
#include "models/disentangled.h"
#include "base/memory.h"
#include "models/bert.h"

#include <stdlib.h>
#include <string.h>

typedef struct disentangled {
    disentangled_config config;
    relative_positions positions;
    const float *table; /* [2 * span][hidden], or NULL: no relative attention */
    norm table_norm;    /* width 0: none */
    disentangled_layer *layers;
    conv conv; /* width 0: none */
    norm conv_norm;
    bool prepared;
} disentangled;

/* Adds the parts that a text names, "c2p|p2c". */
static bool read_parts(str text, unsigned *parts, error *e)
{
    while (text.n) {
        const char *bar = memchr(text.p, '|', text.n);
        str name = {text.p, bar ? (size_t)(bar - text.p) : text.n};
        unsigned part = str_is(name, "c2p")   ? CONTENT_TO_POSITION
                        : str_is(name, "p2c") ? POSITION_TO_CONTENT
                                              : 0;
        if (!part || *parts & part)
            return fail(e, ERR_INVALID,
                        "pos_att_type '%.*s' is not supported, only 'c2p' and 'p2c' are, each once",
                        (int)(name.n < 100 ? name.n : 100), name.p);
        *parts |= part;
        text = str_skip(text, name.n + (bar != NULL));
    }
    return true;
}

static bool check(const disentangled_config *c, unsigned *parts, error *e)
{
    *parts = 0;
    for (int i = 0; i < c->parts.n; i++)
        if (!read_parts(c->parts.items[i], parts, e))
            return false;
    if (!encoder_check_heads(&c->base, e))
        return false;
    if (c->talking_heads)
        return fail(e, ERR_INVALID, "'talking_head' is true, which is not supported");
    if (c->head_dim && c->head_dim != c->base.hidden / c->base.heads)
        return fail(e, ERR_INVALID, "'attention_head_size' is %d, expected %d", c->head_dim,
                    c->base.hidden / c->base.heads);
    if (c->table_norm.p && !str_is(c->table_norm, "none") && !str_is(c->table_norm, "layer_norm"))
        return fail(e, ERR_INVALID,
                    "norm_rel_ebd '%.*s' is not supported, only 'none' and 'layer_norm' are",
                    (int)(c->table_norm.n < 100 ? c->table_norm.n : 100), c->table_norm.p);
    if (c->conv_width && (c->conv_width % 2 == 0 || c->base.hidden % c->conv_groups))
        return fail(e, ERR_INVALID,
                    "a convolution of %d tokens in %d groups is not supported, only odd widths and "
                    "groups that divide the hidden size are",
                    c->conv_width, c->conv_groups);
    /* The boundaries of the buckets are logarithms of farthest - 1 over half of them. */
    int farthest = c->farthest > 0 ? c->farthest : c->base.positions;
    if (c->relative && c->buckets > 0 && (c->buckets < 4 || farthest - 1 <= c->buckets / 2))
        return fail(e, ERR_INVALID, "%d position_buckets for %d positions are not supported",
                    c->buckets, farthest);
    return true;
}

static void bind_embeddings(encoder *m, const disentangled_config *c, weights w)
{
    weights in = weights_in(w, "embeddings");
    int width = m->config.embedding, hidden = c->base.hidden;
    embedding_bind(&m->words, weights_in(in, "word_embeddings"), c->base.vocab, width);
    if (c->biased_input)
        embedding_bind(&m->positions, weights_in(in, "position_embeddings"), c->base.positions,
                       width);
    if (c->base.types)
        embedding_bind(&m->types, weights_in(in, "token_type_embeddings"), c->base.types, width);
    if (width != hidden)
        linear_bind_unbiased(&m->project, weights_in(in, "embed_proj"), hidden, width);
    norm_bind(&m->embedding_norm, weights_in(in, "LayerNorm"), hidden, c->base.eps);
}

static void bind_layer(disentangled_layer *l, const encoder *m, const disentangled_config *c,
                       weights w, unsigned parts)
{
    const disentangled_spec *spec = (const disentangled_spec *)m->spec;
    int hidden = c->base.hidden;
    disentangled_attention *a = &l->attention;
    a->heads = c->base.heads;
    a->score_parts =
        1 + (parts & CONTENT_TO_POSITION ? 1 : 0) + (parts & POSITION_TO_CONTENT ? 1 : 0);
    spec->bind_attention(a, weights_in(w, "attention.self"), c, c->relative ? parts : 0);
    linear_bind(&a->out, weights_in(w, "attention.output.dense"), hidden, hidden);
    norm_bind(&l->attention_norm, weights_in(w, "attention.output.LayerNorm"), hidden, c->base.eps);
    linear_bind(&l->ffn.up, weights_in(w, "intermediate.dense"), c->base.ffn, hidden);
    linear_bind(&l->ffn.down, weights_in(w, "output.dense"), hidden, c->base.ffn);
    norm_bind(&l->ffn_norm, weights_in(w, "output.LayerNorm"), hidden, c->base.eps);
    l->ffn.act = encoder_activation(c->base.act);
}

static void bind_table(disentangled *d, weights w)
{
    const disentangled_config *c = &d->config;
    int hidden = c->base.hidden, farthest = c->farthest > 0 ? c->farthest : c->base.positions;
    d->positions = (relative_positions){.span = c->buckets > 0 ? c->buckets : farthest,
                                        .buckets = c->buckets > 0 ? c->buckets : 0,
                                        .farthest = farthest};
    if (c->relative)
        d->table = weights_matrix(weights_in(w, "encoder.rel_embeddings"), "weight",
                                  2 * d->positions.span, hidden);
    if (c->table_norm.p && str_is(c->table_norm, "layer_norm"))
        norm_bind(&d->table_norm, weights_in(w, "encoder.LayerNorm"), hidden, c->base.eps);
}

static bool init(encoder *m, const encoder_config *base, weights w, error *e)
{
    const disentangled_config *c = (const disentangled_config *)base;
    unsigned parts;
    if (!check(c, &parts, e))
        return false;
    disentangled *d = m->state = xcalloc(1, sizeof *d);
    d->config = *c;
    d->layers = xcalloc((size_t)base->layers + 1, sizeof *d->layers);
    bind_embeddings(m, c, w);
    bind_table(d, w);
    for (int i = 0; i < base->layers; i++)
        bind_layer(&d->layers[i], m, c, weights_in(w, "encoder.layer.%d", i), parts);
    if (c->conv_width) {
        conv_bind(&d->conv, weights_in(w, "encoder.conv.conv"), base->hidden, base->hidden,
                  c->conv_width, c->conv_groups);
        norm_bind(&d->conv_norm, weights_in(w, "encoder.conv.LayerNorm"), base->hidden, base->eps);
    }
    return true;
}

static void release(encoder *m)
{
    disentangled *d = m->state;
    if (!d)
        return;
    for (int i = 0; i < d->config.base.layers; i++)
        disentangled_attention_release(&d->layers[i].attention);
    free(d->layers);
    free(d);
}

static size_t work_floats(const encoder *m, int n_tokens)
{
    const disentangled *d = m->state;
    const encoder_config *c = &m->config;
    size_t part = (size_t)n_tokens * (size_t)c->hidden, rest = 0;
    if (c->layers)
        rest = larger(disentangled_attention_work(&d->layers[0].attention, n_tokens),
                      ffn_work(&d->layers[0].ffn, n_tokens));
    if (d->conv.shape.out)
        rest = larger(rest, conv_work(&d->conv, n_tokens));
    rest = larger(rest, (size_t)n_tokens * (size_t)c->embedding);
    return part + (d->conv.shape.out ? part : 0) + rest;
}

static bool prepare(const encoder *m, team *t, int longest, error *e)
{
    (void)longest;
    disentangled *d = m->state;
    size_t n = 2 * (size_t)d->positions.span * (size_t)d->config.base.hidden;
    float *normed = NULL;
    const float *table = d->table;
    bool good = true;
    if (d->prepared || !table)
        return true;
    if (d->table_norm.width) {
        normed = calloc(n, sizeof *normed);
        if (!normed)
            return fail(e, ERR_IO, "no memory for %d relative positions", 2 * d->positions.span);
        norm_run(&d->table_norm, t, table, NULL, normed, 2 * d->positions.span);
        table = normed;
    }
    for (int i = 0; i < d->config.base.layers && good; i++)
        good = disentangled_attention_prepare(&d->layers[i].attention, t, table, &d->positions, e);
    free(normed);
    d->prepared = good;
    return good;
}

static void embed(const encoder *m, team *t, const token_batch *b, const ragged *r, int at,
                  float *out, encoder_work *w)
{
    int n = ragged_rows(r);
    float *summed = m->project.in ? w->floats : out;
    encoder_embed(m, t, b, r, at, summed, w);
    if (m->project.in)
        linear_run(&m->project, t, summed, ACT_NONE, out, n);
    norm_run(&m->embedding_norm, t, out, NULL, out, n);
}

static bool run(const encoder *m, team *t, const token_batch *b, const ragged *r, int at,
                float *out, encoder_work *w, error *e)
{
    disentangled *d = m->state;
    int n = ragged_rows(r);
    size_t part = (size_t)n * (size_t)m->config.hidden;
    float *added = w->floats, *input = added + part,
          *rest = d->conv.shape.out ? input + part : input;
    size_t rest_floats = w->n_floats - (size_t)(rest - w->floats);
    embed(m, t, b, r, at, out, w);
    if (d->conv.shape.out)
        memcpy(input, out, part * sizeof *out);
    for (int i = 0; i < m->config.layers; i++) {
        const disentangled_layer *l = &d->layers[i];
        if (encoder_cancelled(b, e))
            return false;
        disentangled_attention_run(&l->attention, t, r, &d->positions, out, added, rest);
        norm_run(&l->attention_norm, t, added, out, out, n);
        ffn_run(&l->ffn, t, out, added, n, rest, rest_floats);
        norm_run(&l->ffn_norm, t, added, out, out, n);
        if (i == 0 && d->conv.shape.out) {
            conv_run(&d->conv, t, r, input, encoder_activation(d->config.conv_act), added, rest);
            norm_run(&d->conv_norm, t, out, added, out, n);
        }
    }
    return true;
}

#define POOLED                                                                                     \
    {                                                                                              \
        .dense = "pooler.dense", .act = HEAD_OWN_ACT, .out = "classifier"                          \
    }

static const head_spec legacy_heads[MODEL_HEADS] = {
    [HEAD_MASKED_LM] = BERT_MASKED_LM,
    [HEAD_LABELS] = POOLED,
    [HEAD_CHOICES] = POOLED,
    HEADS_OF_TOKENS,
};

static const head_spec heads[MODEL_HEADS] = {
    [HEAD_MASKED_LM] = {.dense = "lm_predictions.lm_head.dense",
                        .act = HEAD_HIDDEN_ACT,
                        .norm = "lm_predictions.lm_head.LayerNorm",
                        .out = "lm_predictions.lm_head.decoder",
                        .bias = "lm_predictions.lm_head",
                        .always_tied = true},
    [HEAD_LABELS] = POOLED,
    [HEAD_CHOICES] = POOLED,
    HEADS_OF_TOKENS,
};

const head_spec *disentangled_heads(const encoder_config *c)
{
    return ((const disentangled_config *)c)->legacy ? legacy_heads : heads;
}

const encoder_engine disentangled_engine = {
    .init = init, .release = release, .prepare = prepare, .work_floats = work_floats, .run = run};
