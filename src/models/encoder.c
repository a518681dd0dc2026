/* The main path is encoder_run: positions, sum of embeddings, norm, projection, layers.
 *
 * Buffers of a step of n tokens: the caller's out holds x, the input of a layer and its result; one
 * more of that size holds what attention and feed-forward add to it; both take turns in the rest
 * (3 n hidden, or FFN_ROWS rows of the middle). */
#include "models/encoder.h"
#include "base/memory.h"
#include "nn/relative_bias.h"

#include <stdlib.h>

enum {
    HEAD_DIM = 512,        /* of the attention kernel */
    MOST_SHARED = 1000,    /* layers that take turns */
    BUCKET_DISTANCE = 128, /* beyond, all distances share the last bucket */
};

const char *const encoder_position_types[] = {"absolute", NULL};

const char *const encoder_acts[] = {"gelu",
                                    "gelu_python",
                                    "gelu_new",
                                    "gelu_fast",
                                    "gelu_pytorch_tanh",
                                    "gelu_python_tanh",
                                    "gelu_accurate",
                                    "quick_gelu",
                                    "silu",
                                    "swish",
                                    "relu",
                                    "tanh",
                                    "linear",
                                    "gelu_10",
                                    "sigmoid",
                                    "relu2",
                                    "relu6",
                                    "leaky_relu",
                                    "hardswish",
                                    "sqrtsoftplus",
                                    "mish",
                                    "laplace",
                                    NULL};

const char *const encoder_head_poolings[] = {"cls",  "first", "bos",       "mean",
                                             "late", "last",  "cls_index", NULL};

static const int head_poolings[] = {POOL_CLS,         POOL_CLS,  POOL_CLS, POOL_MEAN,
                                    HEAD_POOL_SCORES, POOL_LAST, POOL_LAST};

static const enum activation acts[] = {
    ACT_GELU_ERF,  ACT_GELU_ERF,     ACT_GELU_TANH, ACT_GELU_TANH, ACT_GELU_TANH, ACT_GELU_TANH,
    ACT_GELU_TANH, ACT_QUICK_GELU,   ACT_SILU,      ACT_SILU,      ACT_RELU,      ACT_TANH,
    ACT_NONE,      ACT_GELU_10,      ACT_SIGMOID,   ACT_RELU2,     ACT_RELU6,     ACT_LEAKY_RELU,
    ACT_HARDSWISH, ACT_SQRTSOFTPLUS, ACT_MISH,      ACT_LAPLACE};

enum activation encoder_activation(int i)
{
    return i < 0 ? ACT_NONE : acts[i];
}

bool encoder_check_heads(const encoder_config *c, error *e)
{
    if (c->hidden % c->heads)
        return fail(e, ERR_BAD_MODEL, "a hidden size of %d cannot be cut into %d heads", c->hidden,
                    c->heads);
    if (c->hidden / c->heads > HEAD_DIM)
        return fail(e, ERR_INVALID, "attention heads are %d wide, at most %d are supported",
                    c->hidden / c->heads, HEAD_DIM);
    return true;
}

static bool check(const encoder_config *c, const encoder_spec *spec, error *e)
{
    if (c->is_decoder || c->cross_attention)
        return fail(e, ERR_INVALID, "'%s' is true, expected an encoder",
                    c->is_decoder ? "is_decoder" : "add_cross_attention");
    if (!spec->engine && !encoder_check_heads(c, e))
        return false;
    if (spec->shared_layers && (long)c->groups * c->group_layers > MOST_SHARED)
        return fail(e, ERR_INVALID, "%d groups of %d layers, at most %d layers are supported",
                    c->groups, c->group_layers, MOST_SHARED);
    if (spec->positions == POSITIONS_AFTER_PADDING && c->pad_token_id >= c->positions - 1)
        return fail(e, ERR_BAD_MODEL, "%d positions leave none behind padding id %d", c->positions,
                    c->pad_token_id);
    return true;
}

/* Spreads the buckets over all distances, a row a head. */
static bool spread_buckets(encoder *m, error *e)
{
    int n = 2 * m->config.positions - 1;
    relative_bias bias = {.table = m->bucket_bias,
                          .buckets = m->config.buckets,
                          .heads = m->config.heads,
                          .farthest = BUCKET_DISTANCE};
    m->distance_bias = calloc((size_t)n * (size_t)m->config.heads, sizeof(float));
    if (!m->distance_bias)
        return fail(e, ERR_IO, "no memory for %d relative positions", n);
    relative_bias_spread(&bias, m->config.positions, m->distance_bias);
    return true;
}

/* The BERT family's. */
static void bind_layers(encoder *m, weights w)
{
    const encoder_spec *spec = m->spec;
    const encoder_config *c = &m->config;
    spec->bind(m, w);
    int n_own = spec->shared_layers && c->layers ? c->groups * c->group_layers : c->layers;
    m->layers = xcalloc((size_t)n_own + 1, sizeof *m->layers);
    for (int i = 0; i < n_own; i++) {
        encoder_layer *l = &m->layers[i];
        l->attention.heads = c->heads;
        l->ffn.act = acts[c->act];
        spec->bind_layer(l, w, i, c);
    }
}

static const char *words_of(const encoder *m)
{
    return m->spec->words ? m->spec->words : "embeddings.word_embeddings";
}

static bool bind_head(encoder *m, weights root, weights base, int n_labels, error *e)
{
    const encoder_config *c = &m->config;
    return head_bind(&m->head,
                     &(head_place){.root = root,
                                   .base = base,
                                   .words = words_of(m),
                                   .tied = c->tied,
                                   .hidden = c->hidden,
                                   .embedding = c->embedding,
                                   .ffn = c->ffn,
                                   .vocab = c->vocab,
                                   .n_labels = n_labels,
                                   .pad_token_id = c->pad_token_id,
                                   .eos_token_id = c->eos_token_id,
                                   .eps = c->eps,
                                   .act = acts[c->act],
                                   .own_act = encoder_activation(c->head_act),
                                   .own_pooling = head_poolings[c->head_pooling]},
                     e);
}

/* The table of tokens may be in the file as the weights of the scores of the vocabulary only. */
static void find_table(const encoder *m, const head_spec *heads, weights root, weights base)
{
    const char *scores = heads && m->config.tied ? heads[HEAD_MASKED_LM].out : NULL;
    if (scores)
        weights_stand_in(weights_in(base, "%s", words_of(m)), "weight",
                         weights_in(root, "%s", scores), "weight");
}

bool encoder_init(encoder *m, const encoder_spec *spec, const encoder_config *c,
                  enum model_head kind, int n_labels, weight_set *set, error *e)
{
    encoder_config own = *c;
    if (spec->padding)
        own.pad_token_id = spec->padding;
    if (!check(&own, spec, e))
        return false;
    *m = (encoder){.spec = spec, .config = own};
    if (!m->config.embedding)
        m->config.embedding = c->hidden;
    weights root = weights_root(set, NULL), base = weights_root(set, spec->prefix);
    if (!*base.prefix && spec->other_prefix)
        base = weights_root(set, spec->other_prefix);
    const head_spec *heads = spec->heads_for ? spec->heads_for(c) : spec->heads;
    m->head = head_choose(heads, kind, c->tied, root);
    find_table(m, heads, root, base);
    if (!spec->engine)
        bind_layers(m, base);
    if ((!spec->engine || spec->engine->init(m, c, base, e)) &&
        bind_head(m, root, base, n_labels, e) && weights_done(set, spec->ignored, e) &&
        (!m->bucket_bias || spread_buckets(m, e)))
        return true;
    encoder_release(m);
    return false;
}

void encoder_release(encoder *m)
{
    if (!m)
        return;
    if (m->spec && m->spec->engine)
        m->spec->engine->release(m);
    node_paths_release(&m->paths);
    free(m->layers);
    free(m->distance_bias);
    *m = (encoder){0};
}

int encoder_max_tokens(const encoder *m)
{
    return m->spec->positions == POSITIONS_AFTER_PADDING
               ? m->config.positions - 1 - m->config.pad_token_id
               : m->config.positions;
}

/* Working memory. */

static size_t work_floats(const encoder *m, int n_tokens)
{
    if (m->spec->engine)
        return m->spec->engine->work_floats(m, n_tokens);
    size_t part = (size_t)n_tokens * (size_t)m->config.hidden;
    size_t rest =
        larger(larger(3 * part, (size_t)n_tokens * (size_t)m->config.embedding),
               (size_t)(n_tokens < FFN_ROWS ? n_tokens : FFN_ROWS) * (size_t)m->config.ffn);
    return part + rest;
}

size_t encoder_work_bytes(const encoder *m, int n_tokens)
{
    size_t n = (size_t)n_tokens;
    return work_floats(m, n_tokens) * sizeof(float) + (3 * n + 2) * sizeof(int) +
           n * sizeof(attention_span);
}

bool encoder_work_init(encoder_work *w, const encoder *m, int n_tokens, arena *a, error *e)
{
    encoder_work made = {.n_floats = work_floats(m, n_tokens), .n_tokens = n_tokens};
    made.floats = arena_raw(a, made.n_floats, sizeof(float));
    made.positions = arena_raw(a, (size_t)n_tokens, sizeof(int));
    made.start = arena_raw(a, (size_t)n_tokens + 1, sizeof(int));
    made.spans = arena_raw(a, (size_t)n_tokens, sizeof *made.spans);
    made.first_span = arena_raw(a, (size_t)n_tokens + 1, sizeof(int));
    if (!made.floats || !made.positions || !made.start || !made.spans || !made.first_span)
        return fail(e, ERR_NO_SPACE, "no room for the %zu bytes that %d tokens need",
                    encoder_work_bytes(m, n_tokens), n_tokens);
    *w = made;
    return true;
}

/* The forward pass. */

static bool check_ids(const encoder *m, const token_batch *b, int first, int end, error *e)
{
    int most = encoder_max_tokens(m);
    for (int s = first; s < end; s++) {
        int n = b->start[s + 1] - b->start[s];
        if (n < 1 || n > most)
            return fail(e, ERR_INVALID, "sequence %d has %d tokens, expected 1 to %d", s, n, most);
    }
    for (int i = b->start[first]; i < b->start[end]; i++) {
        if (b->ids[i] < 0 || b->ids[i] >= m->config.vocab)
            return fail(e, ERR_INVALID, "token id %d is not in the vocabulary of %d", b->ids[i],
                        m->config.vocab);
        if (b->type_ids && m->types.rows && (b->type_ids[i] < 0 || b->type_ids[i] >= m->types.rows))
            return fail(e, ERR_INVALID, "token type %d, expected 0 to %d", b->type_ids[i],
                        m->types.rows - 1);
    }
    return true;
}

bool encoder_cuts(const encoder *m)
{
    const encoder_engine *engine = m->spec->engine;
    return !engine || (engine->cuts && engine->cuts(m));
}

/* One span a sequence: its leading tokens. */
static void plan_cut(const token_batch *b, int first, const ragged *r, encoder_work *w)
{
    bool any = false;
    w->first_span[0] = 0;
    for (int s = 0; s < r->n_seq; s++) {
        int begin = r->start[s], n = r->start[s + 1] - begin;
        int seen = b->seen ? b->seen[first + s] : n;
        any |= seen < n;
        w->spans[s] = (attention_span){.begin = begin, .end = begin + (seen < n ? seen : n)};
        w->first_span[s + 1] = s + 1;
    }
    w->plan = (attention_plan){
        .start = r->start, .n_seq = r->n_seq, .spans = w->spans, .first_span = w->first_span};
    w->cut = any ? &w->plan : NULL;
}

/* Of tokens in pages, documents and tables. */
static bool check_places(const encoder *m, const token_batch *b, int first, int end, error *e)
{
    int at = b->start[first], n = b->start[end] - at;
    if (b->boxes && !m->layout.places)
        return fail(e, ERR_INVALID, "this model reads no boxes");
    if (b->paths && !m->paths.depth)
        return fail(e, ERR_INVALID, "this model reads no paths");
    if (b->table_types && !m->table_types.tables[0].rows)
        return fail(e, ERR_INVALID, "this model reads no tables");
    return (!b->table_types ||
            table_types_check(&m->table_types, b->table_types + (size_t)at * TABLE_TYPES, n, e)) &&
           (!b->boxes || layout_check(&m->layout, b->boxes + at, n, e)) &&
           (!b->paths ||
            node_paths_check(&m->paths, b->paths + (size_t)at * 2 * (size_t)m->paths.depth, n, e));
}

static bool check_languages(const encoder *m, const token_batch *b, int first, int end, error *e)
{
    if (b->languages && !m->languages.n)
        return fail(e, ERR_INVALID, "this model reads texts of all languages alike");
    for (int s = first; s < end && m->languages.n; s++) {
        int language = encoder_language(m, b->languages ? b->languages[s] : -1);
        if (language < 0 || language >= m->languages.n)
            return fail(e, ERR_INVALID, "sequence %d has the language %d, expected 0 to %d", s,
                        language, m->languages.n - 1);
    }
    return true;
}

void encoder_number(const encoder *m, const int *ids, const ragged *r, int *positions)
{
    bool after = m->spec->positions == POSITIONS_AFTER_PADDING;
    int pad = m->config.pad_token_id;
    for (int s = 0; s < r->n_seq; s++) {
        int next = after ? pad + 1 : 0;
        for (int i = r->start[s]; i < r->start[s + 1]; i++)
            positions[i] = after && ids[i] == pad ? pad : next++;
    }
}

void encoder_embed(const encoder *m, team *t, const token_batch *b, const ragged *r, int at,
                   float *out, encoder_work *w)
{
    encoder_number(m, b->ids + at, r, w->positions);
    const embedding *const tables[EMBEDDINGS] = {&m->words, &m->types, &m->positions, &m->constant};
    const int *const ids[EMBEDDINGS] = {b->ids + at, b->type_ids ? b->type_ids + at : NULL,
                                        w->positions};
    embedding_sum(tables, ids, t, out, ragged_rows(r));
}

bool encoder_cancelled(const token_batch *b, error *e)
{
    return b->cancelled && b->cancelled(b->cancelled_arg) &&
           !fail(e, ERR_CANCELLED, "nobody waits for the result");
}

static void embed(const encoder *m, team *t, const token_batch *b, const ragged *r, int at,
                  float *out, encoder_work *w)
{
    int n = ragged_rows(r);
    float *summed = m->project.in ? w->floats : out;
    encoder_embed(m, t, b, r, at, summed, w);
    norm_run(&m->embedding_norm, t, summed, NULL, summed, n);
    if (m->project.in)
        linear_run(&m->project, t, summed, ACT_NONE, out, n);
}

static void run_layer(const encoder *m, const encoder_layer *l, team *t, const ragged *r, float *x,
                      encoder_work *w)
{
    int n = ragged_rows(r);
    size_t part = (size_t)n * (size_t)m->config.hidden;
    float *added = w->floats, *rest = added + part;
    int center = m->config.positions - 1;
    score_positions p = {
        .plan = w->cut,
        .bias = {m->distance_bias ? m->distance_bias + center : NULL, 2L * center + 1}};
    self_attention_run(&l->attention, t, r, &p, x, added, rest);
    norm_run(&l->attention_norm, t, added, x, x, n);
    ffn_run(&l->ffn, t, x, added, n, rest, w->n_floats - part);
    norm_run(&l->ffn_norm, t, added, x, x, n);
}

/* All layers of the set that is layer i's turn: sets follow each other, as many layers each. */
static void run_shared(const encoder *m, int i, team *t, const ragged *r, float *x, encoder_work *w)
{
    const encoder_config *c = &m->config;
    int set = (int)(i / ((double)c->layers / c->groups));
    for (int j = 0; j < c->group_layers; j++)
        run_layer(m, &m->layers[set * c->group_layers + j], t, r, x, w);
}

bool encoder_prepare(const encoder *m, team *t, int longest, error *e)
{
    const encoder_engine *engine = m->spec->engine;
    return node_paths_prepare(&m->paths, t, e) &&
           (!engine || !engine->prepare || engine->prepare(m, t, longest, e));
}

bool encoder_run(const encoder *m, team *t, const token_batch *b, int first, int end, float *out,
                 encoder_work *w, error *e)
{
    if (!check_ids(m, b, first, end, e) || !check_places(m, b, first, end, e) ||
        !check_languages(m, b, first, end, e))
        return false;
    int at = b->start[first];
    for (int s = first; s <= end; s++)
        w->start[s - first] = b->start[s] - at;
    ragged r = {.start = w->start, .n_seq = end - first};
    plan_cut(b, first, &r, w);
    w->languages = b->languages ? b->languages + first : NULL;
    if (m->spec->engine)
        return m->spec->engine->run(m, t, b, &r, at, out, w, e);
    embed(m, t, b, &r, at, out, w);
    for (int i = 0; i < m->config.layers; i++) {
        if (encoder_cancelled(b, e))
            return false;
        if (m->spec->shared_layers)
            run_shared(m, i, t, &r, out, w);
        else
            run_layer(m, &m->layers[i], t, &r, out, w);
    }
    return true;
}
