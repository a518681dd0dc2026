/* An architecture is one file with a `const architecture` and one row in models/list.h. */
#pragma once

#include "models/encoder.h"

typedef struct architecture {
    const char *model_type; /* of config.json */
    const field *config;    /* rows over encoder_config, or a struct that begins with one */
    size_t config_bytes;    /* of that struct; 0: encoder_config itself */
    const encoder_spec *encoder;
} architecture;

/* NULL when there is none of this model_type. */
const architecture *architecture_find(str model_type);

/* "albert, bert, ...", NUL-terminated, as far as it fits. */
void architecture_names(char *out, size_t size);
