/* The model card (README.md): YAML front matter between "---" lines, and the Markdown behind it. */
#pragma once

#include "base/error.h"
#include "base/str.h"

#include <jansson.h>

enum {
    CARD_MAX_BYTES = 8 << 20, /* of a README.md; evaluation tables in front matter get large */
    CARD_MAX_DEPTH = 32,      /* nested mappings and sequences */
    CARD_MAX_NODES = 400000,  /* scalars, mappings and sequences */
};

/* Cuts a card in two: views into `text`. Without front matter `front` is empty and `body` is all
 * of it. A byte order mark is passed over. */
void card_split(str text, str *front, str *body);

/* Front matter as a JSON object; new reference, NULL on failure. Plain scalars are read by YAML's
 * core rules: null, true, false, numbers, else text ("no" is a language, not false). Anchors'
 * aliases are refused: a small card could stand for gigabytes. ERR_BAD_MODEL. */
json_t *card_meta(str front, error *e);
