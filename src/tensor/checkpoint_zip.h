/* The zip archives that torch.save writes: read in place, stored entries only.
 *
 * The directory at the end of the file is the truth (zip64 too); every entry is checked against
 * its local header and against the others, so that no two entries share bytes and every name means
 * one entry. Archives on several disks, encrypted or compressed entries are refused. */
#pragma once

#include "base/error.h"
#include "base/map.h"
#include "base/str.h"

#include <stdint.h>

enum { ZIP_ENTRIES = 1 << 20 }; /* at most; the largest checkpoints have some thousands */

struct zip_entry {
    str name; /* in the bytes */
    str data; /* as stored */
    int method;
    uint64_t begin, end; /* from its local header to the end of its data */
};

typedef struct zip_archive {
    struct zip_entry *entries; /* [n], owned, in the order of the file */
    size_t n;
    map by_name;
} zip_archive;

/* Whether bytes begin as a zip archive does. */
bool zip_is(str bytes);

/* Reads the directory of an archive that the caller keeps. ERR_BAD_MODEL. */
bool zip_read(zip_archive *z, str bytes, error *e);
void zip_release(zip_archive *z);

/* Bytes of the entry whose name is prefix and name, data->p == NULL without it. ERR_BAD_MODEL when
 * it is compressed. */
bool zip_find(const zip_archive *z, str prefix, str name, str *data, error *e);
