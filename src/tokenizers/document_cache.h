/* Large tokenizer tables, prepared once: a document as one file that is mapped at the next start.
 *
 * A file lies in the cache folder of the sources' folder (base/cache_dir.h) and is written and read
 * as base/cache_file.h has it. It counts only when it is of this version and machine, belongs to
 * this user alone to write, was made from the very same sources, and its checksum and every number
 * in it that leads somewhere are right. */
#pragma once

#include "base/error.h"
#include "base/hash.h"
#include "tokenizers/document.h"

/* What a document is made from. */
typedef struct cache_key {
    char path[4096];     /* of its file in the cache; "": there is no cache */
    char id[SHA256_HEX]; /* of the state of all sources */
} cache_key;

/* The key of a document made from these files (NULL at the end; path, size, times and inode count,
 * not the content) and a text that says what else it depends on. Small sources get no cache, as
 * reading them is as fast. */
void cache_key_init(cache_key *key, const char *const files[], str recipe);

/* Fills the document; false when the cache does not have it. */
bool document_cache_read(document *d, const cache_key *key);

/* Keeps the document. Does nothing when the folder cannot be written. */
void document_cache_write(const document *d, const cache_key *key);
