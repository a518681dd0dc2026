/* Layout of the generated table moses_table.c (tools/moses_tables.py). Read it through moses.h. */
#pragma once

#include <stdint.h>

struct moses_range {
    uint32_t first, last;
    uint32_t flags;
};
extern const struct moses_range moses_ranges[]; /* rising, without those of no flags */
extern const int n_moses_ranges;

struct moses_prefix {
    const char *text;  /* UTF-8; NULL at the end */
    int before_number; /* only there */
};
extern const struct moses_prefix moses_prefixes_en[], moses_prefixes_fr[];
