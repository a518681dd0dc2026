/* Linear probing at a load of at most 2/3; removal shifts the cluster back, so there are no
 * tombstones. */
#include "base/map.h"
#include "base/hash.h"
#include "base/memory.h"

#include <stdlib.h>

static void resize(map *m, size_t capacity)
{
    struct map_slot *old = m->slots;
    size_t n_old = m->capacity;
    m->slots = xcalloc(capacity, sizeof *m->slots);
    m->capacity = capacity;
    for (size_t i = 0; i < n_old; i++) {
        if (!old[i].key.p)
            continue;
        size_t at = hash_bytes(old[i].key.p, old[i].key.n) & (capacity - 1);
        while (m->slots[at].key.p)
            at = (at + 1) & (capacity - 1);
        m->slots[at] = old[i];
    }
    free(old);
}

void map_init(map *m, size_t expected)
{
    *m = (map){0};
    size_t capacity = 16;
    while (capacity < expected + expected / 2)
        capacity *= 2;
    if (expected)
        resize(m, capacity);
}

void map_release(map *m)
{
    if (!m)
        return;
    free(m->slots);
    *m = (map){0};
}

static struct map_slot *locate(const map *m, str key, uint64_t hash)
{
    size_t at = hash & (m->capacity - 1);
    uint32_t high = (uint32_t)(hash >> 32);
    while (m->slots[at].key.p && !(m->slots[at].hash == high && str_eq(m->slots[at].key, key)))
        at = (at + 1) & (m->capacity - 1);
    return &m->slots[at];
}

struct map_slot *map_find(const map *m, str key)
{
    if (!m->n)
        return NULL;
    struct map_slot *slot = locate(m, key, hash_bytes(key.p, key.n));
    return slot->key.p ? slot : NULL;
}

struct map_slot *map_add(map *m, str key)
{
    if (key.p == NULL)
        key.p = "";
    if ((m->n + 1) * 3 > m->capacity * 2)
        resize(m, m->capacity ? m->capacity * 2 : 16);
    uint64_t hash = hash_bytes(key.p, key.n);
    struct map_slot *slot = locate(m, key, hash);
    if (!slot->key.p) {
        *slot = (struct map_slot){.key = key, .hash = (uint32_t)(hash >> 32)};
        m->n++;
    }
    return slot;
}

void map_remove(map *m, str key)
{
    struct map_slot *slot = map_find(m, key);
    if (!slot)
        return;
    size_t mask = m->capacity - 1, hole = (size_t)(slot - m->slots), at = hole;
    for (;;) {
        at = (at + 1) & mask;
        if (!m->slots[at].key.p)
            break;
        size_t home = hash_bytes(m->slots[at].key.p, m->slots[at].key.n) & mask;
        if (((at - home) & mask) >= ((at - hole) & mask)) {
            m->slots[hole] = m->slots[at];
            hole = at;
        }
    }
    m->slots[hole] = (struct map_slot){0};
    m->n--;
}

void *map_get(const map *m, str key)
{
    struct map_slot *slot = map_find(m, key);
    return slot ? slot->value.pointer : NULL;
}

int64_t map_number(const map *m, str key, int64_t absent)
{
    struct map_slot *slot = map_find(m, key);
    return slot ? slot->value.number : absent;
}

struct map_slot *map_next(const map *m, size_t *at)
{
    while (*at < m->capacity) {
        struct map_slot *slot = &m->slots[(*at)++];
        if (slot->key.p)
            return slot;
    }
    return NULL;
}
