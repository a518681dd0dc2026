/* The walk is that of the reference: one unit for each byte, checked by its label; where a unit
 * says it has a leaf, the leaf's value is the place of the replacement. An array that leads
 * nowhere, or into the middle of a character, maps nothing. */
#include "tokenizers/charsmap.h"

#include "base/utf8.h"

#include <endian.h>

enum { UNIT_BYTES = 4, HAS_LEAF = 1 << 8, FAR_OFFSET = 1 << 9 };
static const uint32_t LEAF = UINT32_C(1) << 31;

static uint32_t read_u32(const unsigned char *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof value);
    return le32toh(value);
}

/* Distance from a node to its children. */
static size_t offset_of(uint32_t unit)
{
    return (size_t)(unit >> 10) << ((unit & FAR_OFFSET) >> 6);
}

bool charsmap_find(const charsmap *map, str text, str *replacement)
{
    if (map->n_units == 0)
        return false;
    size_t node = offset_of(read_u32(map->units));
    for (size_t i = 0; i < text.n && text.p[i]; i++) {
        unsigned char byte = (unsigned char)text.p[i];
        node ^= byte;
        if (node >= map->n_units)
            return false;
        uint32_t unit = read_u32(map->units + node * UNIT_BYTES);
        if ((unit & (LEAF | 0xFF)) != byte)
            return false;
        node ^= offset_of(unit);
        if (!(unit & HAS_LEAF))
            continue;
        if (node >= map->n_units)
            return false;
        size_t begin = read_u32(map->units + node * UNIT_BYTES) & (LEAF - 1);
        str rest = map->replacements;
        if (begin > rest.n || (begin < rest.n && (rest.p[begin] & 0xC0) == 0x80))
            return false;
        rest = str_skip(rest, begin);
        const char *end = rest.n ? memchr(rest.p, '\0', rest.n) : NULL;
        *replacement = (str){rest.p, end ? (size_t)(end - rest.p) : rest.n};
        return true;
    }
    return false;
}

bool charsmap_open(charsmap *map, str bytes, error *e)
{
    if (bytes.n < UNIT_BYTES)
        return fail(e, ERR_BAD_MODEL, "a character map has %zu bytes, expected at least %d",
                    bytes.n, UNIT_BYTES);
    const unsigned char *p = (const unsigned char *)bytes.p;
    size_t n_units = read_u32(p) / UNIT_BYTES, size = (n_units + 1) * UNIT_BYTES;
    if (size > bytes.n)
        return fail(e, ERR_BAD_MODEL, "a character map has %zu bytes, expected at least %zu",
                    bytes.n, size);
    charsmap made = {p + UNIT_BYTES, n_units, str_skip(bytes, size), {false}};
    size_t bad = utf8_valid_prefix(made.replacements);
    if (bad != made.replacements.n)
        return fail(e, ERR_BAD_MODEL, "a character map is not valid UTF-8 at byte %zu", size + bad);
    for (int c = 0; c < 128; c++) {
        char byte = (char)c;
        str ignored;
        made.plain_byte[c] = c != '\r' && !charsmap_find(&made, (str){&byte, 1}, &ignored);
    }
    *map = made;
    return true;
}
