/* Writing a model into a Hugging Face cache folder (the "hub"), where every program that knows the
 * layout finds it:
 *
 *     HUB/models--OWNER--NAME/
 *         blobs/ETAG                 content; ETAG is the SHA-256 of a large (LFS) file, the git
 *                                    blob SHA-1 of any other
 *         blobs/ETAG.incomplete      the beginning of a blob, to be resumed
 *         snapshots/COMMIT/PATH      relative symbolic links into blobs/
 *         refs/REVISION              COMMIT, without a newline
 *     HUB/.locks/models--OWNER--NAME/inferd.lock     held by the one writer
 *
 * A local folder:                              A download:
 *     snapshot_open                                snapshot_open
 *     snapshot_add_file for every file             for every file: write snapshot_partial_path,
 *     snapshot_content_id -> commit                    snapshot_keep_blob, snapshot_add_blob
 *     snapshot_publish(commit, "main")             snapshot_publish(commit, revision)
 *     snapshot_close                               snapshot_close
 *
 * Readers see a new snapshot whole or not at all, and the reference only after it: blobs first,
 * then the folder of links, then refs/REVISION. A crash at any point leaves what was published
 * before. To a snapshot of the same commit that is there already, files are added one by one.
 *
 * snapshot_has_blob, _partial_path, _blob_path, _lock_blob and _keep_blob may be called by several
 * threads at a time (for different blobs); all else by one. */
#pragma once

#include "base/error.h"
#include "base/hash.h"
#include "base/str.h"

#include <stdint.h>

enum {
    SNAPSHOT_COMMIT = 41,         /* size of a commit text with its NUL */
    SNAPSHOT_MAX_FILES = 100000,  /* files in one snapshot */
    SNAPSHOT_LFS_BYTES = 10 << 20 /* local files above this are named by SHA-256, as on the hub */
};

typedef struct snapshot snapshot;

/* Whether `revision` can be a branch, tag, commit or "refs/pr/N": a safe path of at most 255 bytes
 * without the characters that git forbids in names. ERR_BAD_REQUEST. */
bool revision_check(str revision, error *e);

/* Takes the model's lock and creates the folders that are missing. id: as hub_id_valid() allows.
 * NULL: ERR_BAD_REQUEST (the id),
 * ERR_CONFLICT (another process writes this model now), ERR_IO. */
snapshot *snapshot_open(const char *hub, const char *id, error *e);

/* Gives up the lock. Partial blobs stay; what was added and not published is forgotten. */
void snapshot_close(snapshot *s);

/* Copies a regular file (links are followed) into blobs/ and adds it as `path`. The copy shares its
 * disk blocks where the file system can. */
bool snapshot_add_file(snapshot *s, const char *path, const char *source, error *e);

/* Adds `path` with the content of a blob that is in place by the time of snapshot_publish. etag: 40
 * or 64 lower-case hex digits. A path that leaves the folder, is over-long (1,024 bytes; 255 in a
 * part), holds control characters, is given twice, or needs a file as a folder is ERR_INVALID. */
bool snapshot_add_blob(snapshot *s, const char *path, const char *etag, error *e);

/* An id for content that has no commit: the first 40 hex digits of the SHA-256 of the lines
 * "ETAG PATH\n" of all files added, in the byte order of the paths. */
void snapshot_content_id(snapshot *s, char out[SNAPSHOT_COMMIT]);

/* Makes what was added visible as snapshots/COMMIT and then, unless `revision` is the commit
 * itself, as refs/REVISION. commit: 40 lower-case hex digits. */
bool snapshot_publish(snapshot *s, const char *commit, const char *revision, error *e);

/* Paths, in new memory (free). */
char *snapshot_path(const snapshot *s, const char *commit);
char *snapshot_blob_path(const snapshot *s, const char *etag);
char *snapshot_partial_path(const snapshot *s, const char *etag);

/* Whether blobs/ETAG is there with this size and content (the whole of it is read). */
bool snapshot_has_blob(const snapshot *s, const char *etag, int64_t size_bytes);

/* The lock that other programs of this cache hold while they write blobs/ETAG: a descriptor to
 * close, or -1 with ERR_CONFLICT when one of them does, ERR_IO. */
int snapshot_lock_blob(const snapshot *s, const char *etag, error *e);

/* Checks size and content of the complete blobs/ETAG.incomplete and renames it to blobs/ETAG.
 * Wrong content is ERR_BAD_GATEWAY, and the file is removed. */
bool snapshot_keep_blob(const snapshot *s, const char *etag, int64_t size_bytes, error *e);
