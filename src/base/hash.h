/* Hashes: SHA-1 and SHA-256 for content names and tokens, a fast keyed one for tables. */
#pragma once

#include "base/error.h"
#include "base/str.h"

#include <stdint.h>

enum { SHA256_HEX = 65, SHA1_HEX = 41 }; /* sizes of hex texts with their NUL */

/* Lower-case hex digest of bytes. */
void sha256_hex(str bytes, char out[SHA256_HEX]);

/* Digest of a file's content; `git_blob` hashes as git does ("blob <size>\0" first) with SHA-1. */
bool sha256_file(const char *path, char out[SHA256_HEX], error *e);
bool sha1_git_blob_file(const char *path, char out[SHA1_HEX], error *e);

/* Running SHA-256, for downloads. */
typedef struct sha256 sha256;
sha256 *sha256_new(void);
void sha256_add(sha256 *h, const void *bytes, size_t n);
void sha256_end(sha256 *h, char out[SHA256_HEX]); /* also frees h */

/* For hash tables: seeded per process, so that clients cannot choose collisions. */
uint64_t hash_bytes(const void *bytes, size_t n);

/* Fills with bytes of the operating system's generator. */
void random_bytes(void *out, size_t n);

/* Equal in time that does not depend on where they differ. */
bool equal_constant_time(str a, str b);
