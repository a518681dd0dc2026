/* Blocks of doubling size in a list; the newest is bumped. Oversized requests get a block of their
 * own. */
#include "base/arena.h"
#include "base/memory.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { FIRST_BLOCK = 16 << 10, KEEP_BLOCK = 1 << 20, BLOCK_ALIGN = 64 };

struct block {
    struct block *next;
    size_t size, used; /* of `bytes` */
    _Alignas(BLOCK_ALIGN) char bytes[];
};

struct arena {
    struct block *newest;
    size_t used, max;
};

arena *arena_new(size_t max_bytes)
{
    arena *a = xcalloc(1, sizeof *a);
    a->max = max_bytes;
    return a;
}

static void free_blocks(struct block *b)
{
    while (b) {
        struct block *next = b->next;
        free(b);
        b = next;
    }
}

void arena_free(arena *a)
{
    if (!a)
        return;
    free_blocks(a->newest);
    free(a);
}

void arena_reset(arena *a)
{
    struct block *keep = a->newest;
    if (keep) {
        free_blocks(keep->next);
        keep->next = NULL;
        keep->used = 0;
        if (keep->size > KEEP_BLOCK) {
            free(keep);
            keep = NULL;
        }
    }
    a->newest = keep;
    a->used = 0;
}

static bool add_block(arena *a, size_t size)
{
    size_t want = a->newest ? a->newest->size * 2 : FIRST_BLOCK;
    if (want > KEEP_BLOCK)
        want = KEEP_BLOCK;
    if (want < size)
        want = size;
    size_t bytes = (sizeof(struct block) + want + BLOCK_ALIGN - 1) / BLOCK_ALIGN * BLOCK_ALIGN;
    struct block *b = aligned_alloc(BLOCK_ALIGN, bytes);
    if (!b)
        return false;
    b->size = want;
    b->used = 0;
    b->next = a->newest;
    a->newest = b;
    return true;
}

void *arena_raw(arena *a, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes) || bytes > a->max - a->used)
        return NULL;
    size_t align = bytes >= BLOCK_ALIGN ? BLOCK_ALIGN : 16;
    struct block *b = a->newest;
    size_t at = b ? (b->used + align - 1) / align * align : 0;
    if (!b || at > b->size || bytes > b->size - at) {
        if (!add_block(a, bytes))
            return NULL;
        b = a->newest;
        at = 0;
    }
    b->used = at + bytes;
    a->used += bytes;
    return b->bytes + at;
}

void *arena_try(arena *a, size_t count, size_t size)
{
    void *p = arena_raw(a, count, size);
    return p ? memset(p, 0, count * size) : NULL;
}

void *arena_alloc(arena *a, size_t size)
{
    void *p = arena_try(a, 1, size);
    if (!p) {
        fprintf(stderr, "arena is full: %zu bytes on top of %zu of %zu\n", size, a->used, a->max);
        abort();
    }
    return p;
}

char *arena_copy(arena *a, const char *bytes, size_t n)
{
    char *p = n < SIZE_MAX ? arena_try(a, n + 1, 1) : NULL;
    if (p && n)
        memcpy(p, bytes, n);
    return p;
}

char *arena_printf(arena *a, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *p = n < 0 ? NULL : arena_try(a, (size_t)n + 1, 1);
    if (p)
        vsnprintf(p, (size_t)n + 1, format, again);
    va_end(again);
    return p;
}

size_t arena_used(const arena *a)
{
    return a->used;
}
