/* Hash map from byte strings to pointers or numbers. Open addressing, keys are not copied: the
 * caller keeps them alive. Not thread safe while changing; any number of readers otherwise. */
#pragma once

#include "base/str.h"

#include <stdint.h>

struct map_slot {
    str key;       /* p == NULL: free */
    uint32_t hash; /* high bits of the key's hash */
    union {
        void *pointer;
        int64_t number;
    } value;
};

typedef struct map {
    struct map_slot *slots;
    size_t n, capacity; /* a power of two, or 0 */
} map;

void map_init(map *m, size_t expected);
void map_release(map *m);

/* The slot of a key, NULL when absent. */
struct map_slot *map_find(const map *m, str key);

/* The slot of a key, added with a zero value when absent. */
struct map_slot *map_add(map *m, str key);

/* Removes a key if present. */
void map_remove(map *m, str key);

/* Value of a key, or `absent`. */
void *map_get(const map *m, str key);
int64_t map_number(const map *m, str key, int64_t absent);

/* Next used slot at or after index *at (start with 0), moving *at behind it; NULL at the end. */
struct map_slot *map_next(const map *m, size_t *at);
