/* Encoders: token ids in, a vector for each token out.
 *
 * Here is what all of them share, and the engine of the BERT family: embeddings, then layers of
 * self-attention and feed-forward, each followed by LayerNorm ("post norm"), all tokens of a
 * sequence seeing each other. A family with other mathematics brings an encoder_engine.
 *
 * An architecture describes itself by an encoder_spec and never appears here by name. */
#pragma once

#include "base/arena.h"
#include "base/fields.h"
#include "models/head.h"
#include "models/model.h"
#include "nn/embedding.h"
#include "nn/ffn.h"
#include "nn/layout.h"
#include "nn/node_paths.h"
#include "nn/norm.h"
#include "nn/self_attention.h"
#include "nn/table_types.h"

/* What the fields of config.json fill, under whatever keys an architecture has for them. */
typedef struct encoder_config {
    int hidden, layers, heads, ffn;
    int embedding; /* width of the embedding tables; 0: hidden */
    int vocab, positions, types;
    int act; /* index into encoder_acts */
    double eps;
    int pad_token_id;         /* where positions or the place of scores depend on it */
    int eos_token_id;         /* where the place of scores depends on it */
    int sep_token_id;         /* where what a head sees depends on it */
    int buckets;              /* of the relative position bias; 0: none */
    int groups, group_layers; /* of shared layers: sets of weights, layers of a set */
    int position_type;        /* index of encoder_position_types */
    int tasks, use_tasks;     /* rows of a table of tasks, and whether it counts */
    int is_decoder, cross_attention;
    int tied;         /* scores of the vocabulary use the embedding table */
    int head_act;     /* index into encoder_acts or -1, for heads with HEAD_OWN_ACT */
    int head_pooling; /* index into encoder_head_poolings, for heads with HEAD_OWN_POOLING */
} encoder_config;

typedef struct encoder_layer {
    self_attention attention;
    norm attention_norm;
    ffn ffn;
    norm ffn_norm;
} encoder_layer;

typedef struct encoder {
    const struct encoder_spec *spec;
    encoder_config config;
    embedding words, types, positions;
    embedding constant;      /* its row 0 is added to all tokens */
    layout layout;           /* of models that read boxes; places 0: it does not */
    node_paths paths;        /* of models that read documents; depth 0: it does not */
    table_types table_types; /* of models that read tables */
    strs languages;          /* that there are weights for each of; n 0: all texts are alike */
    int language;            /* of texts without one, or -1; where there are languages */
    norm embedding_norm;
    linear project;           /* embedding -> hidden; in 0: none */
    encoder_layer *layers;    /* [config.layers], or [groups * group_layers] when shared; owned */
    const float *bucket_bias; /* [buckets][heads], or NULL */
    float *distance_bias;     /* [heads][2 * positions - 1], made of bucket_bias; owned */
    void *state;              /* of the spec's engine; owned by it */
    head head;
} encoder;

enum encoder_positions {
    POSITIONS_FROM_ZERO,     /* 0, 1, 2, ... */
    POSITIONS_AFTER_PADDING, /* pad + 1, pad + 2, ...; a padding token itself has position pad and
                                is not counted */
};

struct encoder_work;

/* Engine of another family. Its config and its spec are structs that begin with an encoder_config
 * and an encoder_spec (see config_bytes in architecture.h). */
typedef struct encoder_engine {
    /* Checks *c and claims the weights behind the prefix; m->spec and m->config are set, m->config
     * a copy of the common part of *c, which outlives m. What is to be released goes to m->state,
     * also on failure. m->head is chosen and will be bound afterwards by its spec, which this may
     * change. */
    bool (*init)(encoder *m, const encoder_config *c, weights w, error *e);
    /* Frees m->state, which may be NULL. */
    void (*release)(encoder *m);
    /* Makes what is made once, or grows with the longest sequence: before each batch, whose steps
     * may then run side by side. NULL: nothing. */
    bool (*prepare)(const encoder *m, team *t, int longest, error *e);
    /* Floats of working memory for a step of n_tokens. */
    size_t (*work_floats)(const encoder *m, int n_tokens);
    /* Token vectors of the sequences of r, whose tokens stand at `at` in b; ids are checked. May
     * use all of *w. ERR_CANCELLED as encoder_cancelled says. */
    bool (*run)(const encoder *m, team *t, const token_batch *b, const ragged *r, int at,
                float *out, struct encoder_work *w, error *e);
    /* Whether it attends by w->cut where that is set; NULL: it does not. */
    bool (*cuts)(const encoder *m);
} encoder_engine;

typedef struct encoder_spec {
    const encoder_engine *engine; /* NULL: that of the BERT family, which the rest describes */
    const char *prefix;           /* in front of all names in some checkpoints: "bert." */
    const char *other_prefix;     /* the same where no name has that one, or NULL */
    enum encoder_positions positions;
    bool shared_layers;         /* a few sets of weights take turns */
    const char *const *ignored; /* patterns of tensors that are no part of the encoder */
    const head_spec *heads;     /* [MODEL_HEADS], or NULL: it has none */
    /* The same where they depend on the configuration; NULL: they do not. */
    const head_spec *(*heads_for)(const encoder_config *c);
    int unsaid_labels; /* labels where config.json says nothing of them; 0: 2 */
    int padding; /* the id that POSITIONS_AFTER_PADDING leaves out whatever config.json says; 0:
                    its pad_token_id */
    const char *words; /* the table that scores may be tied to, behind the prefix; NULL:
                          "embeddings.word_embeddings" */
    /* Claim the weights: one line a block. w: behind the prefix. Not called for another engine. */
    void (*bind)(encoder *m, weights w);
    void (*bind_layer)(encoder_layer *l, weights w, int i, const encoder_config *c);
} encoder_spec;

/* Names that hidden_act may have, and the places of some of them, for presets. */
extern const char *const encoder_acts[];
enum {
    ENCODER_GELU = 0,
    ENCODER_GELU_NEW = 2,
    ENCODER_SILU = 8,
    ENCODER_RELU = 10,
    ENCODER_TANH = 11,
    ENCODER_LINEAR
};

extern const char *const encoder_position_types[];

/* The first token, under all its names, the mean of all, the mean of their scores, the last under
 * both its names. */
extern const char *const encoder_head_poolings[];
enum {
    ENCODER_POOL_CLS,
    ENCODER_POOL_FIRST,
    ENCODER_POOL_BOS,
    ENCODER_POOL_MEAN,
    ENCODER_POOL_LATE,
    ENCODER_POOL_LAST,
    ENCODER_POOL_CLS_INDEX
};

/* Rows of encoder_config that most architectures share, with their presets. */
#define ENCODER_SIZES(hidden_size, n_layers, n_heads, ffn_size)                                    \
    FIELD_INT(encoder_config, hidden, "hidden_size", hidden_size, 1, 1 << 16, "token width"),      \
        FIELD_INT(encoder_config, layers, "num_hidden_layers", n_layers, 0, 1000, "layers"),       \
        FIELD_INT(encoder_config, heads, "num_attention_heads", n_heads, 1, 1 << 12, "heads"),     \
        FIELD_INT(encoder_config, ffn, "intermediate_size", ffn_size, 1, 1 << 20, "middle width")
#define ENCODER_TABLES(vocab_size, n_positions)                                                    \
    FIELD_INT(encoder_config, vocab, "vocab_size", vocab_size, 1, 1 << 24, "token ids"),           \
        FIELD_INT(encoder_config, positions, "max_position_embeddings", n_positions, 1, 1 << 20,   \
                  "positions"),                                                                    \
        FIELD_BOOL(encoder_config, tied, "tie_word_embeddings", 1, "scores use the token table")
#define ENCODER_TYPES(n_types)                                                                     \
    FIELD_INT(encoder_config, types, "type_vocab_size", n_types, 0, 1 << 16, "token types")
#define ENCODER_ACT(key, preset)                                                                   \
    FIELD_CHOICE(encoder_config, act, key, preset, encoder_acts, "activation")
#define ENCODER_EPS(preset)                                                                        \
    FIELD_NUMBER(encoder_config, eps, "layer_norm_eps", preset, 0, 1, "added to variances")
#define ENCODER_PADDING(preset)                                                                    \
    FIELD_INT(encoder_config, pad_token_id, "pad_token_id", preset, 0, 1 << 24, "padding id")
#define ENCODER_SEPARATOR(preset)                                                                  \
    FIELD_INT(encoder_config, sep_token_id, "sep_token_id", preset, 0, 1 << 24, "between texts")
/* Options of heads. */
#define ENCODER_HEAD_ACT(key, preset)                                                              \
    FIELD_CHOICE(encoder_config, head_act, key, preset, encoder_acts, "activation of heads")
#define ENCODER_HEAD_POOLING(key, preset)                                                          \
    FIELD_CHOICE(encoder_config, head_pooling, key, preset, encoder_head_poolings,                 \
                 "what heads for sequences see")
/* Options that change the result and have one supported value. */
#define ENCODER_ONLY                                                                               \
    FIELD_CHOICE(encoder_config, position_type, "position_embedding_type", 0,                      \
                 encoder_position_types, "kind of positions"),                                     \
        FIELD_BOOL(encoder_config, is_decoder, "is_decoder", 0, "causal attention"),               \
        FIELD_BOOL(encoder_config, cross_attention, "add_cross_attention", 0, "second input")

/* Checks the configuration (*c is kept by value) and binds the weights and the head that was asked
 * for, as far as there is one (see head_choose); weights_done included. n_labels: of heads with
 * labels. ERR_INVALID for an option that is not supported, ERR_BAD_MODEL for what does not fit. */
bool encoder_init(encoder *m, const encoder_spec *spec, const encoder_config *c,
                  enum model_head kind, int n_labels, weight_set *set, error *e);
void encoder_release(encoder *m);

/* The language of a text for which `given` (-1: none) was asked; -1: it must have one. */
static inline int encoder_language(const encoder *m, int given)
{
    return given < 0 ? m->language : given;
}

/* Longest sequence. */
int encoder_max_tokens(const encoder *m);

/* Bytes that encoder_run takes from its arena for a step. */
size_t encoder_work_bytes(const encoder *m, int n_tokens);

/* For engines: */

/* The activation at place i of encoder_acts; -1: none. */
enum activation encoder_activation(int i);

/* Whether heads can be as wide as the configuration has them. */
bool encoder_check_heads(const encoder_config *c, error *e);

/* The positions of the sequences' tokens, as the spec counts them; ids: of the first. */
void encoder_number(const encoder *m, const int *ids, const ragged *r, int *positions);

/* Sum of the embedding tables that are bound. out: [rows of r][config.embedding]. Writes
 * w->positions. */
void encoder_embed(const encoder *m, team *t, const token_batch *b, const ragged *r, int at,
                   float *out, struct encoder_work *w);

/* True, with ERR_CANCELLED, when nobody waits for the result any more: asked between layers. */
bool encoder_cancelled(const token_batch *b, error *e);

/* Working memory that the steps of one call share. */
typedef struct encoder_work {
    float *floats;
    size_t n_floats;
    int *positions;        /* [n_tokens] */
    int *start;            /* [n_tokens + 1] */
    int n_tokens;          /* room of the above */
    attention_span *spans; /* [n_tokens] */
    int *first_span;       /* [n_tokens + 1] */
    attention_plan plan;
    const attention_plan *cut; /* of the step, where some tokens are seen by none
                                  (token_batch.seen); else NULL */
    const int *languages;      /* of the step's sequences, see token_batch */
    bool for_head; /* the vectors go to the model's head: where the reference computes with other
                      vectors then, those; of a head that pools a sequence's first token, no other
                      one is needed */
} encoder_work;

/* Whether token_batch.seen is honoured. */
bool encoder_cuts(const encoder *m);

/* NULL pointers and ERR_NO_SPACE when the arena is full. n_tokens: of the largest step. */
bool encoder_work_init(encoder_work *w, const encoder *m, int n_tokens, arena *a, error *e);

/* Before the steps of a batch whose sequences have at most `longest` tokens. Not while any run. */
bool encoder_prepare(const encoder *m, team *t, int longest, error *e);

/* Token vectors of sequences first .. end - 1. After encoder_prepare, any number of threads may run
 * steps at a time, with working memory and a team for each. out: [their tokens][hidden]. Ids are
 * checked: ERR_INVALID. ERR_CANCELLED between layers. */
bool encoder_run(const encoder *m, team *t, const token_batch *b, int first, int end, float *out,
                 encoder_work *w, error *e);
