/* Small fixed allocations that may stop the process: never for sizes that a file or a client chose.
 */
#pragma once

#include <stddef.h>

/* Like calloc, malloc, realloc and strdup, but abort with a message when memory is out. */
void *xcalloc(size_t count, size_t size) __attribute__((returns_nonnull));
void *xmalloc(size_t size) __attribute__((returns_nonnull));
void *xrealloc(void *p, size_t size) __attribute__((returns_nonnull));
char *xstrdup(const char *text) __attribute__((returns_nonnull));
/* Formatted string in new memory. */
char *xprintf(const char *format, ...) __attribute__((returns_nonnull, format(printf, 1, 2)));

/* The larger of two sizes. */
static inline size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}
