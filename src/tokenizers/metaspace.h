/* What the pre-tokenizer and the decoder Metaspace have in common. */
#pragma once

#include "tokenizers/component.h"

enum metaspace_scheme { METASPACE_ALWAYS, METASPACE_FIRST, METASPACE_NEVER };

struct metaspace {
    str replacement;
    int scheme; /* when a text gets one in front */
    int split, add_prefix_space;
    uint32_t c; /* the replacement */
};

extern const field metaspace_fields[];
bool metaspace_prepare(void *state, const json_t *json, const char *path, loader *l);
