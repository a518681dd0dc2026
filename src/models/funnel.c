/* Funnel Transformer (Dai et al. 2020), model_type "funnel": between blocks of layers each two
 * tokens become one, so that a text grows shorter; in the end each token gets back the vector of
 * its pool, added to what it was behind the first block, and passes through a few layers more.
 *
 * Heads for sequences see the first of the pooled tokens: of them nothing is brought back.
 *
 * The reference has two kinds of attention, "relative_shift" and "factorized", of the same result;
 * the first fails where a block is too short to be pooled. */
#include "base/memory.h"
#include "models/architecture.h"
#include "nn/distance_waves.h"

#include <stdlib.h>
#include <string.h>

enum {
    MOST_BLOCKS = 12,
    MOST_TOKENS = 1 << 14, /* positions are computed, for as many as are needed */
    CLS_TYPE = 2,
    TYPES,
};

static const char *const poolings[] = {"mean", "max", NULL};
static const char *const attention_types[] = {"relative_shift", "factorized", NULL};

typedef struct funnel_config {
    encoder_config base;
    int head_dim;
    ints blocks, repeats; /* layers of each block, and how often each of them is run */
    int decoder_layers;
    int pooling; /* index of poolings */
    int attention_type;
    int separate_first; /* the first token is never pooled with others */
    int truncate;       /* the last token is left out where one too many comes of that */
    int pool_queries;   /* the layer behind a pooling still sees all that was pooled */
} funnel_config;

static const field config[] = {
    FIELD_INT(encoder_config, hidden, "d_model", 768, 2, 1 << 16, "token width"),
    FIELD_INT(encoder_config, heads, "n_head", 12, 1, 1 << 12, "heads"),
    FIELD_INT(encoder_config, ffn, "d_inner", 3072, 1, 1 << 20, "middle width"),
    FIELD_INT(encoder_config, vocab, "vocab_size", 30522, 1, 1 << 24, "token ids"),
    FIELD_BOOL(encoder_config, tied, "tie_word_embeddings", 1, "scores use the token table"),
    FIELD_INT(funnel_config, head_dim, "d_head", 64, 1, 512, "width of a head"),
    FIELD_INTS(funnel_config, blocks, "block_sizes", 1, 1000, MOST_BLOCKS, 0, "layers of blocks"),
    FIELD_INTS(funnel_config, repeats, "block_repeats", 1, 100, MOST_BLOCKS, 0, "runs of a layer"),
    FIELD_INT(funnel_config, decoder_layers, "num_decoder_layers", 2, 0, 1000, "last layers"),
    FIELD_CHOICE(funnel_config, pooling, "pooling_type", 0, poolings, "how tokens are pooled"),
    FIELD_CHOICE(funnel_config, attention_type, "attention_type", 0, attention_types,
                 "how positions are computed"),
    FIELD_BOOL(funnel_config, separate_first, "separate_cls", 1, "the first token stays alone"),
    FIELD_BOOL(funnel_config, truncate, "truncate_seq", 1, "leave out the last token"),
    FIELD_BOOL(funnel_config, pool_queries, "pool_q_only", 1, "pool queries only"),
    ENCODER_ACT("hidden_act", ENCODER_GELU_NEW),
    ENCODER_EPS(1e-9),
    ENCODER_ONLY,
    FIELD_END,
};

typedef struct funnel_layer {
    relative_attention attention;
    norm attention_norm;
    ffn ffn;
    norm ffn_norm;
} funnel_layer;

typedef struct funnel {
    funnel_config config;
    int n_blocks, blocks[MOST_BLOCKS], repeats[MOST_BLOCKS];
    funnel_layer *layers, *decoder; /* decoder: NULL: the file has none */
    distance_waves waves;
} funnel;

static void bind_layer(funnel_layer *l, weights w, const funnel_config *c)
{
    int hidden = c->base.hidden;
    int heads = c->base.heads, width = heads * c->head_dim;
    relative_attention *a = &l->attention;
    weights in = weights_in(w, "attention");
    a->separate_first = c->separate_first;
    a->every_type = CLS_TYPE;
    relative_attention_bind(a, in, heads, c->head_dim, false);
    linear_bind_unbiased(&a->query, weights_in(in, "q_head"), width, hidden);
    linear_bind(&a->key, weights_in(in, "k_head"), width, hidden);
    linear_bind(&a->value, weights_in(in, "v_head"), width, hidden);
    linear_bind(&a->out, weights_in(in, "post_proj"), hidden, width);
    linear_bind_to_heads(&a->kernel, in, "r_kernel", width, hidden, heads);
    norm_bind(&l->attention_norm, weights_in(in, "layer_norm"), hidden, c->base.eps);
    l->ffn.act = encoder_activation(c->base.act);
    linear_bind(&l->ffn.up, weights_in(w, "ffn.linear_1"), c->base.ffn, hidden);
    linear_bind(&l->ffn.down, weights_in(w, "ffn.linear_2"), hidden, c->base.ffn);
    norm_bind(&l->ffn_norm, weights_in(w, "ffn.layer_norm"), hidden, c->base.eps);
}

static bool read_blocks(funnel *s, error *e)
{
    static const int usual[] = {4, 4, 4};
    const funnel_config *c = &s->config;
    s->n_blocks = c->blocks.items ? c->blocks.n : 3;
    if (s->n_blocks < 1)
        return fail(e, ERR_BAD_MODEL, "'block_sizes' is empty");
    if (c->repeats.items && c->repeats.n != s->n_blocks)
        return fail(e, ERR_BAD_MODEL, "'block_repeats' has %d items for %d blocks", c->repeats.n,
                    s->n_blocks);
    for (int i = 0; i < s->n_blocks; i++) {
        s->blocks[i] = c->blocks.items ? c->blocks.items[i] : usual[i];
        s->repeats[i] = c->repeats.items ? c->repeats.items[i] : 1;
    }
    return true;
}

static bool pools_sequences(const encoder *m)
{
    return m->head.kind != HEAD_NONE && !head_scores_tokens(&m->head);
}

static void bind_layers(encoder *m, funnel *s, weights w)
{
    const funnel_config *c = &s->config;
    int n = 0;
    for (int i = 0; i < s->n_blocks; i++)
        m->config.layers += s->blocks[i];
    s->layers = xcalloc((size_t)m->config.layers, sizeof *s->layers);
    for (int i = 0; i < s->n_blocks; i++)
        for (int k = 0; k < s->blocks[i]; k++)
            bind_layer(&s->layers[n++], weights_in(w, "encoder.blocks.%d.%d", i, k), c);
    if (pools_sequences(m) && !weights_have(w, "decoder.layers.0.attention.q_head.weight"))
        return;
    s->decoder = xcalloc((size_t)c->decoder_layers + 1, sizeof *s->decoder);
    for (int i = 0; i < c->decoder_layers; i++)
        bind_layer(&s->decoder[i], weights_in(w, "decoder.layers.%d", i), c);
}

static bool init(encoder *m, const encoder_config *base, weights w, error *e)
{
    const funnel_config *c = (const funnel_config *)base;
    if (base->hidden % 2)
        return fail(e, ERR_BAD_MODEL, "'d_model' is %d, expected an even number", base->hidden);
    if (!pools_sequences(m) && c->decoder_layers &&
        !weights_have(w, "decoder.layers.0.attention.q_head.weight"))
        return fail(e, ERR_INVALID,
                    "the model has no decoder (FunnelBaseModel): it has no vectors of single "
                    "tokens, which is not supported");
    funnel *s = m->state = xcalloc(1, sizeof *s);
    s->config = *c;
    s->waves.width = base->hidden;
    m->config.layers = 0;
    m->config.positions = MOST_TOKENS;
    m->types.rows = TYPES; /* they change attention, there is no table */
    if (!read_blocks(s, e))
        return false;
    embedding_bind(&m->words, weights_in(w, "embeddings.word_embeddings"), base->vocab,
                   base->hidden);
    norm_bind(&m->embedding_norm, weights_in(w, "embeddings.layer_norm"), base->hidden, base->eps);
    bind_layers(m, s, w);
    return true;
}

static void release(encoder *m)
{
    funnel *s = m->state;
    if (!s)
        return;
    free(s->layers);
    free(s->decoder);
    distance_waves_release(&s->waves);
    free(s);
}

/* Distances that n tokens can have: all of them pooled by two, and a few. */
static int most_distances(int n_tokens)
{
    return 2 * n_tokens + 4;
}

/* Row starts and types, before and behind a pooling. */
static size_t number_floats(int n_tokens)
{
    return 4 * ((size_t)n_tokens + 1);
}

/* Tokens before and behind a pooling, what a layer adds, distances, and what blocks need. */
static size_t work_floats(const encoder *m, int n_tokens)
{
    const funnel *s = m->state;
    size_t row = (size_t)m->config.hidden, far = (size_t)most_distances(n_tokens);
    size_t rest =
        larger(relative_attention_work(&s->layers[0].attention, n_tokens, most_distances(n_tokens)),
               ffn_work(&s->layers[0].ffn, n_tokens));
    return number_floats(n_tokens) + row * (3 * (size_t)n_tokens + far) + rest;
}

/* A text on its way through the blocks. */
typedef struct flow {
    const encoder *m;
    funnel *s;
    team *team;
    const token_batch *batch;
    error *e;
    float *x, *pooled; /* [rows][hidden] */
    ragged rows;
    int *start, *types, *next_start, *next_types; /* of x; of `pooled` */
    float *added, *distances, *rest;
    size_t rest_floats;
    int unit; /* positions from one token to the next */
} flow;

/* x = layer(queries), in place; context: what they see. */
static bool run_layer(flow *f, const funnel_layer *l, relative_input *in, float *x, int unit)
{
    int n = ragged_rows(&in->query_rows);
    if (encoder_cancelled(f->batch, f->e))
        return false;
    relative_reach(in);
    distance_waves_lay(&f->s->waves, in, unit, f->distances);
    in->distances = f->distances;
    relative_attention_run(&l->attention, f->team, in, f->added, f->rest);
    norm_run(&l->attention_norm, f->team, f->added, x, x, n);
    ffn_run(&l->ffn, f->team, x, f->added, n, f->rest, f->rest_floats);
    norm_run(&l->ffn_norm, f->team, f->added, x, x, n);
    return true;
}

static bool run_same(flow *f, const funnel_layer *l, float *x)
{
    relative_input in = {.queries = x,
                         .context = x,
                         .query_rows = f->rows,
                         .key_rows = f->rows,
                         .query_types = f->types,
                         .key_types = f->types,
                         .step = 1};
    return run_layer(f, l, &in, x, f->unit);
}

/* What is left of n rows; of one, and of <cls> and one, nothing is pooled. */
static int pooled_rows(const funnel_config *c, int n)
{
    int doubled = c->separate_first ? 1 : 0;
    return n > 1 + doubled ? (n + doubled - (doubled && c->truncate) + 1) / 2 : n;
}

/* Rows a and b (NULL: there is none) of x. */
static void pool_pair(const float *a, const float *b, bool largest, int width, float *out)
{
    for (int i = 0; i < width; i++)
        out[i] = !b ? a[i] : !largest ? (a[i] + b[i]) / 2 : a[i] > b[i] ? a[i] : b[i];
}

/* One sequence of n rows. Where the first token stays alone, it stands in front of the others twice
 * and is pooled with itself. Returns the rows of out. */
static int pool_sequence(const funnel_config *c, const float *x, const int *types, int n,
                         float *out, int *out_types)
{
    int width = c->base.hidden, doubled = c->separate_first ? 1 : 0;
    int all = n + doubled - (doubled && c->truncate), rows = pooled_rows(c, n);
    for (int i = 0; i < rows; i++) {
        int a = 2 * i - doubled, b = a + 1;
        bool paired = 2 * i + 1 < all;
        a = a < 0 ? 0 : a;
        pool_pair(x + (long)a * width, paired ? x + (long)b * width : NULL, c->pooling == 1, width,
                  out + (long)i * width);
        out_types[i] = types[a];
    }
    return rows;
}

/* Into f->pooled, with its starts and types. Sequences of one token, and of <cls> and one token,
 * stay as they are. */
static void pool(flow *f)
{
    const funnel_config *c = &f->s->config;
    int width = c->base.hidden;
    f->next_start[0] = 0;
    for (int s = 0; s < f->rows.n_seq; s++) {
        int first = f->rows.start[s], n = f->rows.start[s + 1] - first, to = f->next_start[s];
        float *out = f->pooled + (long)to * width;
        const float *x = f->x + (long)first * width;
        if (n > (c->separate_first ? 2 : 1)) {
            n = pool_sequence(c, x, f->types + first, n, out, f->next_types + to);
        } else {
            memcpy(out, x, (size_t)n * (size_t)width * sizeof *out);
            memcpy(f->next_types + to, f->types + first, (size_t)n * sizeof *f->types);
        }
        f->next_start[s + 1] = to + n;
    }
}

static void swap_pooled(flow *f)
{
    float *x = f->x;
    int *start = f->start, *types = f->types;
    f->x = f->pooled;
    f->pooled = x;
    f->start = f->next_start;
    f->next_start = start;
    f->types = f->next_types;
    f->next_types = types;
    f->rows.start = f->start;
}

/* The first layer of a block but the first: pooled tokens see all, or the pooled ones. */
static bool run_pooling(flow *f, const funnel_layer *l)
{
    const funnel_config *c = &f->s->config;
    pool(f);
    ragged rows = f->rows, pooled = {.start = f->next_start, .n_seq = rows.n_seq};
    relative_input in = {.queries = f->pooled,
                         .context = c->pool_queries ? f->x : f->pooled,
                         .query_rows = pooled,
                         .key_rows = c->pool_queries ? rows : pooled,
                         .query_types = f->next_types,
                         .key_types = c->pool_queries ? f->types : f->next_types,
                         .step = c->pool_queries ? 2 : 1,
                         .offset = c->pool_queries && c->separate_first ? -1 : 0};
    bool good = run_layer(f, l, &in, f->pooled, c->pool_queries ? f->unit : 2 * f->unit);
    f->unit *= 2;
    swap_pooled(f);
    return good;
}

/* All blocks. first: [rows][hidden], what x is when as many layers were run as the first block
 * has. */
static bool run_blocks(flow *f, float *first)
{
    const funnel *s = f->s;
    const funnel_layer *l = s->layers;
    int n_run = 0;
    for (int block = 0; block < s->n_blocks; block++)
        for (int i = 0; i < s->blocks[block]; i++, l++)
            for (int k = 0; k < s->repeats[block]; k++) {
                bool pools = block > 0 && i == 0 && k == 0;
                if (!(pools ? run_pooling(f, l) : run_same(f, l, f->x)))
                    return false;
                if (++n_run == s->blocks[0])
                    memcpy(first, f->x,
                           (size_t)ragged_rows(&f->rows) * (size_t)s->config.base.hidden *
                               sizeof *first);
            }
    return true;
}

/* x += the pooled vector of each token; tokens that were left out have none. */
static void add_pooled(const flow *f, const ragged *r, float *x)
{
    const funnel_config *c = &f->s->config;
    int width = c->base.hidden, together = 1 << (f->s->n_blocks - 1);
    for (int s = 0; s < r->n_seq; s++)
        for (int i = r->start[s]; i < r->start[s + 1]; i++) {
            int at = i - r->start[s];
            int from = f->rows.start[s] +
                       (c->separate_first ? (at + together - 1) / together : at / together);
            if (from >= f->rows.start[s + 1])
                continue;
            for (int j = 0; j < width; j++)
                x[(long)i * width + j] += f->x[(long)from * width + j];
        }
}

/* The flow of all tokens, before they have vectors. */
static flow begin(const encoder *m, team *t, const token_batch *b, const ragged *r, int at,
                  encoder_work *w, error *e)
{
    size_t n = (size_t)ragged_rows(r), part = n * (size_t)m->config.hidden;
    flow f = {.m = m, .s = m->state, .team = t, .batch = b, .e = e, .unit = 1};
    f.start = (int *)(void *)w->floats;
    f.next_start = f.start + n + 1;
    f.types = f.next_start + n + 1;
    f.next_types = f.types + n + 1;
    f.x = w->floats + number_floats((int)n);
    f.pooled = f.x + part;
    f.added = f.pooled + part;
    f.distances = f.added + part;
    f.rest = f.distances + (size_t)most_distances((int)n) * (size_t)m->config.hidden;
    f.rest_floats = w->n_floats - (size_t)(f.rest - w->floats);
    memcpy(f.start, r->start, ((size_t)r->n_seq + 1) * sizeof *f.start);
    f.rows = (ragged){.start = f.start, .n_seq = r->n_seq};
    for (size_t i = 0; i < n; i++)
        f.types[i] = b->type_ids ? b->type_ids[at + (int)i] : 0;
    return f;
}

static void embed(const flow *f, int at)
{
    int n = ragged_rows(&f->rows);
    embedding_sum((const embedding *const[EMBEDDINGS]){&f->m->words},
                  (const int *const[EMBEDDINGS]){f->batch->ids + at}, f->team, f->x, n);
    norm_run(&f->m->embedding_norm, f->team, f->x, NULL, f->x, n);
}

static bool run(const encoder *m, team *t, const token_batch *b, const ragged *r, int at,
                float *out, encoder_work *w, error *e)
{
    const funnel *s = m->state;
    size_t row = (size_t)m->config.hidden * sizeof *out;
    if (!s->decoder && !w->for_head)
        return fail(e, ERR_INVALID, "the model has no decoder: it has no vectors of single tokens");
    flow f = begin(m, t, b, r, at, w, e);
    embed(&f, at);
    if (!run_blocks(&f, out))
        return false;
    if (w->for_head && pools_sequences(m)) {
        for (int i = 0; i < r->n_seq; i++)
            memcpy(out + (long)r->start[i] * m->config.hidden,
                   f.x + (long)f.rows.start[i] * m->config.hidden, row);
        return true;
    }
    add_pooled(&f, r, out);
    flow again = begin(m, t, b, r, at, w, e);
    for (int i = 0; i < s->config.decoder_layers; i++)
        if (!run_same(&again, &s->decoder[i], out))
            return false;
    return true;
}

static const char *const ignored[] = {"lm_head.*", "classifier.*", "qa_outputs.*",
                                      "discriminator_predictions.*", NULL};

/* As far as the layers of any block see. */
static bool prepare(const encoder *m, team *t, int longest, error *e)
{
    funnel *s = m->state;
    int most = longest, n = longest, unit = 1;
    for (int i = 1; i < s->n_blocks; i++, unit *= 2) {
        int rows = pooled_rows(&s->config, n), far = unit * (2 * rows > n ? 2 * rows : n);
        most = far > most ? far : most;
        n = rows;
    }
    return distance_waves_reach(&s->waves, t, most, e);
}

static const encoder_engine engine = {
    .init = init, .release = release, .prepare = prepare, .work_floats = work_floats, .run = run};

#define POOLED                                                                                     \
    {                                                                                              \
        .dense = "classifier.linear_hidden", .act = ACT_TANH, .out = "classifier.linear_out"       \
    }

static const head_spec heads[MODEL_HEADS] = {
    [HEAD_MASKED_LM] = {.out = "lm_head"},
    [HEAD_LABELS] = POOLED,
    [HEAD_CHOICES] = POOLED,
    HEADS_OF_TOKENS,
};

const architecture architecture_funnel = {
    .model_type = "funnel",
    .config = config,
    .config_bytes = sizeof(funnel_config),
    .encoder = &(const encoder_spec){.engine = &engine,
                                     .prefix = "funnel.",
                                     .positions = POSITIONS_FROM_ZERO,
                                     .ignored = ignored,
                                     .heads = heads},
};
