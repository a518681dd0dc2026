/* The parts of a tokenizer, for the files that make it up: tokenizer.c loads them from a document,
 * encode.c and tokenizer.c run them, folder.c finds the files. */
#pragma once

#include "tokenizers/added_tokens.h"
#include "tokenizers/component.h"
#include "tokenizers/document.h"
#include "tokenizers/model.h"
#include "tokenizers/nodes.h"
#include "tokenizers/postprocessor.h"
#include "tokenizers/tokenizer.h"

struct tokenizer {
    arena *memory; /* the states of the components */
    pattern *patterns;
    vocab vocab;
    merges merges;
    file_map file; /* what mapped tables lie in */
    added_tokens added;
    component_list normalizers, pretokenizers, decoders;
    component model;
    postprocessor postprocessor;
    tokenizer_info info;
    node_tags node_tags;
};

/* Builds a tokenizer and takes the tables out of the document, which the caller still releases.
 * `name` stands for the file in messages. */
tokenizer *tokenizer_build(document *d, const char *name, error *e);

/* What a text is encoded as: a whole, or nodes each by itself (see nodes.h), whose numbers are then
 * those of the words. */
enum text_nodes { NODES_NONE, NODES_WORDS, NODES_LINES };

/* What the text is encoded as that is the last of one or two, of a tokenizer that may have nodes.
 */
enum text_nodes encode_nodes(const tokenizer *t, bool is_last, bool lines);

/* The tokens of one text that stay: begin .. end - 1. */
struct kept {
    size_t begin, end;
};

/* The steps of tokenizer_encode(), for what encodes a text once and uses its tokens several times
 * (windows.c). Tokens of a whole text, without special ones: tokens_release() them. */
bool encode_text(const tokenizer *t, str input, bool special_as_text, enum text_nodes nodes,
                 tokens *out, error *e);

/* Where special tokens and texts stand. */
const template_list *encode_template(const tokenizer *t, bool is_pair);

/* The kept tokens of a text (and its pair) in their template. */
bool encode_assemble(const tokenizer *t, const str inputs[2], const tokens lists[2], bool is_pair,
                     const struct kept kept[2], const encode_options *o, encoding *out, arena *a,
                     error *e);
