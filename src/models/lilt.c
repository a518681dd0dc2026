/* LiLT (Wang et al. 2022), model_type "lilt": RoBERTa beside a narrower encoder of the places of
 * tokens on a page. Both attend with the sum of their scores: that is attention with heads in which
 * the vectors of both stand side by side. */
#include "base/memory.h"
#include "kernels/attention.h"
#include "models/architecture.h"
#include "models/bert.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef struct lilt_config {
    encoder_config base;
    int places;
    int shrink; /* hidden size over the width of the layout's encoder */
} lilt_config;

enum { TEXT, LAYOUT, STREAMS };

typedef struct stream {
    linear query, key, value, out;
    norm attention_norm;
    ffn ffn;
    norm ffn_norm;
} stream;

typedef struct lilt_layer {
    stream streams[STREAMS];
} lilt_layer;

typedef struct lilt {
    lilt_config config;
    int widths[STREAMS], head_dims[STREAMS];
    embedding box_positions;
    linear boxes;
    norm box_norm;
    lilt_layer *layers;
} lilt;

static const field config[] = {
    ENCODER_SIZES(768, 12, 12, 3072),
    ENCODER_TABLES(30522, 512),
    ENCODER_TYPES(2),
    ENCODER_ACT("hidden_act", ENCODER_GELU),
    ENCODER_EPS(1e-12),
    ENCODER_PADDING(0),
    FIELD_INT(lilt_config, places, "max_2d_position_embeddings", 1024, 1, 1 << 20, "places"),
    FIELD_INT(lilt_config, shrink, "channel_shrink_ratio", 4, 1, 1 << 12,
              "width over that of the layout"),
    ENCODER_ONLY,
    FIELD_END,
};

static bool check(const lilt_config *c, error *e)
{
    enum { HEAD_DIM = 512 }; /* of the attention kernel */
    const encoder_config *base = &c->base;
    if (!encoder_check_heads(base, e))
        return false;
    int head_dim = base->hidden / base->heads;
    if (head_dim % c->shrink)
        return fail(e, ERR_BAD_MODEL, "'channel_shrink_ratio' is %d for heads of %d values",
                    c->shrink, head_dim);
    if (base->ffn < c->shrink || base->hidden % LAYOUT_PARTS)
        return fail(e, ERR_BAD_MODEL, "a hidden size of %d cannot be cut into %d parts",
                    base->hidden, LAYOUT_PARTS);
    if (head_dim + head_dim / c->shrink > HEAD_DIM)
        return fail(e, ERR_INVALID, "attention heads are %d wide, at most %d are supported",
                    head_dim + head_dim / c->shrink, HEAD_DIM);
    return true;
}

/* prefix: in front of the names of the layout's blocks. */
static void bind_stream(stream *s, weights w, const char *prefix, const encoder_config *c,
                        int width, int middle)
{
    weights self = weights_in(w, "attention.self");
    linear_bind(&s->query, weights_in(self, "%squery", prefix), width, width);
    linear_bind(&s->key, weights_in(self, "%skey", prefix), width, width);
    linear_bind(&s->value, weights_in(self, "%svalue", prefix), width, width);
    weights out = weights_in(w, "attention.%soutput", prefix);
    linear_bind(&s->out, weights_in(out, "dense"), width, width);
    norm_bind(&s->attention_norm, weights_in(out, "LayerNorm"), width, c->eps);
    weights down = weights_in(w, "%soutput", prefix);
    linear_bind(&s->ffn.up, weights_in(w, "%sintermediate.dense", prefix), middle, width);
    linear_bind(&s->ffn.down, weights_in(down, "dense"), width, middle);
    norm_bind(&s->ffn_norm, weights_in(down, "LayerNorm"), width, c->eps);
    s->ffn.act = encoder_activation(c->act);
}

static bool init(encoder *m, const encoder_config *base, weights w, error *e)
{
    static const char *const prefixes[STREAMS] = {"", "layout_"};
    const lilt_config *c = (const lilt_config *)base;
    if (!check(c, e))
        return false;
    lilt *s = m->state = xcalloc(1, sizeof *s);
    weights in = weights_in(w, "layout_embeddings");
    int narrow = base->hidden / c->shrink;
    s->config = *c;
    bert_bind(m, w);
    layout_bind(&m->layout, in, c->places, base->hidden / LAYOUT_PARTS);
    embedding_bind(&s->box_positions, weights_in(in, "box_position_embeddings"), base->positions,
                   narrow);
    linear_bind(&s->boxes, weights_in(in, "box_linear_embeddings"), narrow, base->hidden);
    norm_bind(&s->box_norm, weights_in(in, "LayerNorm"), narrow, base->eps);
    s->layers = xcalloc((size_t)base->layers + 1, sizeof *s->layers);
    for (int k = 0; k < STREAMS; k++) {
        int shrink = k == TEXT ? 1 : c->shrink;
        s->widths[k] = base->hidden / shrink;
        s->head_dims[k] = s->widths[k] / base->heads;
        for (int i = 0; i < base->layers; i++)
            bind_stream(&s->layers[i].streams[k], weights_in(w, "encoder.layer.%d", i), prefixes[k],
                        base, s->widths[k], base->ffn / shrink);
    }
    return true;
}

static void release(encoder *m)
{
    lilt *s = m->state;
    if (s)
        free(s->layers);
    free(s);
}

enum { JOINT = 4 }; /* queries, keys, values and the result, of both streams */

/* The layout's vectors, what a block adds, and what attention or feed-forward need. */
static size_t work_floats(const encoder *m, int n_tokens)
{
    const lilt *s = m->state;
    size_t n = (size_t)n_tokens, both = (size_t)(s->widths[TEXT] + s->widths[LAYOUT]);
    size_t rest = larger(JOINT * n * both, n * (size_t)m->config.hidden);
    for (int k = 0; k < STREAMS && m->config.layers; k++)
        rest = larger(rest, ffn_work(&s->layers[0].streams[k].ffn, n_tokens));
    return n * both + rest;
}

/* The layout's vectors. room: [n][hidden] */
static void embed_boxes(const encoder *m, team *t, const token_batch *b, int at, int n,
                        const encoder_work *w, float *out, float *room)
{
    const lilt *s = m->state;
    float *positions = room;
    layout_join(&m->layout, t, b->boxes ? b->boxes + at : NULL, room, n);
    linear_run(&s->boxes, t, room, ACT_NONE, out, n);
    embedding_sum((const embedding *const[EMBEDDINGS]){&s->box_positions},
                  (const int *const[EMBEDDINGS]){w->positions}, t, positions, n);
    norm_run(&s->box_norm, t, out, positions, out, n);
}

/* Copies between the vectors of one stream and its part of the joint heads. */
struct weave {
    const lilt *state;
    float *own, *joint; /* [n][width of the stream], [n][width of both] */
    int stream;
    float scale;
    bool back; /* from the joint heads */
};

static void weave_rows(void *arg, long begin, long end, int thread)
{
    const struct weave *job = arg;
    const int *dims = job->state->head_dims;
    int heads = job->state->config.base.heads, dim = dims[job->stream];
    int joint_dim = dims[TEXT] + dims[LAYOUT], offset = job->stream == TEXT ? 0 : dims[TEXT];
    (void)thread;
    for (long i = begin; i < end; i++)
        for (int h = 0; h < heads; h++) {
            float *own = job->own + (i * heads + h) * dim;
            float *joint = job->joint + (i * heads + h) * joint_dim + offset;
            if (job->back)
                memcpy(own, joint, (size_t)dim * sizeof *own);
            for (int j = 0; !job->back && j < dim; j++)
                joint[j] = own[j] * job->scale;
        }
}

static void weave(const struct weave *job, team *t, int n)
{
    enum { GRAIN_FLOATS = 1 << 13 };
    team_for(t, n, GRAIN_FLOATS / job->state->widths[job->stream] + 1, weave_rows,
             (void *)(uintptr_t)job);
}

/* Attention of both streams: joint [n][width of both] in work, behind its queries, keys and
 * values. Returns it. room: [n][hidden] */
static float *attend(const lilt *s, const lilt_layer *l, team *t, const ragged *r,
                     const float *const x[STREAMS], float *room, float *work)
{
    int n = ragged_rows(r), joint_dim = s->head_dims[TEXT] + s->head_dims[LAYOUT];
    long width = s->widths[TEXT] + s->widths[LAYOUT];
    size_t part = (size_t)n * (size_t)width;
    for (int k = 0; k < STREAMS; k++) {
        const stream *own = &l->streams[k];
        const linear *const products[] = {&own->query, &own->key, &own->value};
        for (size_t i = 0; i < sizeof products / sizeof *products; i++) {
            float scale = i == 0 ? (float)(1 / sqrt(s->head_dims[k])) : 1;
            linear_run(products[i], t, x[k], ACT_NONE, room, n);
            weave(&(struct weave){s, room, work + i * part, k, scale, false}, t, n);
        }
    }
    attention_f32(t, &(attention_args){.q = work,
                                       .k = work + part,
                                       .v = work + 2 * part,
                                       .ldq = width,
                                       .ldk = width,
                                       .ldv = width,
                                       .out = work + 3 * part,
                                       .ldo = width,
                                       .start = r->start,
                                       .n_seq = r->n_seq,
                                       .heads = s->config.base.heads,
                                       .head_dim = joint_dim,
                                       .may_round = linear_is_low(&l->streams[TEXT].query),
                                       .scale = 1});
    return work + 3 * part;
}

static void run_layer(const lilt *s, const lilt_layer *l, team *t, const ragged *r,
                      float *const x[STREAMS], float *added, float *rest, size_t rest_floats)
{
    int n = ragged_rows(r);
    float *joint = attend(s, l, t, r, (const float *const *)x, added, rest);
    for (int k = 0; k < STREAMS; k++) {
        weave(&(struct weave){s, rest, joint, k, 1, true}, t, n);
        linear_run(&l->streams[k].out, t, rest, ACT_NONE, added, n);
        norm_run(&l->streams[k].attention_norm, t, added, x[k], x[k], n);
    }
    for (int k = 0; k < STREAMS; k++) {
        ffn_run(&l->streams[k].ffn, t, x[k], added, n, rest, rest_floats);
        norm_run(&l->streams[k].ffn_norm, t, added, x[k], x[k], n);
    }
}

static bool run(const encoder *m, team *t, const token_batch *b, const ragged *r, int at,
                float *out, encoder_work *w, error *e)
{
    const lilt *s = m->state;
    int n = ragged_rows(r);
    float *layout_x = w->floats, *added = layout_x + (size_t)n * (size_t)s->widths[LAYOUT];
    float *rest = added + (size_t)n * (size_t)s->widths[TEXT];
    size_t rest_floats = w->n_floats - (size_t)(rest - w->floats);
    encoder_embed(m, t, b, r, at, out, w);
    norm_run(&m->embedding_norm, t, out, NULL, out, n);
    embed_boxes(m, t, b, at, n, w, layout_x, rest);
    for (int i = 0; i < m->config.layers; i++) {
        if (encoder_cancelled(b, e))
            return false;
        run_layer(s, &s->layers[i], t, r, (float *const[STREAMS]){out, layout_x}, added, rest,
                  rest_floats);
    }
    return true;
}

static const encoder_engine engine = {
    .init = init, .release = release, .work_floats = work_floats, .run = run};

static const head_spec heads[MODEL_HEADS] = {
    [HEAD_LABELS] = {.dense = "classifier.dense", .act = ACT_TANH, .out = "classifier.out_proj"},
    HEADS_OF_TOKENS,
};

static const char *const ignored[] = {
    "pooler.*", "embeddings.position_ids", "lm_head.*", "classifier.*", "qa_outputs.*", NULL};

const architecture architecture_lilt = {
    .model_type = "lilt",
    .config = config,
    .config_bytes = sizeof(lilt_config),
    .encoder = &(const encoder_spec){.engine = &engine,
                                     .prefix = "lilt.",
                                     .positions = POSITIONS_AFTER_PADDING,
                                     .ignored = ignored,
                                     .heads = heads},
};
