/* What the files of the cache have in common: made from other files, checked before they are
 * trusted, replaced whole.
 *
 * A writer fills a file beside the name and renames it, so that any number of processes may share a
 * folder and anything may be deleted at any time; what is mapped stays until it is unmapped. */
#pragma once

#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"

#include <limits.h>
#include <stdint.h>

enum { CACHE_FILE_ALIGN = 2 << 20 }; /* of large mappings: what a huge page holds */

/* Appends a line that changes when the file at path (links followed) is replaced or written to:
 * device, inode, size, times. False when it is not there. */
bool cache_file_state(buf *out, const char *path);

/* Maps a file of at least min_bytes and at most max_bytes that only this user can have written; at
 * a multiple of CACHE_FILE_ALIGN, so that the parts that the page cache holds as huge pages are
 * mapped as such. at_once: the whole file is read. Released by file_unmap. */
bool cache_file_map(file_map *m, const char *path, uint64_t min_bytes, uint64_t max_bytes,
                    bool at_once);

/* A sum over bytes as fast as they are read from memory; no defence against intent. */
uint64_t cache_file_checksum(const void *bytes, size_t n);

/* A file in the making. */
typedef struct cache_writer {
    char path[PATH_MAX];
    char part[PATH_MAX];
    int fd; /* -1: none */
} cache_writer;

/* Starts a file beside `path`, and removes what killed writers of the same file have left there ten
 * seconds ago or before; cache_writer_drop or cache_writer_done ends it. */
bool cache_writer_open(cache_writer *w, const char *path, error *e);

/* Writes bytes at the end. */
bool cache_writer_add(cache_writer *w, const void *bytes, size_t n, error *e);

/* Writes bytes over those at `offset`. */
bool cache_writer_put(cache_writer *w, uint64_t offset, const void *bytes, size_t n, error *e);

/* Gives the file its name. lasting: after its content is on the disk, so that a power failure
 * leaves all or nothing of it. */
bool cache_writer_done(cache_writer *w, bool lasting, error *e);

/* Removes what was not done; fine after cache_writer_done and for one that is zero with fd -1. */
void cache_writer_drop(cache_writer *w);
