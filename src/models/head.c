/* head_of_config and head_choose say which head there is, head_bind finds its weights. */
#include "models/head.h"
#include "base/json.h"
#include "kernels/rows.h"

#include <stdio.h>
#include <string.h>

enum model_head head_of_config(const json_t *config, const head_spec *specs)
{
    static const struct {
        const char *suffix;
        enum model_head kind;
    } kinds[] = {
        {"ForMaskedLM", HEAD_MASKED_LM},
        {"WithLMHeadModel", HEAD_MASKED_LM},
        {"ForPreTraining", HEAD_MASKED_LM},
        {"ForConditionalGeneration", HEAD_MASKED_LM},
        {"ForSequenceClassification", HEAD_LABELS},
        {"ForTokenClassification", HEAD_TOKEN_LABELS},
        {"ForQuestionAnswering", HEAD_SPANS},
        {"ForQuestionAnsweringSimple", HEAD_SPANS},
        {"ForMultipleChoice", HEAD_CHOICES},
        {"DoubleHeadsModel", HEAD_CHOICES},
    };
    const json_t *names = json_object_get(config, "architectures"), *name;
    size_t at;
    json_array_foreach (names, at, name)
        for (size_t i = 0; json_is_string(name) && i < sizeof kinds / sizeof *kinds; i++)
            if (str_ends(json_str(name), str_of(kinds[i].suffix)))
                return kinds[i].kind == HEAD_SPANS && specs && specs[HEAD_CELLS].out
                           ? HEAD_CELLS
                           : kinds[i].kind;
    return HEAD_NONE;
}

static bool have(weights w, const char *place, const char *name)
{
    return place && weights_have(weights_in(w, "%s", place), name);
}

head head_choose(const head_spec *specs, enum model_head kind, bool tied, weights root)
{
    head h = {0};
    if (!specs || !specs[kind].out)
        return h;
    const head_spec *s = &specs[kind];
    bool bare = tied && !s->dense && s->loose; /* all its weights are the embedding table */
    if (kind == HEAD_MASKED_LM && !bare && !have(root, s->dense, "weight") &&
        !have(root, s->out, "weight") && !have(root, s->out, "bias") &&
        !have(root, s->bias, "bias"))
        return h;
    h.kind = kind;
    h.spec = *s;
    return h;
}

bool head_is_there(const head_spec *specs, enum model_head kind, weights root)
{
    head h = head_choose(specs, kind, false, root);
    return h.kind != HEAD_NONE && (kind == HEAD_MASKED_LM || have(root, h.spec.out, "weight"));
}

static void bind_linear(linear *l, weights w, int out, int in, bool loose)
{
    linear_bind_as(l, w, out, in, !loose || weights_have(w, "bias"));
}

static void bind_norm(norm *n, weights w, int width, double eps, bool loose)
{
    if (loose && !weights_have(w, "bias"))
        norm_bind_unbiased(n, w, width, eps);
    else
        norm_bind(n, w, width, eps);
}

/* Scores of the vocabulary. Weights of their own win even when config.json calls them tied: the
 * file may hold the table twice, and if the two differ the reference does not tie them either. */
static void bind_vocabulary(head *h, const head_place *p, int in)
{
    const head_spec *s = &h->spec;
    weights out = weights_in(p->root, "%s", s->out), weight = out, bias = out;
    if ((p->tied || s->always_tied) && !weights_have(out, "weight"))
        weight = weights_in(p->base, "%s", p->words);
    if (s->bias && !weights_have(out, "bias"))
        bias = weights_in(p->root, "%s", s->bias);
    int beside = s->beside && in > p->embedding ? in - p->embedding : 0;
    if (beside)
        linear_bind_turned(&h->beside, weights_in(p->root, "%s", s->beside), p->vocab, beside, 0,
                           p->vocab, false);
    if (s->loose && !weights_have(bias, "bias"))
        linear_bind_unbiased(&h->out, weight, p->vocab, in - beside);
    else
        linear_bind_parts(&h->out, weight, bias, p->vocab, in - beside);
    if (s->row_bias && weights_have(p->root, s->row_bias))
        linear_bind_row_bias(&h->out, p->root, s->row_bias);
}

static int n_scores(const head *h, const head_place *p)
{
    switch (h->kind) {
    case HEAD_NONE:
        return 0;
    case HEAD_MASKED_LM:
        return p->vocab;
    case HEAD_LABELS:
    case HEAD_TOKEN_LABELS:
    case HEAD_CELLS:
        return p->n_labels;
    case HEAD_SPANS:
        return 2;
    case HEAD_CHOICES:
        return 1;
    }
    return 0;
}

static bool bind_scores(head *h, const head_place *p, error *e)
{
    weights out = weights_in(p->root, "%s", h->spec.out);
    int n = n_scores(h, p);
    int64_t rows = weights_rows(out, "weight");
    if (p->n_labels && rows && rows != n)
        return fail(e, ERR_BAD_MODEL,
                    "'config.json' has %d labels, but '%s.weight' has scores for %lld", n,
                    h->spec.out, (long long)rows);
    bind_linear(&h->out, out, n, h->spec.any_width && h->dense.out ? h->dense.out : p->hidden,
                h->spec.loose);
    return true;
}

static enum activation act_of(int act, const head_place *p)
{
    return act == HEAD_HIDDEN_ACT ? p->act
           : act == HEAD_OWN_ACT  ? p->own_act
                                  : (enum activation)act;
}

static int dense_width(const head_spec *s, const head_place *p, enum model_head kind)
{
    enum { MOST = 1 << 17 }; /* labels */
    int64_t rows = s->any_width ? weights_rows(weights_in(p->root, "%s", s->dense), "weight") : 0;
    return rows > 0 && rows <= MOST ? (int)rows : kind == HEAD_MASKED_LM ? p->embedding : p->hidden;
}

bool head_bind(head *h, const head_place *p, error *e)
{
    const head_spec *s = &h->spec;
    if (h->kind == HEAD_NONE)
        return true;
    if (h->kind == HEAD_CELLS)
        cell_scores_bind(&h->cells, p->root, p->hidden);
    if (h->kind == HEAD_CELLS && !p->n_labels)
        return true;
    int width = dense_width(s, p, h->kind);
    h->act = act_of(s->act, p);
    h->out_act = act_of(s->out_act, p);
    h->pooling = s->pooling == HEAD_OWN_POOLING ? p->own_pooling : s->pooling;
    h->token = h->pooling == HEAD_POOL_EOS ? p->eos_token_id : p->pad_token_id;
    if (s->dense)
        bind_linear(&h->dense, weights_in(s->base_dense ? p->base : p->root, "%s", s->dense),
                    s->down ? p->ffn : width, p->hidden, s->loose);
    if (s->down)
        bind_linear(&h->down, weights_in(p->root, "%s", s->down), p->hidden, p->ffn, s->loose);
    if (s->norm)
        bind_norm(&h->norm, weights_in(p->root, "%s", s->norm), width,
                  s->eps != 0 ? s->eps : p->eps, s->loose);
    if (h->kind != HEAD_MASKED_LM)
        return bind_scores(h, p, e);
    bind_vocabulary(h, p, s->dense ? width : p->hidden);
    return true;
}

bool head_scores_tokens(const head *h)
{
    return h->kind != HEAD_LABELS && h->kind != HEAD_CHOICES;
}

int head_width(const head *h)
{
    return h->kind == HEAD_CELLS ? 1 : h->out.out;
}

int head_sequence_width(const head *h)
{
    return h->kind == HEAD_CELLS ? h->out.out : 0;
}

/* Of the vectors that are pooled. */
static int pooled_width(const head *h)
{
    return h->dense.in ? h->dense.in : h->out.in;
}

/* Rows of scores in two parts that are made at once: the second part needs room. */
enum { BESIDE_ROWS = 32 };

static size_t beside_floats(const head *h, int n_rows)
{
    size_t n = (size_t)(n_rows < BESIDE_ROWS ? n_rows : BESIDE_ROWS);
    return h->beside.in ? n * (size_t)(h->out.in + h->beside.in + h->out.out) : 0;
}

size_t head_work_floats(const head *h, int n_rows)
{
    int pooled = head_scores_tokens(h) && !head_sequence_width(h) ? 0 : pooled_width(h);
    int middle = (h->dense.in || h->norm.width ? h->out.in + h->beside.in : 0) + h->down.in;
    size_t chain = (size_t)n_rows * (size_t)(pooled + middle) + beside_floats(h, n_rows);
    size_t cells = h->kind == HEAD_CELLS ? cell_scores_work(n_rows) : 0;
    return chain > cells ? chain : cells;
}

/* Place of the last of n ids that is (or is not) the token; -1: there is none. */
static int last_of(const int *ids, int n, int token, bool is)
{
    while (n > 0 && (ids[n - 1] == token) != is)
        n--;
    return n - 1;
}

bool head_check_ids(const head *h, const int *ids, int n, error *e)
{
    return head_scores_tokens(h) || h->pooling != HEAD_POOL_EOS ||
           last_of(ids, n, h->token, true) >= 0 ||
           fail(e, ERR_INVALID,
                "it does not have the token %d, at which this model reads its scores", h->token);
}

/* One row a sequence: the one of its last token that counts. Where all are padding it is the first,
 * as the reference has it. */
static void pick_rows(const head *h, const float *rows, const ragged *r, const int *ids, float *out)
{
    size_t width = (size_t)pooled_width(h);
    for (int s = 0; s < r->n_seq; s++) {
        int first = r->start[s];
        int last =
            last_of(ids + first, r->start[s + 1] - first, h->token, h->pooling == HEAD_POOL_EOS);
        memcpy(out + (size_t)s * width, rows + (size_t)(first + (last < 0 ? 0 : last)) * width,
               width * sizeof *out);
    }
}

/* Columns first .. first + width - 1 of rows of `all`, without gaps. */
static void take_columns(const float *x, int n, int all, int first, int width, float *out)
{
    for (int i = 0; i < n; i++)
        memcpy(out + (size_t)i * (size_t)width, x + (size_t)i * (size_t)all + first,
               (size_t)width * sizeof *out);
}

/* Scores of rows of which the table sees the first part, and `beside` the rest. */
static void run_scores(const head *h, team *t, const float *x, float *out, int n, float *work)
{
    int left = h->out.in, right = h->beside.in;
    if (!right) {
        linear_run(&h->out, t, x, h->out_act, out, n);
        return;
    }
    for (int i = 0; i < n; i += BESIDE_ROWS) {
        int some = n - i < BESIDE_ROWS ? n - i : BESIDE_ROWS;
        const float *rows = x + (size_t)i * (size_t)(left + right);
        float *scores = out + (size_t)i * (size_t)h->out.out;
        float *a = work, *b = a + (size_t)some * (size_t)left;
        float *more = b + (size_t)some * (size_t)right;
        take_columns(rows, some, left + right, 0, left, a);
        take_columns(rows, some, left + right, left, right, b);
        linear_run(&h->out, t, a, ACT_NONE, scores, some);
        linear_run(&h->beside, t, b, ACT_NONE, more, some);
        add_f32(t, scores, more, scores, (long)some * h->out.out);
    }
}

int head_run(const head *h, team *t, const float *rows, int n_rows, const ragged *r, const int *ids,
             float *out, float *work)
{
    bool picks = r && (h->pooling == HEAD_POOL_UNPADDED || h->pooling == HEAD_POOL_EOS);
    bool late = r && h->pooling == HEAD_POOL_SCORES;
    enum pooling mode = late ? POOL_MEAN : (enum pooling)h->pooling;
    int width = pooled_width(h);
    float *pooled = work, *middle = work + (r ? (size_t)n_rows * (size_t)width : 0);
    const float *at = rows;
    int n = n_rows;
    if (picks)
        pick_rows(h, at, r, ids, pooled);
    else if (r && !late)
        pool_run(t, &mode, 1, at, r, NULL, width, pooled);
    if (r && !late) {
        at = pooled;
        n = r->n_seq;
        if (!h->dense.in && h->act != ACT_NONE)
            activate_f32(t, h->act, pooled, pooled, (long)n * width);
    }
    const float *input = h->down.in ? at : NULL;
    if (h->dense.in) {
        float *wide = h->down.in ? middle + (size_t)n * (size_t)h->out.in : middle;
        linear_run(&h->dense, t, at, h->act, wide, n);
        if (h->down.in)
            linear_run(&h->down, t, wide, ACT_NONE, middle, n);
        at = middle;
    }
    if (h->norm.width) {
        norm_run(&h->norm, t, at, input, middle, n);
        at = middle;
    }
    if (late) { /* the mean of scores is the score of the mean */
        pool_run(t, &mode, 1, at, r, NULL, h->out.in, pooled);
        at = pooled;
        n = r->n_seq;
    }
    run_scores(h, t, at, out, n,
               middle + (size_t)n * (size_t)(h->dense.in ? h->out.in + h->beside.in : 0));
    return n;
}
