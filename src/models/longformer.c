/* Longformer (Beltagy et al. 2020), model_type "longformer": RoBERTa whose tokens see what is near,
 * and some of which see all. Which ones depends on the head, as the reference chooses them. */
#include "base/memory.h"
#include "models/bert.h"
#include "models/roberta.h"
#include "nn/window_attention.h"

#include <stdlib.h>

typedef struct longformer_config {
    encoder_config base;
    ints windows; /* of all layers, or one a layer: tokens seen, half to each side */
} longformer_config;

static const field config[] = {
    ENCODER_SIZES(768, 12, 12, 3072),
    ENCODER_TABLES(30522, 512),
    ENCODER_TYPES(2),
    ENCODER_ACT("hidden_act", ENCODER_GELU),
    ENCODER_EPS(1e-12),
    ENCODER_PADDING(1),
    ENCODER_SEPARATOR(2),
    FIELD_INTS(longformer_config, windows, "attention_window", 2, 1 << 20, 1000, FIELD_ONE_OR_MANY,
               "near tokens"),
    ENCODER_ONLY,
    FIELD_END,
};

enum { USUAL_WINDOW = 512 };

typedef struct longformer_layer {
    window_attention attention;
    norm attention_norm;
    ffn ffn;
    norm ffn_norm;
} longformer_layer;

typedef struct longformer {
    longformer_layer *layers;
} longformer;

static bool check(const longformer_config *c, error *e)
{
    if (!encoder_check_heads(&c->base, e))
        return false;
    if (!c->windows.single && c->windows.items && c->windows.n != c->base.layers)
        return fail(e, ERR_BAD_MODEL, "'attention_window' has %d items for %d layers", c->windows.n,
                    c->base.layers);
    for (int i = 0; i < c->windows.n; i++)
        if (c->windows.items[i] % 2)
            return fail(e, ERR_BAD_MODEL, "'attention_window' is %d, expected an even number",
                        c->windows.items[i]);
    return true;
}

static void bind_layer(longformer_layer *l, weights w, const encoder_config *c)
{
    weights in = weights_in(w, "attention.self");
    window_attention *a = &l->attention;
    linear_bind(&a->query, weights_in(in, "query"), c->hidden, c->hidden);
    linear_bind(&a->key, weights_in(in, "key"), c->hidden, c->hidden);
    linear_bind(&a->value, weights_in(in, "value"), c->hidden, c->hidden);
    linear_bind(&a->global_query, weights_in(in, "query_global"), c->hidden, c->hidden);
    linear_bind(&a->global_key, weights_in(in, "key_global"), c->hidden, c->hidden);
    linear_bind(&a->global_value, weights_in(in, "value_global"), c->hidden, c->hidden);
    linear_bind(&a->out, weights_in(w, "attention.output.dense"), c->hidden, c->hidden);
    norm_bind(&l->attention_norm, weights_in(w, "attention.output.LayerNorm"), c->hidden, c->eps);
    linear_bind(&l->ffn.up, weights_in(w, "intermediate.dense"), c->ffn, c->hidden);
    linear_bind(&l->ffn.down, weights_in(w, "output.dense"), c->hidden, c->ffn);
    norm_bind(&l->ffn_norm, weights_in(w, "output.LayerNorm"), c->hidden, c->eps);
}

static bool init(encoder *m, const encoder_config *base, weights w, error *e)
{
    const longformer_config *c = (const longformer_config *)base;
    if (!check(c, e))
        return false;
    longformer *s = m->state = xcalloc(1, sizeof *s);
    s->layers = xcalloc((size_t)base->layers + 1, sizeof *s->layers);
    bert_bind(m, w);
    for (int i = 0; i < base->layers; i++) {
        longformer_layer *l = &s->layers[i];
        int window = c->windows.n ? c->windows.items[c->windows.single ? 0 : i] : USUAL_WINDOW;
        l->attention.heads = base->heads;
        l->attention.window = window / 2;
        l->ffn.act = encoder_activation(base->act);
        bind_layer(l, weights_in(w, "encoder.layer.%d", i), base);
    }
    return true;
}

static void release(encoder *m)
{
    longformer *s = m->state;
    if (!s)
        return;
    free(s->layers);
    free(s);
}

/* Global tokens, what attention and feed-forward add, and what they need. */
static size_t work_floats(const encoder *m, int n_tokens)
{
    const longformer *s = m->state;
    size_t n = (size_t)n_tokens, rest = 0;
    if (m->config.layers)
        rest = larger(window_attention_work(&s->layers[0].attention, n_tokens),
                      ffn_work(&s->layers[0].ffn, n_tokens));
    return n * (2 + (size_t)m->config.hidden) + rest;
}

/* The global tokens of a sequence: the first one for labels; the question, up to the first
 * separator, for its answer; what stands behind the first two separators (there is nothing between
 * them) for choices; else none. */
static global_tokens choose_global(const encoder *m, const encoder_work *w, const int *ids,
                                   int begin, int end)
{
    int separator = begin;
    if (!w->for_head)
        return (global_tokens){begin, begin};
    while (separator < end && ids[separator] != m->config.sep_token_id)
        separator++;
    switch (m->head.kind) {
    case HEAD_LABELS:
        return (global_tokens){begin, begin + 1};
    case HEAD_SPANS:
        return (global_tokens){begin, separator < end ? separator : begin};
    case HEAD_CHOICES:
        return (global_tokens){separator + 2 < end ? separator + 2 : end, end};
    default:
        return (global_tokens){begin, begin};
    }
}

static bool run(const encoder *m, team *t, const token_batch *b, const ragged *r, int at,
                float *out, encoder_work *w, error *e)
{
    const longformer *s = m->state;
    int n = ragged_rows(r);
    global_tokens *global = (global_tokens *)(void *)w->floats;
    float *added = w->floats + 2 * (size_t)n, *rest = added + (size_t)n * (size_t)m->config.hidden;
    encoder_embed(m, t, b, r, at, out, w);
    norm_run(&m->embedding_norm, t, out, NULL, out, n);
    for (int i = 0; i < r->n_seq; i++)
        global[i] = choose_global(m, w, b->ids + at, r->start[i], r->start[i + 1]);
    for (int i = 0; i < m->config.layers; i++) {
        const longformer_layer *l = &s->layers[i];
        if (encoder_cancelled(b, e))
            return false;
        window_attention_run(&l->attention, t, r, global, out, added, rest);
        norm_run(&l->attention_norm, t, added, out, out, n);
        ffn_run(&l->ffn, t, out, added, n, rest, w->n_floats - (size_t)(rest - w->floats));
        norm_run(&l->ffn_norm, t, added, out, out, n);
    }
    return true;
}

static const char *const ignored[] = {
    "pooler.*", "embeddings.position_ids", "lm_head.*", "classifier.*", "qa_outputs.*", NULL};

static const encoder_engine engine = {
    .init = init, .release = release, .work_floats = work_floats, .run = run};

const architecture architecture_longformer = {
    .model_type = "longformer",
    .config = config,
    .config_bytes = sizeof(longformer_config),
    .encoder = &(const encoder_spec){.engine = &engine,
                                     .prefix = "longformer.",
                                     .positions = POSITIONS_AFTER_PADDING,
                                     .ignored = ignored,
                                     .heads = roberta_heads},
};
