/* Downloads the files of a revision into a cache folder: several at a time, resumed where an
 * earlier run stopped, each checked against the size and the hash that the hub's list gives. */
#pragma once

#include "tensor/hub_client.h"
#include "tensor/snapshot.h"

#include <stdatomic.h>
#include <stdint.h>

enum { HUB_FETCH_MAX_JOBS = 16 };

/* How far it is. */
typedef struct hub_fetch_status {
    int n_files, n_files_done;
    int n_present;             /* of those done: were there already, and right */
    int64_t bytes, bytes_done; /* of all files; done: on the disk, from this run or before */
    int64_t bytes_received;    /* by this run */
    int n_retries;             /* connections lost and refusals waited out */
} hub_fetch_status;

typedef struct hub_fetch {
    const hub_client *client;
    const char *id, *revision; /* revision: for messages */
    const hub_revision *files;
    snapshot *to;
    int n_jobs;                   /* 1 .. HUB_FETCH_MAX_JOBS transfers at a time */
    const atomic_bool *cancelled; /* may turn true at any time; may be NULL */

    /* Called in the caller's thread about ten times a second and once at the end; may be NULL. */
    void (*on_status)(void *arg, const hub_fetch_status *status);
    void *arg;
} hub_fetch;

/* Adds all files to the snapshot and brings their blobs into place; publishing is the caller's.
 * Names and ids are checked, and the room on the disk, before anything is downloaded. On failure
 * what has arrived stays, to be resumed: ERR_INVALID (a hostile or broken list), ERR_NO_SPACE,
 * ERR_BAD_GATEWAY (wrong content, or a connection that keeps breaking), ERR_CONFLICT (another
 * program is downloading a file of it), ERR_CANCELLED, and what hub_client_refused() says. */
bool hub_fetch_run(const hub_fetch *f, hub_fetch_status *end, error *e);
