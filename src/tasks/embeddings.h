/* What all requests for embeddings share: feature-extraction, TEI's /embed and OpenAI's
 * /v1/embeddings are different rows and replies over this one request. */
#pragma once

#include "tasks/texts.h"

enum embedding_format { EMBEDDING_FLOAT, EMBEDDING_BASE64 };

typedef struct embed_request {
    texts inputs;
    int normalize; /* 1, 0, or -1: as the model's modules do */
    int truncate;  /* 1, 0, or -1: yes, reported in the reply's headers */
    int side;      /* enum truncation_side, or -1: as the tokenizer says */
    str prompt_name;
    str language;   /* of the texts */
    int dimensions; /* the first so many values of a vector; 0: all */
    int format;     /* enum embedding_format */
} embed_request;

/* Names for the rows. */
extern const char *const truncation_sides[];  /* "right", "left" */
extern const char *const embedding_formats[]; /* "float", "base64" */

/* The rows that every such request has, after its inputs; `preset_normalize` as in embed_request.
 */
#define EMBED_FIELDS(preset_normalize)                                                             \
    FIELD_BOOL(embed_request, normalize, "normalize", preset_normalize,                            \
               "scale vectors to length 1; when not given, as the model does"),                    \
        FIELD_BOOL(                                                                                \
            embed_request, truncate, "truncate", -1,                                               \
            "cut texts that are too long (reported in the headers); false makes them an error"),   \
        FIELD_CHOICE(embed_request, side, "truncation_direction", -1, truncation_sides,            \
                     "which end is cut off"),                                                      \
        FIELD_STRING(embed_request, prompt_name, "prompt_name", NULL, 0,                           \
                     "which of the model's prompts is put in front of the texts"),                 \
        LANGUAGE_FIELD(embed_request),                                                             \
        FIELD_INT(embed_request, dimensions, "dimensions", 0, 0, 1 << 20,                          \
                  "keep only the first values of each vector; 0 keeps all"),                       \
        FIELD_CHOICE(embed_request, format, "encoding_format", EMBEDDING_FLOAT, embedding_formats, \
                     "numbers, or base64 of little-endian 32-bit floats")

/* Encodes the texts; `path` is their place in the request, for messages. Of a model with info->late
 * CALL_HIDDEN becomes CALL_TOKENS, of queries if that is the prompt's name, and CALL_EMBEDDING is
 * ERR_INVALID. */
bool embeddings_prepare(task_call *c, const char *path, error *e);

/* Applies dimensions and normalize to every embedding, or vector of CALL_TOKENS, in place; returns
 * the width that is left. */
int embeddings_shape(task_call *c);

/* One vector as a JSON array or a base64 string. */
void embeddings_put(buf *out, const float *vector, int width, int format);

/* "[...]" of the vectors of sequence i, one a token. */
void embeddings_put_tokens(buf *out, const task_call *c, int i);

/* How close two embeddings are, as sentence_transformers.util computes it. */
float similarity(enum model_similarity kind, const float *a, const float *b, int width);

/* Cosine of two vectors, as sentence_transformers.util.cos_sim computes it (lengths of at least
 * 1e-12). */
float cosine(const float *a, const float *b, int width);
