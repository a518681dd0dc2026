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

#include <stdint.h>

typedef struct model model;

/* How two embeddings of this model are meant to be compared. */
enum model_similarity {
    SIMILARITY_COSINE,
    SIMILARITY_DOT,
    SIMILARITY_EUCLIDEAN, /* minus the distance */
    SIMILARITY_MANHATTAN, /* minus the distance */
};

/* A text that the model wants in front of certain inputs ("query", "passage"). */
typedef struct model_prompt {
    const char *name; /* NUL-terminated */
    str text;
} model_prompt;

/* What is known of a model once it is open; strings and arrays live as long as the model. */
typedef struct model_info {
    const char *model_type;      /* of config.json: "bert" */
    const char *similarity_name; /* "cosine", "dot", "euclidean", "manhattan" */
    enum model_similarity similarity;
    const char *pooling; /* "mean", "cls", "cls+max", ...; see `pooled` */
    const char *dtype;   /* of most of the published weights: "F32", "F16", "BF16" */
    int hidden;          /* width of a token vector */
    int width;           /* width of an embedding */
    int layers;
    int vocab;           /* ids are 0 .. vocab - 1 */
    int types;           /* type ids are 0 .. types - 1; 0: the model has none */
    int max_tokens;      /* longest input as the reference truncates it, special tokens included */
    int max_position;    /* longest sequence that model_hidden and model_embed accept */
    bool pooled;         /* the folder states its pooling (modules.json); else it is plain mean, as
                            sentence-transformers assumes */
    bool normalized;     /* embeddings have length 1 already */
    bool lower_case;     /* sentence_bert_config.json: do_lower_case, texts are lowered first */
    bool include_prompt; /* tokens of a prompt count in pooling */
    const model_prompt *prompts;    /* [n_prompts], in the order of the file */
    int n_prompts;                  /* 0 when there are none */
    const model_prompt *by_default; /* the prompt for inputs that name none, or NULL */
    int64_t parameters;             /* elements of all tensors in the weight files */
    int64_t mapped_bytes;           /* weight files, mapped read-only and shared */
    int64_t converted_bytes;        /* private memory for weights that could not be used in place */
} model_info;

/* Sequences back to back, without padding. The ids are checked against the vocabulary. */
typedef struct token_batch {
    const int *ids;      /* [start[n_seq]] */
    const int *type_ids; /* the same, or NULL: all 0 */
    const int *start;    /* [n_seq + 1], rising from 0; no sequence is empty */
    int n_seq;
    const int *skip; /* [n_seq] leading tokens (special ones included) that belong to a prompt and
                        stay out of pooling; NULL: none. Ignored when info.include_prompt. */
    /* Asked between layers; true stops the call with ERR_CANCELLED. NULL: never. */
    bool (*cancelled)(void *arg);
    void *cancelled_arg;
} token_batch;

/* Maps and binds the weights; `threads` stays the caller's and must outlive the model. NULL on
 * failure: ERR_INVALID for a model_type, module or option that is not supported (the message
 * names it and says what is), ERR_BAD_MODEL for a broken folder, ERR_NOT_FOUND without one. */
model *model_open(const char *folder, team *threads, error *e);
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
