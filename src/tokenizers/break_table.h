/* Layout of the generated table break_table.c (tools/break_tables.py). */
#pragma once

#include "tokenizers/unicode_table.h"

/* How a character joins the one before it in a grapheme cluster: one of the classes, or for marks
 * the flags. */
enum cluster_class {
    CLUSTER_OTHER,
    CLUSTER_CONTROL,
    CLUSTER_CR,
    CLUSTER_LF,
    CLUSTER_PREPEND,
    CLUSTER_PICTURE,   /* Extended_Pictographic */
    CLUSTER_CONSONANT, /* of Indic conjuncts */
    CLUSTER_L,         /* Hangul syllables and their parts */
    CLUSTER_V,
    CLUSTER_T,
    CLUSTER_LV,
    CLUSTER_LVT,
    CLUSTER_EXTENDS = 16,         /* never starts a cluster */
    CLUSTER_PICTURE_EXTENDS = 32, /* may stand between a pictograph and its joiner */
    CLUSTER_LINKER = 64,          /* links Indic consonants */
    CLUSTER_CONSONANT_EXTENDS = 128,
};

/* block = index[c / UNICODE_BLOCK]; value = values[block * UNICODE_BLOCK + c % UNICODE_BLOCK] */
extern const uint16_t cluster_index[], script_index[];
extern const uint8_t cluster_values[];
extern const uint8_t script_values[]; /* a number for each script, 0: goes with any */

static inline unsigned cluster_class_of(uint32_t c)
{
    return cluster_values[cluster_index[c / UNICODE_BLOCK] * UNICODE_BLOCK + c % UNICODE_BLOCK];
}

static inline unsigned script_of(uint32_t c)
{
    return script_values[script_index[c / UNICODE_BLOCK] * UNICODE_BLOCK + c % UNICODE_BLOCK];
}
