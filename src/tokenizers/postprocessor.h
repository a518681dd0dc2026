/* Post-processors: put special tokens around the tokens of one text or a pair, say which segment
 * each token is of, and trim the white space that byte-level tokens carry. All kinds only fill the
 * one struct below, so that a sequence of them is their sum. To add one: its row and the table in
 * postprocessor.c. */
#pragma once

#include "tokenizers/component.h"

enum template_part_kind { PART_SPECIAL, PART_FIRST, PART_SECOND };

/* A special token, or the place of a text. */
typedef struct template_part {
    enum template_part_kind kind;
    int id; /* of a special token */
    int type_id;
} template_part;

typedef struct template_list {
    template_part *parts;
    int n;
    int n_special;
} template_list;

typedef struct postprocessor {
    template_list single, pair;
    bool has_template;
    bool trim_offsets, add_prefix_space;
} postprocessor;

/* From the "post_processor" of a tokenizer.json; null gives the texts one behind the other. */
bool postprocessor_load(loader *l, const json_t *json, postprocessor *out);
