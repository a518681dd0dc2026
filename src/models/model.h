/* One loaded model: what the layers above see of tensor/, nn/ and models/.
 *
 * A model is opened from a folder as it is published (config.json, *.safetensors, and the modules
 * of sentence-transformers when modules.json is there) and answers token ids with vectors. Texts
 * become ids in tokenizers/, by whoever calls this.
 *
 * The vectors of a sequence have the same bits whatever else is in its batch and however many
 * threads the team has. A model runs one call at a time (it owns the team while a call runs);
 * model_describe may be called by any thread. */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"
#include "base/thread.h"
#include "nn/box.h"
#include "tensor/precision.h"

#include <stdint.h>

typedef struct model model;

/* How two embeddings of this model are meant to be compared. */
enum model_similarity {
    SIMILARITY_COSINE,
    SIMILARITY_DOT,
    SIMILARITY_EUCLIDEAN, /* minus the distance */
    SIMILARITY_MANHATTAN, /* minus the distance */
    SIMILARITY_MAXSIM,    /* of a vector for each token: see nn/maxsim.h */
    SIMILARITY_MEAN_MAXSIM,
};

/* What is computed from the token vectors, as `architectures` in config.json says. */
enum model_head {
    HEAD_NONE,         /* a base model, or one that makes embeddings */
    HEAD_MASKED_LM,    /* scores of all ids of the vocabulary for a token */
    HEAD_LABELS,       /* one row of label scores a sequence */
    HEAD_TOKEN_LABELS, /* one row of label scores a token */
    HEAD_SPANS,        /* a token's scores as start and as end of an answer */
    HEAD_CHOICES,      /* one score a sequence, to be compared with those of other choices */
    HEAD_CELLS,        /* a token's score as part of an answer in a table, and for a sequence, where
                          there are labels, one row of their scores: what is to be done with the
                          answer's cells */
};

/* How label scores become probabilities. */
enum model_problem {
    PROBLEM_SINGLE_LABEL, /* softmax: exactly one label is right */
    PROBLEM_MULTI_LABEL,  /* sigmoid of each */
    PROBLEM_REGRESSION,   /* the scores themselves */
};

/* A text that the model wants in front of certain inputs ("query", "passage"). */
typedef struct model_prompt {
    const char *name; /* NUL-terminated */
    str text;
} model_prompt;

/* How texts become token vectors that are compared token by token ("late interaction", ColBERT:
 * https://arxiv.org/abs/2004.12832). Queries and documents are prepared apart; their prompts are
 * "query" and "document". */
typedef struct model_late {
    int query_tokens, document_tokens; /* longest, special ones included; 0: as other models */
    int filled;         /* a shorter query is filled up to so many tokens; 0: it is not */
    bool attended;      /* what it is filled up with is seen by the other tokens */
    str filler;         /* this token; p NULL: the mask, or the end of texts without a mask */
    const str *skipped; /* [n_skipped] tokens whose vectors do not count */
    int n_skipped;
    bool skips_queries, skips_documents; /* in these */
    const int *kept; /* [n_kept] ids whose vectors alone count in documents; n_kept 0: all */
    int n_kept;
    str markers[2]; /* prompts that the tokenizer must take for one token, or such a token in front
                       of them; p NULL: none */
} model_late;

/* What is known of a model once it is open; strings and arrays live as long as the model. */
typedef struct model_info {
    const char *model_type;      /* of config.json: "bert" */
    const char *similarity_name; /* "cosine", "dot", "euclidean", "manhattan", "maxsim",
                                    "meanmaxsim" */
    enum model_similarity similarity;
    const char *pooling;   /* "mean", "cls", "cls+max", "splade", "none"; see `pooled` */
    const char *dtype;     /* of most of the published weights: "F32", "F16", "BF16" */
    const char *precision; /* of the products: "f32", "bf16", "int8" */
    int hidden;            /* width of a token vector */
    int width;             /* width of an embedding, or of a vector of model_tokens */
    int layers;
    int vocab;      /* ids are 0 .. vocab - 1 */
    int types;      /* type ids are 0 .. types - 1; 0: the model has none */
    int places;     /* edges of boxes are 0 .. places - 1; 0: the model reads no boxes */
    int path_depth; /* steps of a node's path; 0: the model reads no paths */
    int path_tags, path_numbers; /* tags are 0 .. path_tags - 1, subscripts the same */
    int table_types;             /* types of a token in a table; 0: the model reads no tables */
    const int *table_sizes;      /* [table_types]: types of kind i are 0 .. table_sizes[i] - 1 */
    int max_tokens;   /* longest input as the reference truncates it, special tokens included */
    int max_position; /* longest sequence that model_hidden and model_embed accept */
    bool pooled;      /* the folder states its pooling (modules.json); else it is plain mean, as
                         sentence-transformers assumes */
    const model_late *late; /* texts become the vectors of model_tokens and have no one embedding;
                               NULL: they have one */
    const char *folder;     /* of config.json and the tokenizer, in the model folder; "": itself */
    const char
        *query_folder;   /* of the tokenizer of queries that get fixed weights for their tokens
                            (token_batch.weighed), without special ones; NULL: there are none */
    bool sparse;         /* most values of an embedding are 0 */
    bool normalized;     /* embeddings have length 1 already */
    bool lower_case;     /* sentence_bert_config.json: do_lower_case, texts are lowered first */
    bool include_prompt; /* tokens of a prompt count in pooling */
    const model_prompt *prompts;    /* [n_prompts], in the order of the file */
    int n_prompts;                  /* 0 when there are none */
    const model_prompt *by_default; /* the prompt for inputs that name none, or NULL */
    const str *languages;           /* [n_languages] that the model has weights for each of */
    int n_languages;                /* 0: it reads all texts alike */
    int language;                   /* of texts without one; -1: each text must have one */
    enum model_head head;
    int n_labels;               /* of HEAD_LABELS, HEAD_TOKEN_LABELS and HEAD_CELLS, else 0 */
    const char *const *labels;  /* [n_labels], by id; "LABEL_<id>" where id2label has none */
    int no_label;               /* of HEAD_CELLS: the label that says nothing is to be done; -1 */
    enum model_problem problem; /* of HEAD_LABELS: as problem_type of config.json says; without it
                                   MULTI_LABEL for one label, else SINGLE_LABEL */
    enum model_problem ranking; /* of HEAD_LABELS: what a cross-encoder gives, MULTI_LABEL for the
                                   sigmoid or REGRESSION for the score itself; as the folder says,
                                   else the sigmoid for one label */
    int64_t parameters;         /* elements of all tensors in the weight files */
    int64_t mapped_bytes;       /* weight files, mapped read-only and shared */
    int64_t converted_bytes;    /* private memory for weights that could not be used in place */
} model_info;

/* Sequences back to back, without padding. The ids are checked against the vocabulary. */
typedef struct token_batch {
    const int *ids;      /* [start[n_seq]] */
    const int *type_ids; /* the same, or NULL: all 0 */
    const box *boxes;    /* the same, where the tokens stand on their page, or NULL: all in the
                            corner. Only where info.places is not 0 */
    const int
        *paths;             /* [start[n_seq]][2][info.path_depth]: of the steps from the root of a
                               document to a token's node the tags, then the subscripts, -1 behind
                               the last step, or NULL: tokens of no document. Only where path_depth is not 0 */
    const int *table_types; /* [start[n_seq]][info.table_types]: what tokens are in their table (see
                               nn/table_types.h), or NULL: all 0. Only where that is not 0 */
    const int *start;       /* [n_seq + 1], rising from 0; no sequence is empty */
    int n_seq;
    const int *skip; /* [n_seq] leading tokens (special ones included) that belong to a prompt and
                        stay out of pooling; NULL: none. Ignored when info.include_prompt. */
    const int *seen; /* [n_seq] leading tokens that are seen, by themselves and by those behind
                        them, which are seen by none; NULL: all. Only where the model fills queries
                        up and does not attend to that. */
    const unsigned char *weighed; /* [n_seq] 1: a query that the encoder does not see: its vector
                                     has the fixed weights of its tokens; NULL: none. Only where
                                     info.query_folder is not NULL; these may be empty or of any
                                     length. */
    const int *languages; /* [n_seq] of info.languages, -1: info.language; NULL: that for all. Only
                             where there are some */
    /* Asked between layers; true stops the call with ERR_CANCELLED. NULL: never. */
    bool (*cancelled)(void *arg);
    void *cancelled_arg;
} token_batch;

/* Maps and binds the weights; `threads` stays the caller's and must outlive the model. NULL on
 * failure: ERR_INVALID for a model_type, module or option that is not supported (the message
 * names it and says what is), ERR_BAD_MODEL for a broken folder, ERR_NOT_FOUND without one. */
model *model_open(const char *folder, team *threads, error *e);

/* The same with a precision, and with weights that are prepared once: looked for, and kept, in the
 * cache folder of the model's (see tensor/weights.h). */
typedef struct model_options {
    enum precision precision;
    bool keeps;   /* prepared weights */
    bool at_once; /* makes those that can wait too; ERR_IO or ERR_NO_SPACE when they cannot be kept
                   */
    enum model_head head; /* where config.json has no `architectures`: taken if it has weights */
} model_options;
model *model_open_as(const char *folder, const model_options *o, team *threads, error *e);

/* Whether all prepared weights were there when the model was opened, and are sound (reads them
 * all). */
bool model_is_prepared(const model *m);
void model_close(model *m);

const model_info *model_describe(const model *m);

/* Most bytes that one call takes from its arena, for a batch of n_tokens in n_seq sequences of at
 * most `longest` tokens. */
size_t model_work_bytes(const model *m, int n_tokens, int n_seq, int longest);

/* Vectors of the last layer, before pooling. out: [start[n_seq]][hidden].
 * ERR_INVALID: an id out of range, a sequence too long; ERR_NO_SPACE: the arena is full. */
bool model_hidden(model *m, const token_batch *b, float *out, arena *a, error *e);

/* One embedding a sequence, through all modules of the model. out: [n_seq][width]. */
bool model_embed(model *m, const token_batch *b, float *out, arena *a, error *e);

/* The token vectors of a model with info.late, through all its modules. rows: as model_logits has
 * them. out: [n_rows][width]. ERR_INVALID for other models. */
bool model_tokens(model *m, const token_batch *b, const int *rows, int n_rows, float *out, arena *a,
                  error *e);

/* Most bytes that model_tokens takes from its arena. */
size_t model_tokens_work_bytes(const model *m, int n_tokens, int longest);

/* One sparse vector a sequence, written out: the same as the sparse vectors that scores of the
 * vocabulary make: of a folder that states how, as model_embed gives them; of any other with
 * HEAD_MASKED_LM those of SPLADE with the highest score of all tokens. ERR_INVALID for other
 * models. out: [n_seq][model_sparse_width]. */
bool model_sparse(model *m, const token_batch *b, float *out, arena *a, error *e);

/* 0 when there are none. */
int model_sparse_width(const model *m);

/* Most bytes that model_sparse takes from its arena. */
size_t model_sparse_work_bytes(const model *m, int n_tokens, int n_seq, int longest);

/* Values in a row of logits: n_labels, 2 for HEAD_SPANS, vocab for HEAD_MASKED_LM, 1 for
 * HEAD_CELLS, 0 without a head. */
int model_logits_width(const model *m);

/* Values that each sequence gets behind its rows: n_labels for HEAD_CELLS, else 0. */
int model_logits_sequence_width(const model *m);

/* Whether the head can score a sequence of these n ids: where model_logits would fail, and all of
 * its batch with it. ERR_INVALID. */
bool model_check_ids(const model *m, const int *ids, int n, error *e);

/* Most bytes that model_logits takes from its arena, for a batch of n_tokens in sequences of at
 * most `longest` tokens. */
size_t model_logits_work_bytes(const model *m, int n_tokens, int longest);

/* What the head makes of the last layer, unscaled: no softmax. rows: [n_rows] numbers of tokens in
 * the batch, each larger than the one before, for the heads that score tokens; NULL: all tokens, in
 * their order. HEAD_LABELS takes no rows. out: [n_seq][n_labels] for HEAD_LABELS,
 * [n_rows][n_labels] for HEAD_TOKEN_LABELS, [n_rows][2] (start, end) for HEAD_SPANS,
 * [n_rows][vocab] for HEAD_MASKED_LM: ask for the rows that are wanted only. HEAD_CELLS takes no
 * rows either, as tokens of a cell are scored together: out is for each sequence
 * [its tokens], then [n_labels]. ERR_INVALID when the model has no head, else as model_hidden. */
bool model_logits(model *m, const token_batch *b, const int *rows, int n_rows, float *out, arena *a,
                  error *e);
