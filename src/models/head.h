/* What a model computes from its token vectors: the heads of XxxForMaskedLM and its like.
 *
 * All of them are one chain, of which any part may be missing:
 *
 *     token vectors -> pooling (heads for sequences) -> dense -> activation -> norm -> out
 *
 * or, with a second product behind the first,
 *
 *     token vectors x -> dense -> activation -> down -> norm(x + ...) -> out
 *
 * The head that selects cells of tables scores tokens in its own way (nn/cell_scores.h); the chain
 * then gives a row of scores for each sequence besides.
 *
 * An architecture states each of its heads by the names of these parts, one line a head. */
#pragma once

#include "base/str.h"
#include "models/model.h"
#include "nn/cell_scores.h"
#include "nn/linear.h"
#include "nn/norm.h"
#include "nn/pooling.h"

#include <jansson.h>

enum {
    MODEL_HEADS = HEAD_CELLS + 1,
    HEAD_HIDDEN_ACT = N_ACTIVATIONS, /* in place of an activation: that of the layers */
    HEAD_OWN_ACT,                    /* that which config.json has for heads */
    HEAD_OWN_POOLING = N_POOLINGS,   /* in place of a pooling: that of config.json */
    HEAD_POOL_SCORES,                /* the mean of all tokens' scores */
    HEAD_POOL_UNPADDED,              /* the last token that is no padding */
    HEAD_POOL_EOS,                   /* the last token that ends a text */
};

/* Names are those of checkpoints of the whole model: the encoder's own prefix is no part of them
 * but where the base model owns the weights. */
typedef struct head_spec {
    const char *dense; /* width -> width (masked LM: width -> embedding width); NULL: none */
    const char *down;  /* of heads for tokens: width of the layers' feed-forward -> width, and
                          the dense is as wide as that; NULL: none */
    bool base_dense;   /* the dense is the base model's pooler: behind its prefix */
    int act;           /* enum activation behind the dense, or one of the above; without a dense, of
                          what is pooled */
    int out_act;       /* the same behind the scores */
    bool always_tied;  /* masked LM: scores use the embedding table whatever config.json says */
    bool any_width;    /* the dense is as wide as the file has it */
    const char *norm;  /* NULL: none */
    double eps;        /* of the norm; 0: as in the layers */
    int pooling;       /* enum pooling, of heads for sequences: the first token if nothing is
                          said; or one of the above */
    bool loose;        /* each part has a "bias" only if the file has it */
    const char *out;   /* the scores; NULL: the architecture has no such head */
    const char *row_bias; /* masked LM: a tensor [1][vocabulary] in place of "bias"; NULL: none */
    const char *beside;   /* masked LM: "weight" [the rest][vocabulary] of the scores of what the
                             dense is wider than the embeddings; NULL: it is as wide */
    const char *bias;     /* masked LM: where "bias" is when `out` has none; NULL: nowhere else */
} head_spec;

/* Rows of a table [MODEL_HEADS] that nearly all architectures have. */
#define HEADS_OF_TOKENS                                                                            \
    [HEAD_TOKEN_LABELS] = {.out = "classifier"}, [HEAD_SPANS] = {.out = "qa_outputs"}

typedef struct head {
    enum model_head kind; /* HEAD_NONE: all else is empty */
    head_spec spec;       /* an engine may adjust it to its configuration before it is bound */
    linear dense, down, out, beside;
    norm norm;
    cell_scores cells; /* of HEAD_CELLS, whose options the architecture sets before it is bound */
    enum activation act, out_act;
    int pooling; /* enum pooling, of heads for sequences; or one of the last three above */
    int token;   /* id of padding or of ends, where pooling asks for it */
} head;

/* What a head is bound to. */
typedef struct head_place {
    weights root, base; /* all names; those behind the prefix of the base model */
    const char *words;  /* the embedding table in `base`, for tied scores */
    bool tied;          /* scores use that table when they have no weights of their own */
    int hidden, embedding, ffn, vocab, n_labels;
    int pad_token_id, eos_token_id;
    double eps;
    enum activation act, own_act; /* of the layers, of heads */
    int own_pooling;
} head_place;

/* The head that `architectures` of a config.json asks for, the first that names one; HEAD_NONE for
 * a base model, for one without `architectures` and for heads that are none of ours. Questions are
 * answered by cells where `specs` (NULL: no rows) has a row for these. */
enum model_head head_of_config(const json_t *config, const head_spec *specs);

/* The head of this kind, unbound: one without a row in `specs` (NULL: no rows) is HEAD_NONE. So is
 * a masked LM head without any of its weights, unless it has none of its own (tied, with no part
 * but the scores): base models go by that name by habit, ELECTRA's discriminators among them. Of
 * all other heads missing weights are an error in the end. */
head head_choose(const head_spec *specs, enum model_head kind, bool tied, weights root);

/* Whether the file has weights of this kind of head, those of its scores above all. */
bool head_is_there(const head_spec *specs, enum model_head kind, weights root);

/* Claims the weights. ERR_BAD_MODEL when the number of labels is not that of the scores. */
bool head_bind(head *h, const head_place *p, error *e);

/* Whether there is one row of scores for each token rather than one for a sequence. */
bool head_scores_tokens(const head *h);

/* Values in such a row; and those in a row that each sequence gets besides. */
int head_width(const head *h);
int head_sequence_width(const head *h);

/* Floats of working memory for n_rows. */
size_t head_work_floats(const head *h, int n_rows);

/* Whether the n ids of a sequence have the token that the head looks for. ERR_INVALID. */
bool head_check_ids(const head *h, const int *ids, int n, error *e);

/* Heads that score tokens: rows [n_rows][hidden], r NULL, out [n_rows][out.out]. Heads for
 * sequences, and what a head gives sequences besides: rows are all tokens of r's sequences, ids
 * theirs, out [r->n_seq][out.out]. Returns the rows of out. Nothing overlaps. HEAD_CELLS scores its
 * tokens by `cells`. */
int head_run(const head *h, team *t, const float *rows, int n_rows, const ragged *r, const int *ids,
             float *out, float *work);
