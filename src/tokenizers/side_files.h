/* The JSON files beside a tokenizer: what they say about special tokens and options. */
#pragma once

#include "base/error.h"
#include "base/str.h"

#include <jansson.h>

/* NULL where there is none. */
typedef struct side_files {
    json_t *config;         /* tokenizer_config.json */
    json_t *special_tokens; /* special_tokens_map.json */
    json_t *model_config;   /* config.json */
    json_t *presets;        /* names that hold where the files name none: {"cls_token": "[CLS]"} */
} side_files;

bool side_files_read(side_files *f, const char *folder, error *e);
void side_files_release(side_files *f);

/* The value of "cls_token" and the like as the files have it, a string or an object with
 * "content"; NULL when there is no such token. */
const json_t *side_files_token(const side_files *f, const char *key);

/* Its text; p == NULL when there is none. */
str side_files_token_text(const side_files *f, const char *key);

/* The text of such a value. */
str token_text(const json_t *value);

/* A boolean of tokenizer_config.json. */
bool side_files_flag(const side_files *f, const char *key, bool preset);
