/* Layout of the generated table unicode_table.c (tools/unicode_tables.py). Read it through
 * unicode.h. */
#pragma once

#include <stdint.h>

enum { UNICODE_BLOCK = 128 };

struct unicode_detail {
    uint32_t lower;     /* 0: itself */
    uint16_t canonical; /* where its full decomposition stands, and how long it is; 0: none */
    uint8_t n_canonical;
    uint16_t compatible;
    uint8_t n_compatible;
    uint8_t combining_class;
};

struct unicode_pair {
    uint32_t first, second, composed;
};

/* block = index[c / UNICODE_BLOCK]; value = values[block * UNICODE_BLOCK + c % UNICODE_BLOCK] */
extern const uint16_t unicode_flag_index[], unicode_detail_index[];
extern const uint16_t unicode_flags[];
extern const uint16_t unicode_details[]; /* rows of unicode_rows; 0: nothing to say */
extern const struct unicode_detail unicode_rows[];
extern const uint32_t unicode_decompositions[];
extern const struct unicode_pair unicode_pairs[]; /* sorted by first, second */
extern const int n_unicode_pairs;
