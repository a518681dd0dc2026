/* XLNet (Yang et al. 2019), model_type "xlnet": the attention of Transformer-XL, by distances that
 * have vectors of their own, and two kinds of tokens of each other: of the same text and of others.
 * A text ends with <cls>, which heads for sequences see. Nothing is remembered between texts, so
 * that mem_len and reuse_len change nothing. */
#include "base/memory.h"
#include "models/architecture.h"
#include "models/summary.h"
#include "nn/distance_waves.h"

#include <stdlib.h>
#include <string.h>

enum {
    MOST_TOKENS = 1 << 14, /* positions are computed, for as many as are needed */
    TYPES = 5,             /* two texts, <cls>, <sep>, <pad>: there is no table of them */
    UNI = 1,               /* of attention_types */
};

static const char *const attention_types[] = {"bi", "uni", NULL};

typedef struct xlnet_config {
    encoder_config base;
    int head_dim; /* 0: d_model / n_head, which it has to be */
    int attention_type;
    int two_ways;    /* bi_data */
    int farthest;    /* clamp_len: distances beyond are as this one, if it is above 0 */
    int same_length; /* of what tokens see that do not see what follows: without a memory, nothing
                        but themselves */
    summary_config summary;
} xlnet_config;

static const field config[] = {
    FIELD_INT(encoder_config, hidden, "d_model", 1024, 2, 1 << 16, "token width"),
    FIELD_INT(encoder_config, layers, "n_layer", 24, 0, 1000, "layers"),
    FIELD_INT(encoder_config, heads, "n_head", 16, 1, 1 << 12, "heads"),
    FIELD_INT(encoder_config, ffn, "d_inner", 4096, 1, 1 << 20, "middle width"),
    FIELD_INT(encoder_config, vocab, "vocab_size", 32000, 1, 1 << 24, "token ids"),
    FIELD_INT(xlnet_config, head_dim, "d_head", 0, 0, 1 << 16, "width of a head"),
    FIELD_CHOICE(xlnet_config, attention_type, "attn_type", 0, attention_types, "what tokens see"),
    FIELD_BOOL(xlnet_config, two_ways, "bi_data", 0, "half of a batch reads backwards"),
    FIELD_INT(xlnet_config, farthest, "clamp_len", -1, -(1 << 30), 1 << 30, "longest distance"),
    FIELD_BOOL(xlnet_config, same_length, "same_length", 0, "all tokens see as many"),
    SUMMARY(xlnet_config, summary, ENCODER_POOL_LAST, ENCODER_TANH, 1, 0),
    ENCODER_ACT("ff_activation", ENCODER_GELU),
    ENCODER_EPS(1e-12),
    FIELD_END,
};

typedef struct xlnet_layer {
    relative_attention attention;
    norm attention_norm;
    ffn ffn;
    norm ffn_norm;
} xlnet_layer;

typedef struct xlnet {
    xlnet_layer *layers;
    distance_waves waves;
} xlnet;

static bool check(const encoder *m, const xlnet_config *c, weights w, error *e)
{
    const encoder_config *base = &c->base;
    if (!encoder_check_heads(base, e))
        return false;
    if (base->hidden % 2)
        return fail(e, ERR_BAD_MODEL, "'d_model' is %d, expected an even number", base->hidden);
    if (c->head_dim && c->head_dim != base->hidden / base->heads)
        return fail(e, ERR_BAD_MODEL, "'d_head' is %d, expected %d", c->head_dim,
                    base->hidden / base->heads);
    if (c->two_ways)
        return fail(e, ERR_INVALID, "'bi_data' is true, which is not supported");
    if (m->head.kind == HEAD_SPANS &&
        weights_have(weights_root(w.set, NULL), "start_logits.dense.weight"))
        return fail(e, ERR_INVALID,
                    "the answers of XLNetForQuestionAnswering (start_logits, end_logits) are not "
                    "supported, only those of XLNetForQuestionAnsweringSimple are");
    return true;
}

static void bind_layer(xlnet_layer *l, weights w, const xlnet_config *c)
{
    int hidden = c->base.hidden, heads = c->base.heads;
    weights in = weights_in(w, "rel_attn");
    relative_attention *a = &l->attention;
    a->every_type = -1;
    a->mask = c->attention_type != UNI ? ATTENTION_FULL
              : c->same_length         ? ATTENTION_CAUSAL_WINDOW
                                       : ATTENTION_CAUSAL;
    a->window = 1;
    relative_attention_bind(a, in, heads, hidden / heads, true);
    linear_bind_to_heads(&a->query, in, "q", hidden, hidden, heads);
    linear_bind_to_heads(&a->key, in, "k", hidden, hidden, heads);
    linear_bind_to_heads(&a->value, in, "v", hidden, hidden, heads);
    linear_bind_to_heads(&a->kernel, in, "r", hidden, hidden, heads);
    linear_bind_from_heads(&a->out, in, "o", hidden, hidden, heads);
    norm_bind(&l->attention_norm, weights_in(in, "layer_norm"), hidden, c->base.eps);
    l->ffn.act = encoder_activation(c->base.act);
    linear_bind(&l->ffn.up, weights_in(w, "ff.layer_1"), c->base.ffn, hidden);
    linear_bind(&l->ffn.down, weights_in(w, "ff.layer_2"), hidden, c->base.ffn);
    norm_bind(&l->ffn_norm, weights_in(w, "ff.layer_norm"), hidden, c->base.eps);
}

static bool init(encoder *m, const encoder_config *base, weights w, error *e)
{
    const xlnet_config *c = (const xlnet_config *)base;
    if (!check(m, c, w, e) || !summary_fit(m, &c->summary, e))
        return false;
    xlnet *s = m->state = xcalloc(1, sizeof *s);
    s->waves =
        (distance_waves){.width = base->hidden, .farthest = c->farthest > 0 ? c->farthest : 0};
    s->layers = xcalloc((size_t)base->layers + 1, sizeof *s->layers);
    m->config.positions = MOST_TOKENS;
    m->types.rows = TYPES;
    embedding_bind(&m->words, weights_in(w, "word_embedding"), base->vocab, base->hidden);
    for (int i = 0; i < base->layers; i++)
        bind_layer(&s->layers[i], weights_in(w, "layer.%d", i), c);
    return true;
}

static void release(encoder *m)
{
    xlnet *s = m->state;
    if (!s)
        return;
    distance_waves_release(&s->waves);
    free(s->layers);
    free(s);
}

/* Distances of sequences of at most n_tokens: n - 1 .. 1 - n. */
static int most_distances(int n_tokens)
{
    return 2 * n_tokens;
}

/* Types, what a layer adds, distances, and what blocks need. */
static size_t work_floats(const encoder *m, int n_tokens)
{
    const xlnet *s = m->state;
    size_t row = (size_t)m->config.hidden, n = (size_t)n_tokens;
    int far = most_distances(n_tokens);
    size_t rest = larger(relative_attention_work(&s->layers[0].attention, n_tokens, far),
                         ffn_work(&s->layers[0].ffn, n_tokens));
    return n + row * (n + (size_t)far) + rest;
}

static const int *types_of(const token_batch *b, int at, int n, float *room)
{
    int *none = (int *)(void *)room;
    if (b->type_ids)
        return b->type_ids + at;
    memset(none, 0, (size_t)n * sizeof *none);
    return none;
}

static bool run(const encoder *m, team *t, const token_batch *b, const ragged *r, int at,
                float *out, encoder_work *w, error *e)
{
    xlnet *s = m->state;
    int n = ragged_rows(r), hidden = m->config.hidden;
    float *added = w->floats + n, *distances = added + (size_t)n * (size_t)hidden;
    float *rest = distances + (size_t)most_distances(n) * (size_t)hidden;
    size_t rest_floats = w->n_floats - (size_t)(rest - w->floats);
    const int *types = types_of(b, at, n, w->floats);
    relative_input in = {.queries = out,
                         .context = out,
                         .query_rows = *r,
                         .key_rows = *r,
                         .query_types = types,
                         .key_types = types,
                         .step = 1,
                         .distances = distances};
    relative_reach(&in);
    distance_waves_lay(&s->waves, &in, 1, distances);
    embedding_scaled(&m->words, b->ids + at, 1, t, out, n);
    for (int i = 0; i < m->config.layers; i++) {
        const xlnet_layer *l = &s->layers[i];
        if (encoder_cancelled(b, e))
            return false;
        relative_attention_run(&l->attention, t, &in, added, rest);
        norm_run(&l->attention_norm, t, added, out, out, n);
        ffn_run(&l->ffn, t, out, added, n, rest, rest_floats);
        norm_run(&l->ffn_norm, t, added, out, out, n);
    }
    return true;
}

static bool prepare(const encoder *m, team *t, int longest, error *e)
{
    xlnet *s = m->state;
    return distance_waves_reach(&s->waves, t, longest, e);
}

static const encoder_engine engine = {
    .init = init, .release = release, .prepare = prepare, .work_floats = work_floats, .run = run};

static const head_spec heads[MODEL_HEADS] = {
    [HEAD_LABELS] = SUMMARY_HEAD("logits_proj"),
    [HEAD_CHOICES] = SUMMARY_HEAD("logits_proj"),
    HEADS_OF_TOKENS,
};

static const char *const ignored[] = {
    "mask_emb",     "lm_loss.*",      "sequence_summary.*", "logits_proj.*",  "classifier.*",
    "qa_outputs.*", "start_logits.*", "end_logits.*",       "answer_class.*", NULL};

const architecture architecture_xlnet = {
    .model_type = "xlnet",
    .config = config,
    .config_bytes = sizeof(xlnet_config),
    .encoder = &(const encoder_spec){.engine = &engine,
                                     .prefix = "transformer.",
                                     .positions = POSITIONS_FROM_ZERO,
                                     .ignored = ignored,
                                     .heads = heads,
                                     .words = "word_embedding"},
};
