/* Bump allocation for everything that one request or one batch step makes.
 * Not thread safe: one owner at a time. */
#pragma once

#include "base/str.h"

#include <stddef.h>

typedef struct arena arena;

/* An arena that hands out at most `max_bytes` in all. */
arena *arena_new(size_t max_bytes);
void arena_free(arena *a);

/* Forgets everything handed out; keeps one block for reuse (up to 1 MiB) and gives the rest back.
 */
void arena_reset(arena *a);

/* Memory with undefined contents, 64-byte aligned when size >= 64; NULL as arena_try. */
void *arena_raw(arena *a, size_t count, size_t size);

/* Zeroed memory, 64-byte aligned when size >= 64, else 16-byte. NULL when the limit or memory is
 * out or count * size overflows: use it for sizes that a file or a client chose. */
void *arena_try(arena *a, size_t count, size_t size);

/* The same for small fixed sizes: stops the process when memory is out. */
void *arena_alloc(arena *a, size_t size) __attribute__((returns_nonnull));

/* Copies that end with a NUL byte (not counted). NULL when the limit is out. */
char *arena_copy(arena *a, const char *bytes, size_t n);
char *arena_printf(arena *a, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Bytes handed out since the start or the last reset. */
size_t arena_used(const arena *a);
