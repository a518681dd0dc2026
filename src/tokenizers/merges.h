/* The merges of a BPE model: pairs of tokens that become one, in the order of their rank. Filled
 * with merges_add, finished once, then read by any number of threads. */
#pragma once

#include "tokenizers/vocab.h"

enum { MERGES_MAX = 1 << 22 };

struct merge {
    uint32_t left, right; /* numbers of symbols */
    uint32_t rank, id;    /* of what they become; a free slot has rank MERGE_FREE */
};

#define MERGE_FREE UINT32_MAX

typedef struct merges {
    bool given; /* the model has a list of merges, perhaps an empty one */
    struct merge_pair {
        uint32_t left, right;
    } * pairs; /* until merges_finish */
    uint32_t n, capacity;
    struct merge *slots; /* hash table by left and right */
    uint32_t mask;
    bool mapped; /* the slots are somebody else's */
} merges;

/* Adds the next merge, of two symbols of the vocabulary. */
bool merges_add(merges *m, const vocab *v, str left, str right, error *e);

/* Makes the table. What a pair becomes is spelled left + right, without the prefix that tokens
 * inside of a word have; it must be in the vocabulary. */
bool merges_finish(merges *m, const vocab *v, str prefix, error *e);
void merges_release(merges *m);

/* Reads [["a", "b"], ...] or ["a b", ...] that starts at json.p[*at], moving *at behind it. */
bool merges_read(merges *m, const vocab *v, str json, size_t *at, error *e);

/* The merge of two ids, NULL when there is none. */
static inline const struct merge *merges_find(const merges *m, int left, int right)
{
    uint64_t hash =
        ((uint64_t)(uint32_t)left << 32 | (uint32_t)right) * UINT64_C(0x9E3779B97F4A7C15);
    for (uint32_t at = (uint32_t)(hash >> 32) & m->mask;; at = (at + 1) & m->mask) {
        const struct merge *found = &m->slots[at];
        if (found->rank == MERGE_FREE)
            return NULL;
        if (found->left == (uint32_t)left && found->right == (uint32_t)right)
            return found;
    }
}
