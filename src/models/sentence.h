/* What sentence-transformers puts around an encoder: pooling, the modules behind it, prompts,
 * limits.
 *
 * Files, all in the model folder: modules.json (the modules in their order: Transformer and
 * Pooling, or a Transformer with the head for masked words and SpladePooling, then any of Dense,
 * LayerNorm, Normalize, SparseAutoEncoder, Dropout; written by versions 0.3 to 6),
 * <Transformer>/sentence_bert_config.json, <Pooling>/config.json, <Dense>/{config.json,
 * model.safetensors}, config_sentence_transformers.json. Without modules.json a folder is a plain
 * encoder, for which mean pooling is assumed, as sentence-transformers does. So is the folder of a
 * cross-encoder, for which sentence-transformers 6 writes a modules.json of one Transformer. */
#pragma once

#include "base/arena.h"
#include "models/late.h"
#include "models/model.h"
#include "models/router.h"
#include "nn/linear.h"
#include "nn/norm.h"
#include "nn/pooling.h"
#include "nn/splade.h"
#include "tensor/repo.h"

/* One step from embedding to embedding. */
typedef struct sentence_module {
    enum sentence_module_kind {
        SENTENCE_DENSE,
        SENTENCE_LAYER_NORM,
        SENTENCE_NORMALIZE,
        SENTENCE_AUTO_ENCODER, /* https://arxiv.org/abs/2503.01776: of a wide dense layer's values
                                  the largest `most` stay, where they are above 0 */
    } kind;
    const char *path; /* its folder */
    int in, out;      /* widths, as its config.json says */
    linear dense, residual_dense;
    enum activation act;
    int biased, residual; /* of DENSE; residual: its input is added, projected when widths differ */
    norm norm;
    int most;                /* of AUTO_ENCODER */
    const float *subtracted; /* of AUTO_ENCODER: [in] */
    bool standardized;       /* of AUTO_ENCODER: its input is, before that */
    bool bound;              /* its weights are the encoder's */
    weight_set *weights;     /* owned */
} sentence_module;

enum { SENTENCE_MODULES = 16, SENTENCE_MODES = 16 };

typedef struct sentence {
    bool stated;             /* modules.json is there and makes embeddings */
    bool scores;             /* modules.json says it is a cross-encoder: no embeddings */
    str activation;          /* of a cross-encoder's scores; p NULL: nothing is said */
    const char *transformer; /* folder of the encoder, "" for the model folder */
    int max_tokens;          /* as sentence_bert_config.json or the tokenizer says; 0: no limit */
    bool lower_case;
    enum pooling modes[SENTENCE_MODES];
    int n_modes;
    bool include_prompt;
    late late;                  /* is: nothing is pooled, the modules take token vectors */
    const char *query_folder;   /* of queries' fixed weights, see router.h; NULL: there are none */
    weight_set *query_weights;  /* owned */
    const float *token_weights; /* [width] of these, by id */
    bool of_scores; /* scores of the vocabulary are pooled, by `splade` in place of `modes` */
    splade splade;
    bool sparse;    /* most values of the result are 0 */
    int max_active; /* so many values of the result stay; 0: all */
    sentence_module modules[SENTENCE_MODULES];
    int n_modules;
    int width; /* of the result */
    enum model_similarity similarity;
    const char *similarity_name;
    model_prompt *prompts;
    int n_prompts;
    const model_prompt *by_default;
} sentence;

/* Reads the files. Strings are put into `memory`, which must live as long as s. ERR_INVALID for a
 * module or an option that is not supported, ERR_BAD_MODEL for broken files. */
bool sentence_open(sentence *s, const repo *r, arena *memory, error *e);

/* Opens the weights of the modules that are not bound yet and checks that the widths fit, from that
 * of what is pooled on: token vectors, or scores. */
bool sentence_bind(sentence *s, const repo *r, int width, error *e);
void sentence_release(sentence *s);

/* Of a folder whose projection stands among the encoder's weights: claims it. */
void sentence_claim(sentence *s, weights w, int hidden);

/* Working memory of sentence_run, a multiple of floats. */
size_t sentence_work_bytes(const sentence *s, int n_seq);

/* Width of what pooling makes of rows of this width. */
int sentence_pooled_width(const sentence *s, int width);

/* Sends pooled vectors [n_seq][pooled width] through the modules to out [n_seq][width]. pooled is
 * used as working memory; it may be out itself when there is no work for n_seq. work:
 * sentence_work_bytes. */
void sentence_run(const sentence *s, team *t, float *pooled, float *out, int n_seq, float *work);

/* "mean", "cls+max", in memory. */
const char *sentence_pooling_name(const sentence *s, arena *memory);
