/* Look-ups in the generated tables, and Hangul, whose syllables are composed by arithmetic
 * (The Unicode Standard, 3.12). */
#include "tokenizers/unicode.h"

enum {
    SYLLABLE = 0xAC00,
    LEADING = 0x1100,
    VOWEL = 0x1161,
    TRAILING = 0x11A7,
    N_LEADING = 19,
    N_VOWEL = 21,
    N_TRAILING = 28,
    N_SYLLABLE = N_LEADING * N_VOWEL * N_TRAILING,
    CAPITAL_I_DOT = 0x130,
    DOT_ABOVE = 0x307,
};

int unicode_lower(uint32_t c, uint32_t out[2])
{
    uint32_t lower = unicode_detail_of(c)->lower;
    out[0] = lower ? lower : c;
    if (c != CAPITAL_I_DOT)
        return 1;
    out[1] = DOT_ABOVE;
    return 2;
}

int unicode_decompose(uint32_t c, bool compatible, uint32_t out[UNICODE_MAX_DECOMPOSITION])
{
    if (c - SYLLABLE < N_SYLLABLE) {
        uint32_t index = c - SYLLABLE;
        out[0] = LEADING + index / (N_VOWEL * N_TRAILING);
        out[1] = VOWEL + index % (N_VOWEL * N_TRAILING) / N_TRAILING;
        out[2] = TRAILING + index % N_TRAILING;
        return index % N_TRAILING ? 3 : 2;
    }
    const struct unicode_detail *d = unicode_detail_of(c);
    int n = compatible ? d->n_compatible : d->n_canonical;
    const uint32_t *parts = unicode_decompositions + (compatible ? d->compatible : d->canonical);
    if (n == 0) {
        out[0] = c;
        return 1;
    }
    for (int i = 0; i < n; i++)
        out[i] = parts[i];
    return n;
}

static uint32_t compose_hangul(uint32_t first, uint32_t second)
{
    if (first - LEADING < N_LEADING && second - VOWEL < N_VOWEL)
        return SYLLABLE + ((first - LEADING) * N_VOWEL + second - VOWEL) * N_TRAILING;
    if (first - SYLLABLE < N_SYLLABLE && (first - SYLLABLE) % N_TRAILING == 0 &&
        second > TRAILING && second < TRAILING + N_TRAILING)
        return first + second - TRAILING;
    return 0;
}

uint32_t unicode_compose(uint32_t first, uint32_t second)
{
    uint32_t syllable = compose_hangul(first, second);
    if (syllable)
        return syllable;
    int low = 0, high = n_unicode_pairs;
    while (low < high) {
        int middle = (low + high) / 2;
        const struct unicode_pair *pair = &unicode_pairs[middle];
        if (pair->first == first && pair->second == second)
            return pair->composed;
        if (pair->first < first || (pair->first == first && pair->second < second))
            low = middle + 1;
        else
            high = middle;
    }
    return 0;
}

bool unicode_all_ascii(str s)
{
    unsigned long bits = 0;
    size_t i = 0;
    for (; i + sizeof bits <= s.n; i += sizeof bits) {
        unsigned long word;
        memcpy(&word, s.p + i, sizeof word);
        bits |= word;
    }
    for (; i < s.n; i++)
        bits |= (unsigned char)s.p[i];
    return !(bits & (unsigned long)0x8080808080808080);
}
