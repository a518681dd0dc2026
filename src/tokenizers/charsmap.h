/* A sentencepiece character map: strings and what they are normalised to, as a Darts-clone double
 * array over UTF-8 bytes with the replacements behind it, each ended by a NUL byte:
 * [u32 bytes of the array][u32 units][replacements], little-endian. */
#pragma once

#include "base/error.h"
#include "base/str.h"

#include <stdint.h>

typedef struct charsmap {
    const unsigned char *units; /* little-endian, not aligned */
    size_t n_units;
    str replacements;     /* valid UTF-8 */
    bool plain_byte[256]; /* ASCII that alone stays what it is; '\r' never is plain */
} charsmap;

/* A view of the bytes, which must outlive it. Fails with ERR_BAD_MODEL and what is wrong. */
bool charsmap_open(charsmap *map, str bytes, error *e);

/* What the shortest mapped prefix of a text (of whole characters) is replaced by; false when none
 * is mapped. Whatever the map says, the replacement is valid UTF-8. */
bool charsmap_find(const charsmap *map, str text, str *replacement);
