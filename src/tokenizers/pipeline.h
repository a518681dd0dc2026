/* The parts of a tokenizer, for the files that make it up: tokenizer.c loads them from a document,
 * encode.c and tokenizer.c run them, folder.c finds the files. */
#pragma once

#include "tokenizers/added_tokens.h"
#include "tokenizers/component.h"
#include "tokenizers/document.h"
#include "tokenizers/postprocessor.h"
#include "tokenizers/tokenizer.h"

struct tokenizer {
    arena *memory; /* the states of the components */
    pattern *patterns;
    vocab vocab;
    added_tokens added;
    component_list normalizers, pretokenizers, decoders;
    component model;
    postprocessor postprocessor;
    tokenizer_info info;
};

/* Builds a tokenizer and takes the vocabulary out of the document, which the caller still releases.
 * `name` stands for the file in messages. */
tokenizer *tokenizer_build(document *d, const char *name, error *e);
