/* Brings mapped weights into the page tables before they are needed, on a thread of its own.
 *
 * Measured with 43 MB of layers in the page cache: faults during the first forward pass cost 2.2 to
 * 2.8 ms; populating the same range takes 2.4 ms, but beside what else a start does (a tokenizer
 * takes longer). Populating a whole file (90 MB, half of it a table of which a request reads a few
 * rows) takes 8.5 ms, MADV_WILLNEED alone saves nothing. With it, opening MiniLM and the first
 * sentence 5 ms later take 6.3 ms instead of 10.5 (best of 25, a busy machine), as the second
 * sentence does. From a disk it reads in large pieces. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

typedef struct read_ahead read_ahead;

struct read_ahead_range {
    const char *p;
    size_t n;
};

/* Starts on a copy of the ranges, in their order. NULL when no thread can be had, which is fine:
 * pages then come by faults. */
read_ahead *read_ahead_start(const struct read_ahead_range *ranges, int n_ranges);

/* Stops and waits; must be called before the ranges are unmapped. NULL is fine. */
void read_ahead_end(read_ahead *r);
