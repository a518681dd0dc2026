/* Model folders that differ from a golden one in one file. */
#pragma once

#include "../tensor/files.h"

#include <jansson.h>

/* A copy (by links) of a model folder, with `patch` merged into one JSON file; a patch that is no
 * object replaces the file. */
static inline char *changed(const char *golden, const char *file, const char *patch)
{
    static const char *const names[] = {"1_Dense",
                                        "1_Pooling",
                                        "1_SpladePooling",
                                        "2_Dense",
                                        "2_MultiVectorMask",
                                        "router_config.json",
                                        "document_1_SpladePooling",
                                        "query_0_SparseStaticEmbedding",
                                        "config.json",
                                        "model.safetensors",
                                        "modules.json",
                                        "sentence_bert_config.json",
                                        "tokenizer.json",
                                        "tokenizer_config.json",
                                        "vocab.txt",
                                        "config_sentence_transformers.json"};
    char *folder = made_folder();
    own_mem char *from_file = xprintf("%s/%s", golden, file);
    own_json json_t *old = json_load_file(from_file, 0, NULL),
                    *new = json_loads(patch, JSON_ALLOW_NUL, NULL);
    if (json_is_object(old) && json_is_object(new))
        json_object_update(old, new);
    bool whole = !json_is_object(old) || !json_is_object(new);
    own_mem char *text = whole ? xstrdup(patch) : json_dumps(old, 0);
    made_file(folder, file, str_of(text));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        own_mem char *from = xprintf("%s/%s", golden, names[i]);
        own_mem char *to = path_join(folder, names[i]);
        if (file_exists(from) && !file_exists(to))
            assert_int_equal(symlink(from, to), 0);
    }
    return folder;
}
