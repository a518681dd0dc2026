/* Files: read whole, map, write atomically, walk paths. */
#pragma once

#include "base/buf.h"
#include "base/error.h"

#include <stdint.h>

/* Reads a regular file of at most max_bytes into `out` (cleared first; its own maximum is raised).
 */
bool file_read(const char *path, size_t max_bytes, buf *out, error *e);

/* A read-only mapping; an empty file maps to n == 0. Released by file_unmap. */
typedef struct file_map {
    const char *p;
    size_t n;
} file_map;
bool file_map_open(file_map *m, const char *path, error *e);
void file_unmap(file_map *m);
#define own_file_map __attribute__((cleanup(file_unmap)))

/* Writes a file so that readers see the old or the new content, never a part: temporary file in the
 * same folder, fsync, rename. mode as in open(2). */
bool file_write(const char *path, str content, unsigned mode, error *e);

/* mkdir -p with mode 0700 for what it creates. */
bool file_make_dirs(const char *path, error *e);

/* Removes a tree, without following links. A path that is not there is fine. */
bool file_remove_tree(const char *path, error *e);

bool file_exists(const char *path);  /* follows links */
bool file_is_dir(const char *path);  /* follows links */
int64_t file_size(const char *path); /* follows links; -1 when it is not there */

/* Fails with ERR_BAD_MODEL when something of that name is there that can be no file to read (a
 * folder, a link to nothing or to itself), and says what. */
bool file_check(const char *path, error *e);

/* "a/b" from parts, in new memory (free). Parts are joined by one '/'. */
char *path_join(const char *a, const char *b);

/* Whether a relative path stays below its root: no empty part, no ".", no "..", not absolute, no
 * NUL. */
bool path_is_safe(str relative);
