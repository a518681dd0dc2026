/* Nystromformer (Xiong et al. 2021), model_type "nystromformer": BERT with approximated attention
 * and a convolution beside it. The reference takes texts of exactly the length for which the
 * landmarks are cut (segment_means_seq_len); shorter ones are padded to it here, as its tokenizer
 * does with padding "max_length". With as many landmarks as that length attention is exact, and
 * there is no padding. */
#include "base/memory.h"
#include "models/architecture.h"
#include "models/bert.h"
#include "nn/landmark_attention.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_POSITION = 2 }; /* row of the table for the first token */

typedef struct nystrom_config {
    encoder_config base;
    int landmarks, length; /* num_landmarks, segment_means_seq_len */
    int kernel_width;      /* conv_kernel_size */
    int exact_start;       /* inv_coeff_init_option */
} nystrom_config;

typedef struct nystrom_layer {
    landmark_attention attention;
    norm attention_norm;
    ffn ffn;
    norm ffn_norm;
} nystrom_layer;

typedef struct nystrom {
    nystrom_config config;
    nystrom_layer *layers;
    int length;             /* of all sequences with their padding; 0: attention is exact */
    int *padding, *numbers; /* [length]: the padding id; 0, 1, 2, ... */
} nystrom;

static const field config[] = {
    ENCODER_SIZES(768, 12, 12, 3072),
    ENCODER_TABLES(30000, 510),
    ENCODER_TYPES(2),
    ENCODER_ACT("hidden_act", ENCODER_GELU_NEW),
    ENCODER_EPS(1e-5),
    ENCODER_PADDING(1),
    FIELD_INT(nystrom_config, landmarks, "num_landmarks", 64, 1, 1 << 12, "means of tokens"),
    FIELD_INT(nystrom_config, length, "segment_means_seq_len", 64, 1, 1 << 20, "tokens of a text"),
    FIELD_INT(nystrom_config, kernel_width, "conv_kernel_size", 65, 1, 1 << 12, "tokens"),
    FIELD_BOOL(nystrom_config, exact_start, "inv_coeff_init_option", 0, "another first inverse"),
    ENCODER_ONLY,
    FIELD_END,
};

static bool check(const nystrom_config *c, error *e)
{
    if (!encoder_check_heads(&c->base, e))
        return false;
    if (c->exact_start)
        return fail(e, ERR_INVALID, "'inv_coeff_init_option' is true, which is not supported");
    if (c->kernel_width % 2 == 0)
        return fail(e, ERR_INVALID, "'conv_kernel_size' is %d, only odd ones are supported",
                    c->kernel_width);
    if (c->landmarks > c->length)
        return fail(e, ERR_BAD_MODEL, "%d landmarks for a segment_means_seq_len of %d",
                    c->landmarks, c->length);
    if (c->landmarks < c->length && c->length / c->landmarks * c->landmarks > c->base.positions)
        return fail(e, ERR_BAD_MODEL, "a segment_means_seq_len of %d for %d positions", c->length,
                    c->base.positions);
    if (c->base.pad_token_id >= c->base.vocab)
        return fail(e, ERR_BAD_MODEL, "the padding id %d is not in the vocabulary of %d",
                    c->base.pad_token_id, c->base.vocab);
    return true;
}

static void bind_attention(landmark_attention *a, const nystrom *s, weights w)
{
    const nystrom_config *c = &s->config;
    weights self = weights_in(w, "self");
    int hidden = c->base.hidden, heads = c->base.heads;
    *a = (landmark_attention){
        .heads = heads, .landmarks = s->length ? c->landmarks : 0, .kernel_width = c->kernel_width};
    linear_bind(&a->query, weights_in(self, "query"), hidden, hidden);
    linear_bind(&a->key, weights_in(self, "key"), hidden, hidden);
    linear_bind(&a->value, weights_in(self, "value"), hidden, hidden);
    linear_bind(&a->out, weights_in(w, "output.dense"), hidden, hidden);
    a->kernels = weights_shaped(weights_in(self, "conv"), "weight", 4,
                                (int64_t[]){heads, 1, a->kernel_width, 1});
}

static void bind_embeddings(encoder *m, const encoder_config *c, weights in)
{
    int hidden = c->hidden;
    embedding_bind(&m->words, weights_in(in, "word_embeddings"), c->vocab, hidden);
    embedding_bind(&m->positions, weights_in(in, "position_embeddings"),
                   c->positions + FIRST_POSITION, hidden);
    if (m->positions.table)
        m->positions.table += (size_t)FIRST_POSITION * (size_t)hidden;
    m->positions.rows = c->positions;
    if (c->types)
        embedding_bind(&m->types, weights_in(in, "token_type_embeddings"), c->types, hidden);
    norm_bind(&m->embedding_norm, weights_in(in, "LayerNorm"), hidden, c->eps);
}

/* What the padding behind a text is made of. */
static void make_padding(encoder *m, nystrom *s)
{
    const nystrom_config *c = &s->config;
    s->length = c->length / c->landmarks * c->landmarks;
    s->padding = xcalloc((size_t)s->length, sizeof *s->padding);
    s->numbers = xcalloc((size_t)s->length, sizeof *s->numbers);
    for (int i = 0; i < s->length; i++) {
        s->padding[i] = c->base.pad_token_id;
        s->numbers[i] = i;
    }
    m->config.positions = s->length;
}

static bool init(encoder *m, const encoder_config *base, weights w, error *e)
{
    const nystrom_config *c = (const nystrom_config *)base;
    int hidden = base->hidden;
    if (!check(c, e))
        return false;
    nystrom *s = m->state = xcalloc(1, sizeof *s);
    s->config = *c;
    bind_embeddings(m, base, weights_in(w, "embeddings"));
    if (c->landmarks < c->length)
        make_padding(m, s);
    s->layers = xcalloc((size_t)base->layers + 1, sizeof *s->layers);
    for (int i = 0; i < base->layers; i++) {
        nystrom_layer *l = &s->layers[i];
        weights in = weights_in(w, "encoder.layer.%d", i);
        bind_attention(&l->attention, s, weights_in(in, "attention"));
        norm_bind(&l->attention_norm, weights_in(in, "attention.output.LayerNorm"), hidden,
                  base->eps);
        l->ffn.act = encoder_activation(base->act);
        linear_bind(&l->ffn.up, weights_in(in, "intermediate.dense"), base->ffn, hidden);
        linear_bind(&l->ffn.down, weights_in(in, "output.dense"), hidden, base->ffn);
        norm_bind(&l->ffn_norm, weights_in(in, "output.LayerNorm"), hidden, base->eps);
    }
    return true;
}

static void release(encoder *m)
{
    nystrom *s = m->state;
    if (!s)
        return;
    free(s->layers);
    free(s->padding);
    free(s->numbers);
    free(s);
}

/* What blocks add and need, and the vectors of a padded sequence. */
static size_t work_floats(const encoder *m, int n_tokens)
{
    const nystrom *s = m->state;
    int n = s->length ? s->length : n_tokens;
    size_t part = (size_t)n * (size_t)m->config.hidden, rest = 0;
    if (m->config.layers)
        rest = larger(landmark_attention_work(&s->layers[0].attention, n),
                      ffn_work(&s->layers[0].ffn, n));
    return (s->length ? 2 : 1) * part + rest;
}

/* x: [rows of r][hidden], of which n_seen are no padding. */
static bool run_layers(const encoder *m, team *t, const token_batch *b, const ragged *r, int n_seen,
                       float *x, float *work, size_t work_floats, error *e)
{
    const nystrom *s = m->state;
    int n = ragged_rows(r);
    size_t part = (size_t)n * (size_t)m->config.hidden;
    float *added = work, *rest = added + part;
    for (int i = 0; i < m->config.layers; i++) {
        const nystrom_layer *l = &s->layers[i];
        if (encoder_cancelled(b, e))
            return false;
        if (s->length)
            landmark_attention_approximate(&l->attention, t, n, n_seen, x, added, rest);
        else
            landmark_attention_run(&l->attention, t, r, x, added, rest);
        norm_run(&l->attention_norm, t, added, x, x, n);
        ffn_run(&l->ffn, t, x, added, n, rest, work_floats - part);
        norm_run(&l->ffn_norm, t, added, x, x, n);
    }
    return true;
}

/* One sequence, which begins at token `at` of the batch, with its padding. */
static bool run_padded(const encoder *m, team *t, const token_batch *b, int at, int n, float *out,
                       encoder_work *w, error *e)
{
    const nystrom *s = m->state;
    size_t hidden = (size_t)m->config.hidden, part = (size_t)s->length * hidden;
    float *x = w->floats;
    encoder_embed(m, t, b, &(ragged){.start = (int[]){0, n}, .n_seq = 1}, at, x, w);
    embedding_sum((const embedding *const[EMBEDDINGS]){&m->words, &m->types, &m->positions},
                  (const int *const[EMBEDDINGS]){s->padding, NULL, s->numbers + n}, t,
                  x + (size_t)n * hidden, s->length - n);
    norm_run(&m->embedding_norm, t, x, NULL, x, s->length);
    if (!run_layers(m, t, b, &(ragged){.start = (int[]){0, s->length}, .n_seq = 1}, n, x, x + part,
                    w->n_floats - part, e))
        return false;
    memcpy(out, x, (size_t)n * hidden * sizeof *out);
    return true;
}

static bool run(const encoder *m, team *t, const token_batch *b, const ragged *r, int at,
                float *out, encoder_work *w, error *e)
{
    const nystrom *s = m->state;
    if (!s->length) {
        encoder_embed(m, t, b, r, at, out, w);
        norm_run(&m->embedding_norm, t, out, NULL, out, ragged_rows(r));
        return run_layers(m, t, b, r, 0, out, w->floats, w->n_floats, e);
    }
    for (int i = 0; i < r->n_seq; i++) {
        int first = r->start[i];
        if (!run_padded(m, t, b, at + first, r->start[i + 1] - first,
                        out + (size_t)first * (size_t)m->config.hidden, w, e))
            return false;
    }
    return true;
}

static const encoder_engine engine = {
    .init = init, .release = release, .work_floats = work_floats, .run = run};

static const head_spec heads[MODEL_HEADS] = {
    [HEAD_MASKED_LM] = BERT_MASKED_LM,
    [HEAD_LABELS] = {.dense = "classifier.dense",
                     .act = HEAD_HIDDEN_ACT,
                     .out = "classifier.out_proj"},
    [HEAD_CHOICES] = {.dense = "pre_classifier", .act = ACT_RELU, .out = "classifier"},
    HEADS_OF_TOKENS,
};

static const char *const ignored[] = {"pooler.*",
                                      "embeddings.position_ids",
                                      "cls.*",
                                      "classifier.*",
                                      "pre_classifier.*",
                                      "qa_outputs.*",
                                      NULL};

const architecture architecture_nystromformer = {
    .model_type = "nystromformer",
    .config = config,
    .config_bytes = sizeof(nystrom_config),
    .encoder = &(const encoder_spec){.engine = &engine,
                                     .prefix = "nystromformer.",
                                     .positions = POSITIONS_FROM_ZERO,
                                     .ignored = ignored,
                                     .heads = heads},
};
