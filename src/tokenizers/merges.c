#include "tokenizers/merges.h"

#include <stdlib.h>

enum { FIRST_PAIRS = 1 << 10, SHOWN = 60 };

static bool no_memory(error *e)
{
    return fail(e, ERR_IO, "out of memory for the merges");
}

static int shown(str s)
{
    return s.n < SHOWN ? (int)s.n : SHOWN;
}

bool merges_add(merges *m, const vocab *v, str left, str right, error *e)
{
    int32_t a = vocab_symbol(v, left), b = vocab_symbol(v, right);
    if (a == VOCAB_ABSENT || b == VOCAB_ABSENT)
        return fail(e, ERR_BAD_MODEL, "merge %u, '%.*s' and '%.*s', is not in the vocabulary", m->n,
                    shown(left), left.p, shown(right), right.p);
    if (m->n == MERGES_MAX)
        return fail(e, ERR_BAD_MODEL, "more than %d merges", MERGES_MAX);
    if (m->n == m->capacity) {
        uint32_t capacity = m->capacity ? m->capacity * 2 : FIRST_PAIRS;
        struct merge_pair *pairs = realloc(m->pairs, capacity * sizeof *pairs);
        if (!pairs)
            return no_memory(e);
        m->pairs = pairs;
        m->capacity = capacity;
    }
    m->pairs[m->n++] = (struct merge_pair){(uint32_t)a, (uint32_t)b};
    return true;
}

/* Of equal pairs the last counts. */
static void put(merges *m, struct merge merge)
{
    struct merge *found = (struct merge *)merges_find(m, (int)merge.left, (int)merge.right);
    if (found) {
        *found = merge;
        return;
    }
    uint64_t hash = ((uint64_t)merge.left << 32 | merge.right) * UINT64_C(0x9E3779B97F4A7C15);
    uint32_t at = (uint32_t)(hash >> 32) & m->mask;
    while (m->slots[at].rank != MERGE_FREE)
        at = (at + 1) & m->mask;
    m->slots[at] = merge;
}

bool merges_finish(merges *m, const vocab *v, str prefix, error *e)
{
    size_t n_slots = 16;
    while (n_slots < (size_t)m->n + m->n / 2)
        n_slots *= 2;
    m->slots = malloc(n_slots * sizeof *m->slots);
    if (!m->slots)
        return no_memory(e);
    m->mask = (uint32_t)n_slots - 1;
    for (size_t i = 0; i < n_slots; i++)
        m->slots[i] = (struct merge){.rank = MERGE_FREE};
    for (uint32_t rank = 0; rank < m->n; rank++) {
        struct merge_pair pair = m->pairs[rank];
        str left = vocab_symbol_text(v, pair.left);
        str right = str_skip(vocab_symbol_text(v, pair.right), prefix.n);
        int32_t id = vocab_find(
            v, vocab_hash_end(vocab_hash(vocab_hash(VOCAB_HASH_START, left), right)), left, right);
        if (id == VOCAB_ABSENT)
            return fail(e, ERR_BAD_MODEL,
                        "merge %u makes '%.*s%.*s', which is not in the vocabulary", rank,
                        shown(left), left.p, shown(right), right.p);
        put(m, (struct merge){pair.left, pair.right, rank, (uint32_t)id});
    }
    free(m->pairs);
    m->pairs = NULL;
    return true;
}

void merges_release(merges *m)
{
    free(m->pairs);
    if (!m->mapped)
        free(m->slots);
    *m = (merges){0};
}
