/* The hub's API as far as downloads need it: which files a revision of a model has, and where.
 * (huggingface.co, a mirror of it, or another inferd.) */
#pragma once

#include "base/error.h"
#include "base/hash.h"
#include "http/download.h"

#include <stdint.h>

/* Where the hub is and who asks. */
typedef struct hub_client {
    char *endpoint; /* owned; http(s)://host[:port][/path], without a slash at the end */
    char *token;    /* owned; NULL: anonymous */
} hub_client;

/* From the environment: HF_ENDPOINT (default https://huggingface.co); HF_TOKEN or
 * HUGGING_FACE_HUB_TOKEN, else the file $HF_TOKEN_PATH, else $HF_HOME/token, HF_HOME being
 * $XDG_CACHE_HOME/huggingface or ~/.cache/huggingface when not set. ERR_BAD_REQUEST for values that
 * cannot be; ERR_UNAVAILABLE when HF_HUB_OFFLINE forbids asking. */
bool hub_client_init(hub_client *c, error *e);
void hub_client_release(hub_client *c);

/* One file of a revision. */
typedef struct hub_file {
    char *path;            /* relative, as the hub says it: not checked to be safe */
    char etag[SHA256_HEX]; /* SHA-256 of an LFS file, git blob SHA-1 of others: not checked */
    int64_t size_bytes;
} hub_file;

typedef struct hub_revision {
    char commit[SHA1_HEX];
    hub_file *files; /* owned */
    int n_files, capacity;
} hub_revision;

/* Asks for the commit of a revision (branch, tag, commit or refs/pr/N) and its files; tries again
 * what may pass. id and revision must be checked. ERR_NOT_FOUND: no such model or revision;
 * ERR_FORBIDDEN: gated; ERR_UNAVAILABLE: the hub cannot be reached; and what download_get() says.
 */
bool hub_client_list(const hub_client *c, download *d, const char *id, const char *revision,
                     hub_revision *out, error *e);
void hub_revision_release(hub_revision *r);

/* URL of a file's content at a commit, in new memory (free). */
char *hub_client_file_url(const hub_client *c, const char *id, const char *commit,
                          const char *path);

/* Records what a refusal (a reply whose status is not 2xx) means; always false. */
bool hub_client_refused(const hub_client *c, const char *id, const char *revision,
                        const download_reply *reply, error *e);
