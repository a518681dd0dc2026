/* A tokenizer.json, taken apart: its vocabulary, read straight into a table, and everything else
 * as a JSON document. */
#pragma once

#include "tokenizers/vocab.h"

#include <jansson.h>

typedef struct document {
    json_t *root; /* owned; model.vocab is an empty object */
    vocab vocab;  /* finished */
} document;

/* `name` stands for the file in messages. */
bool document_parse(document *d, str json, const char *name, error *e);
void document_release(document *d);
