/* What MarkupLM's tokenizer knows of HTML documents: a text is a list of nodes, each encoded by
 * itself, and each node has a path of tags and subscripts from the root of its document. */
#pragma once

#include "base/map.h"
#include "tokenizers/side_files.h"
#include "tokenizers/tokenizer.h"

typedef struct node_tags {
    bool known; /* else: the tokenizer is for plain texts */
    map ids;    /* of "tags_dict"; keys in the tokenizer's memory */
    int unknown_tag, no_tag;
    int most, no_number; /* "max_width": larger subscripts are that; "pad_width" */
} node_tags;

/* Reads tokenizer_config.json of MarkupLMTokenizer, and of no other class. ERR_BAD_MODEL. */
bool node_tags_read(node_tags *m, const side_files *f, arena *memory, error *e);
void node_tags_release(node_tags *m);

/* Moves *at behind the next node of a text, begin .. end - 1 without white space around it: a word,
 * or a line that is not blank. False when there is none. */
bool node_next(str whole, bool lines, size_t *at, size_t *begin, size_t *end);
