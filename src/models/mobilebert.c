/* MobileBERT (Sun et al. 2020), model_type "mobilebert": layers that compute in a narrow width
 * between two products, with several feed-forward blocks each, and tables that are read three
 * tokens at a time. */
#include "base/memory.h"
#include "models/architecture.h"
#include "models/bert.h"

#include <stdlib.h>
#include <string.h>

typedef struct mobile_config {
    encoder_config base;
    int narrow; /* intra_bottleneck_size */
    int bottleneck, narrow_values, shared_input;
    int trigrams;
    int ffns;
    int norm_kind;
    int pooler; /* classifier_activation: heads for sequences see the pooler's output */
} mobile_config;

static const char *const norm_kinds[] = {"no_norm", "layer_norm", NULL};
enum { RELU = 10, NO_NORM = 0 };
static const double TORCH_EPS = 1e-5; /* of norms that the reference gives none */

static const field config[] = {
    ENCODER_SIZES(512, 24, 4, 512),
    FIELD_INT(encoder_config, embedding, "embedding_size", 128, 1, 1 << 16, "table width"),
    ENCODER_TABLES(30522, 512),
    ENCODER_TYPES(2),
    ENCODER_ACT("hidden_act", RELU),
    ENCODER_EPS(1e-12),
    FIELD_INT(mobile_config, narrow, "intra_bottleneck_size", 128, 1, 1 << 16, "narrow width"),
    FIELD_BOOL(mobile_config, bottleneck, "use_bottleneck", 1, "layers are narrow"),
    FIELD_BOOL(mobile_config, narrow_values, "use_bottleneck_attention", 0, "values are too"),
    FIELD_BOOL(mobile_config, shared_input, "key_query_shared_bottleneck", 1, "input of scores"),
    FIELD_BOOL(mobile_config, trigrams, "trigram_input", 1, "three tokens at a time"),
    FIELD_INT(mobile_config, ffns, "num_feedforward_networks", 4, 1, 64, "blocks of a layer"),
    FIELD_CHOICE(mobile_config, norm_kind, "normalization_type", NO_NORM, norm_kinds, "norms"),
    FIELD_BOOL(mobile_config, pooler, "classifier_activation", 1, "heads see the pooler"),
    ENCODER_ONLY,
    FIELD_END,
};

/* A product and the norm of its result. */
typedef struct step {
    linear product;
    norm norm;
} step;

typedef struct mobile_layer {
    step input, scores; /* to the narrow width: of all, of queries and keys; in 0: none */
    self_attention attention;
    norm attention_norm;
    ffn *ffns; /* [config.ffns], owned */
    norm *ffn_norms;
    step output; /* back; in 0: none */
} mobile_layer;

typedef struct mobile {
    mobile_config config;
    int width; /* of a layer */
    linear words;
    norm embedding_norm;
    mobile_layer *layers;
} mobile;

static void bind_norm(norm *n, weights w, const mobile_config *c, int width, double eps)
{
    if (c->norm_kind == NO_NORM)
        norm_bind_affine(n, w, width);
    else
        norm_bind(n, w, width, eps);
}

static void bind_step(step *s, weights w, const mobile_config *c, int out, int in)
{
    linear_bind(&s->product, weights_in(w, "dense"), out, in);
    bind_norm(&s->norm, weights_in(w, "LayerNorm"), c, out, c->base.eps);
}

static void bind_ffn(mobile_layer *l, int i, weights w, const mobile_config *c, int width,
                     double eps)
{
    l->ffns[i].act = encoder_activation(c->base.act);
    linear_bind(&l->ffns[i].up, weights_in(w, "intermediate.dense"), c->base.ffn, width);
    linear_bind(&l->ffns[i].down, weights_in(w, "output.dense"), width, c->base.ffn);
    bind_norm(&l->ffn_norms[i], weights_in(w, "output.LayerNorm"), c, width, eps);
}

static void bind_layer(mobile_layer *l, weights w, const mobile_config *c, int width)
{
    int hidden = c->base.hidden;
    self_attention *a = &l->attention;
    bool wide_values = c->bottleneck && !c->narrow_values;
    l->ffns = xcalloc((size_t)c->ffns, sizeof *l->ffns);
    l->ffn_norms = xcalloc((size_t)c->ffns, sizeof *l->ffn_norms);
    a->heads = c->base.heads;
    linear_bind(&a->query, weights_in(w, "attention.self.query"), width, width);
    linear_bind(&a->key, weights_in(w, "attention.self.key"), width, width);
    linear_bind(&a->value, weights_in(w, "attention.self.value"), width,
                wide_values ? hidden : width);
    linear_bind(&a->out, weights_in(w, "attention.output.dense"), width, width);
    bind_norm(&l->attention_norm, weights_in(w, "attention.output.LayerNorm"), c, width,
              c->base.eps);
    for (int i = 0; i < c->ffns - 1; i++)
        bind_ffn(l, i, weights_in(w, "ffn.%d", i), c, width, c->base.eps);
    bind_ffn(l, c->ffns - 1, w, c, width, TORCH_EPS);
    if (!c->bottleneck)
        return;
    bind_step(&l->input, weights_in(w, "bottleneck.input"), c, width, hidden);
    if (c->shared_input)
        bind_step(&l->scores, weights_in(w, "bottleneck.attention"), c, width, hidden);
    bind_step(&l->output, weights_in(w, "output.bottleneck"), c, hidden, width);
}

static bool check(const mobile_config *c, error *e)
{
    encoder_config narrow = c->base;
    if (c->bottleneck)
        narrow.hidden = c->narrow;
    if (c->bottleneck && !c->narrow_values && !c->shared_input)
        return fail(e, ERR_INVALID,
                    "'use_bottleneck' without 'use_bottleneck_attention' and "
                    "'key_query_shared_bottleneck' is not supported");
    return encoder_check_heads(&narrow, e);
}

static bool init(encoder *m, const encoder_config *base, weights w, error *e)
{
    const mobile_config *c = (const mobile_config *)base;
    int table = c->base.embedding, hidden = c->base.hidden;
    weights in = weights_in(w, "embeddings");
    if (!check(c, e))
        return false;
    if (!c->pooler && m->head.spec.base_dense) {
        m->head.spec.dense = NULL;
        m->head.spec.act = ACT_NONE;
    }
    mobile *s = m->state = xcalloc(1, sizeof *s);
    s->config = *c;
    s->width = c->bottleneck ? c->narrow : hidden;
    embedding_bind(&m->words, weights_in(in, "word_embeddings"), c->base.vocab, table);
    embedding_bind(&m->positions, weights_in(in, "position_embeddings"), c->base.positions, hidden);
    if (c->base.types)
        embedding_bind(&m->types, weights_in(in, "token_type_embeddings"), c->base.types, hidden);
    linear_bind(&s->words, weights_in(in, "embedding_transformation"), hidden,
                c->trigrams ? 3 * table : table);
    bind_norm(&s->embedding_norm, weights_in(in, "LayerNorm"), c, hidden, TORCH_EPS);
    s->layers = xcalloc((size_t)c->base.layers + 1, sizeof *s->layers);
    for (int i = 0; i < c->base.layers; i++)
        bind_layer(&s->layers[i], weights_in(w, "encoder.layer.%d", i), c, s->width);
    return true;
}

static void release(encoder *m)
{
    mobile *s = m->state;
    if (!s)
        return;
    for (int i = 0; s->layers && i < s->config.base.layers; i++) {
        free(s->layers[i].ffns);
        free(s->layers[i].ffn_norms);
    }
    free(s->layers);
    free(s);
}

/* Three vectors of the layer's width, one of the token's, and what blocks need. */
static size_t work_floats(const encoder *m, int n_tokens)
{
    const mobile *s = m->state;
    size_t n = (size_t)n_tokens, rest = n * (size_t)m->config.embedding * 4;
    if (m->config.layers)
        rest = larger(rest, larger(self_attention_work(&s->layers[0].attention, n_tokens),
                                   ffn_work(&s->layers[0].ffns[0], n_tokens)));
    return n * (3 * (size_t)s->width + (size_t)m->config.hidden) + rest;
}

/* out [n][3 * width]: each token's next, itself, the one before; zeros beyond the ends. */
static void lay_trigrams(const float *x, const ragged *r, int width, float *out)
{
    size_t size = (size_t)width * sizeof *out;
    memset(out, 0, 3 * size * (size_t)ragged_rows(r));
    for (int s = 0; s < r->n_seq; s++)
        for (int i = r->start[s]; i < r->start[s + 1]; i++) {
            float *at = out + 3 * (long)i * width;
            if (i + 1 < r->start[s + 1])
                memcpy(at, x + (long)(i + 1) * width, size);
            memcpy(at + width, x + (long)i * width, size);
            if (i > r->start[s])
                memcpy(at + 2 * width, x + (long)(i - 1) * width, size);
        }
}

static void embed(const encoder *m, team *t, const token_batch *b, const ragged *r, int at,
                  float *out, encoder_work *w)
{
    const mobile *s = m->state;
    int n = ragged_rows(r), table = m->config.embedding;
    float *added = w->floats, *words = added + (size_t)n * (size_t)m->config.hidden;
    float *trigrams = words + (size_t)n * (size_t)table;
    encoder_number(m, b->ids + at, r, w->positions);
    embedding_sum((const embedding *const[EMBEDDINGS]){&m->words},
                  (const int *const[EMBEDDINGS]){b->ids + at}, t, words, n);
    if (s->config.trigrams)
        lay_trigrams(words, r, table, trigrams);
    if (s->config.trigrams || table != m->config.hidden)
        linear_run(&s->words, t, s->config.trigrams ? trigrams : words, ACT_NONE, out, n);
    else /* the reference has the product, but does not use it */
        memcpy(out, words, (size_t)n * (size_t)table * sizeof *out);
    embedding_sum(
        (const embedding *const[EMBEDDINGS]){&m->positions, &m->types},
        (const int *const[EMBEDDINGS]){w->positions, b->type_ids ? b->type_ids + at : NULL}, t,
        added, n);
    norm_run(&s->embedding_norm, t, out, added, out, n);
}

static const float *run_step(const step *s, team *t, const float *x, float *out, int n)
{
    if (!s->product.in)
        return x;
    linear_run(&s->product, t, x, ACT_NONE, out, n);
    norm_run(&s->norm, t, out, NULL, out, n);
    return out;
}

static void run_layer(const mobile *s, const mobile_layer *l, team *t, const ragged *r, float *x,
                      encoder_work *w)
{
    int n = ragged_rows(r);
    size_t part = (size_t)n * (size_t)s->width;
    float *y = w->floats, *narrow = y + part, *added = narrow + part;
    float *back = added + part, *rest = back + (size_t)n * (size_t)s->config.base.hidden;
    const float *input = run_step(&l->input, t, x, narrow, n);
    const float *scored = s->config.narrow_values || !l->scores.product.in
                              ? input
                              : run_step(&l->scores, t, x, back, n);
    self_attention_run_apart(&l->attention, t, r, &(score_positions){0}, scored,
                             s->config.narrow_values ? input : x, added, rest);
    norm_run(&l->attention_norm, t, added, input, y, n);
    for (int i = 0; i < s->config.ffns; i++) {
        ffn_run(&l->ffns[i], t, y, added, n, rest, w->n_floats - (size_t)(rest - w->floats));
        norm_run(&l->ffn_norms[i], t, added, y, y, n);
    }
    if (!l->output.product.in) {
        memcpy(x, y, part * sizeof *x);
        return;
    }
    linear_run(&l->output.product, t, y, ACT_NONE, back, n);
    norm_run(&l->output.norm, t, back, x, x, n);
}

static bool run(const encoder *m, team *t, const token_batch *b, const ragged *r, int at,
                float *out, encoder_work *w, error *e)
{
    const mobile *s = m->state;
    embed(m, t, b, r, at, out, w);
    for (int i = 0; i < m->config.layers; i++) {
        if (encoder_cancelled(b, e))
            return false;
        run_layer(s, &s->layers[i], t, r, out, w);
    }
    return true;
}

static const char *const ignored[] = {
    "pooler.*", "embeddings.position_ids", "cls.*", "classifier.*", "qa_outputs.*", NULL};

static const encoder_engine engine = {
    .init = init, .release = release, .work_floats = work_floats, .run = run};

/* Without classifier_activation the first token goes to the classifier as it is. */
static const head_spec heads[MODEL_HEADS] = {
    [HEAD_MASKED_LM] = {.dense = "cls.predictions.transform.dense",
                        .act = HEAD_HIDDEN_ACT,
                        .norm = "cls.predictions.transform.LayerNorm",
                        .any_width = true,
                        .out = "cls.predictions.decoder",
                        .bias = "cls.predictions",
                        .beside = "cls.predictions.dense"},
    [HEAD_LABELS] = BERT_POOLED("pooler.dense", "classifier"),
    [HEAD_CHOICES] = BERT_POOLED("pooler.dense", "classifier"),
    HEADS_OF_TOKENS,
};

const architecture architecture_mobilebert = {
    .model_type = "mobilebert",
    .config = config,
    .config_bytes = sizeof(mobile_config),
    .encoder = &(const encoder_spec){.engine = &engine,
                                     .prefix = "mobilebert.",
                                     .positions = POSITIONS_FROM_ZERO,
                                     .ignored = ignored,
                                     .heads = heads},
};
