/* A tokenizer.json, taken apart: its vocabulary and merges, read straight into tables, and
 * everything else as a JSON document. */
#pragma once

#include "base/file.h"
#include "tokenizers/merges.h"
#include "tokenizers/vocab.h"

#include <jansson.h>

typedef struct document {
    json_t *root;  /* owned; model.vocab and model.merges are empty objects */
    vocab vocab;   /* finished */
    merges merges; /* finished if given */
    file_map file; /* what mapped tables lie in (document_cache.h) */
} document;

/* `name` stands for the file in messages. */
bool document_parse(document *d, str json, const char *name, error *e);
void document_release(document *d);
