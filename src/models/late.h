/* What folders of late interaction (ColBERT) say about queries and documents.
 *
 * They come in three forms, all of which sentence-transformers 6.2 reads:
 * - its own: model_type "MultiVectorEncoder" in config_sentence_transformers.json, lengths and
 *   query_expansion in sentence_bert_config.json, MultiVectorMask and Normalize in modules.json;
 * - PyLate's: model_type "ColBERT", or query_prefix and document_prefix; all of it in
 *   config_sentence_transformers.json, with only a Transformer and Dense layers in modules.json;
 * - Stanford's: architecture HF_ColBERT without modules.json; artifact.metadata, and the projection
 *   as "linear.weight" among the weights of the encoder. */
#pragma once

#include "base/arena.h"
#include "models/model.h"
#include "tensor/repo.h"

#include <jansson.h>

typedef struct late {
    bool is;       /* the folder is one of these */
    bool stanford; /* of the third form */
    bool implied;  /* modules.json leaves out the mask and the norm that stand behind its modules */
    model_late about;
} late;

/* Reads all but what modules stand for. `about` is config_sentence_transformers.json, or an empty
 * object without one: prompts that stand elsewhere are put into its "prompts". Strings are put into
 * `memory`. */
bool late_open(late *l, const repo *r, json_t *about, arena *memory, error *e);

/* What sentence_bert_config.json has, which counts more. folder: that of the Transformer. */
bool late_read_transformer(late *l, const repo *r, const char *folder, const char *name,
                           arena *memory, error *e);

/* config.json of a MultiVectorMask. */
bool late_read_mask(late *l, const repo *r, const char *folder, arena *memory, error *e);

/* Once all is read. folder: that of the Transformer. ERR_INVALID for queries that are filled up on
 * their left. */
bool late_check(const late *l, const repo *r, const char *folder, arena *memory, error *e);

/* Empty prompts "query" and "document" where the file has none. */
bool late_preset_prompts(json_t *about, error *e);
