/* Prepared weights: what kernels read, made once from the published weights and mapped ever after.
 *
 * A file holds named items, each at a multiple of 64 bytes. It counts only when it is of this
 * version and machine, belongs to this user alone to write, was made from the very same source, and
 * its header and list of items are right in every number. The items themselves have checksums,
 * which prepared_is_sound reads: opening does not, as it must not read the whole file; what a power
 * failure may leave has no name yet. Written and replaced as base/cache_file.h has it: files may be
 * deleted at any time. */
#pragma once

#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/map.h"
#include "base/str.h"
#include "base/thread.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct prepared {
    file_map file; /* n 0: none is open */
    map by_name;   /* name -> item of the file */
} prepared;

/* Maps a file; id: of the source, as it was at writing. False when it is not there or not right. */
bool prepared_open(prepared *p, const char *path, const char id[SHA256_HEX]);
void prepared_release(prepared *p);

/* The bytes of an item of exactly this size; NULL when there is none. */
const void *prepared_find(const prepared *p, str name, size_t size);

/* Whether all items are as they were written. */
bool prepared_is_sound(const prepared *p);

/* What is to be written, in this order. */
typedef struct prepared_part {
    const char *name; /* all different */
    size_t size;
} prepared_part;

/* How parts are made: in pieces, which any threads make at the same time, in no order. */
typedef struct prepared_maker {
    void *arg;
    /* Pieces of part i, 1 at least. */
    int (*pieces)(void *arg, int i);
    /* Bytes of part i that stand fast once its pieces before this one are made. */
    size_t (*begin)(void *arg, int i, int piece);
    /* Makes a piece in `out`, 64-byte aligned memory for the whole part, contents undefined; all
     * pieces together write all of it. False: stop, with an error. */
    bool (*make)(void *arg, int i, int piece, void *out, error *e);
} prepared_maker;

/* Writes a file in place of the one at `path`, if any; while a thread of the team writes, the
 * others make what follows. ERR_NO_SPACE when the disk has no room for it, which is found before
 * anything is made, or fills up meanwhile; whatever fails, the old file stays. The bytes do not
 * depend on the team. */
bool prepared_write(const char *path, const char id[SHA256_HEX], const prepared_part *parts,
                    int n_parts, const prepared_maker *maker, team *t, error *e);
