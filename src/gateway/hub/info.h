/* What is known of a model from its files: the document of GET /api/models/{id}. */
#pragma once

#include "gateway/library.h"

/* The whole document, made on the first call for a commit and kept with the model: borrowed, read
 * only. Files that cannot be read or are malformed leave their parts out. */
json_t *local_model_info(local_model *m);

/* One file of a snapshot, as trees and downloads name it. */
typedef struct repo_file {
    char *path; /* relative; owned */
    int64_t size;
    char etag[65]; /* git SHA-1 or SHA-256 of the content in hex, as the cache names it; for a
                      file outside of blobs/ 40 digits that change when the file does */
} repo_file;

typedef struct repo_files {
    repo_file *items; /* sorted by path */
    int n;
    char *odd; /* the first entry that is neither file nor folder (a link to nothing); owned, or
                  NULL */
} repo_files;

/* Lists all files of a snapshot, links followed, at most 8 folders deep and 100,000 files. */
void repo_files_list(const char *folder, repo_files *out);
void repo_files_release(repo_files *l);

/* One of them; false when it is not a file of the snapshot. */
bool repo_file_stat(const char *folder, const char *path, repo_file *out);

/* A file that the hub keeps in LFS: its etag is a SHA-256. */
bool repo_file_is_lfs(const repo_file *f);

/* What git keeps in place of such a file; returns its length. */
enum { REPO_POINTER_BYTES = 200 };
size_t repo_file_pointer(const repo_file *f, char out[REPO_POINTER_BYTES]);

/* {"sha256", "size", "pointerSize"}; new reference. `name`: "sha256" or "oid" for the hash. */
json_t *repo_file_lfs(const repo_file *f, const char *name);
