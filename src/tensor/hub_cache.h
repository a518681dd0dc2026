/* Models on this machine in the layout of the Hugging Face cache:
 *   <root>/models--owner--name/{refs/<revision>, snapshots/<commit>/..., blobs/...}
 * Read only: who puts models there is hub/ and the command line. */
#pragma once

#include "base/error.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

enum { HUB_ROOTS = 4 };

/* Folders that are searched, the first that has a model wins. */
typedef struct hub_cache {
    char *roots[HUB_ROOTS]; /* owned */
    int n_roots;
} hub_cache;

/* Roots: <data_dir>/hub (when data_dir is not NULL), then the user's own cache: $HF_HUB_CACHE
 * (or the older $HUGGINGFACE_HUB_CACHE), else $HF_HOME/hub, else $XDG_CACHE_HOME/huggingface/hub,
 * else ~/.cache/huggingface/hub. Nothing needs to exist. */
void hub_cache_init(hub_cache *c, const char *data_dir);
void hub_cache_release(hub_cache *c);

/* One model that can be opened. All strings are owned by it. */
typedef struct hub_model {
    char *id;     /* "owner/name" or "name" */
    char *folder; /* the snapshot: <root>/models--owner--name/snapshots/<commit> */
    char *commit;
    int64_t size_bytes;       /* of the snapshot's files, links followed */
    int64_t modified_unix_ms; /* when the snapshot folder last changed */
} hub_model;
void hub_model_release(hub_model *m);

/* Whether a text can be the id of a model: "name" or "owner/name", each part of 1 to 96 of
 * [A-Za-z0-9._-], without "--" or "..", not ending in ".git", not starting or ending with '-' or
 * '.'. */
bool hub_id_valid(str id);

/* "models--owner--name" of a valid id, in new memory (free). */
char *hub_id_folder(str id);

/* Whether a folder has its config.json, itself or in the folder of the first module of its
 * modules.json (a Transformer in a folder of its own, or a Router: router_config.json). Clients may
 * have cached a few files of a model only: what the files say is not looked at. */
bool hub_is_model(const char *folder);

/* Finds a model. revision: a branch or tag (refs/<revision>), a commit or the start of at least 7
 * digits of one, or NULL: "main", else the snapshot that changed last. A snapshot counts when it
 * is a model.
 * ERR_INVALID for a malformed id or revision, ERR_NOT_FOUND (with the roots that were searched). */
bool hub_cache_find(const hub_cache *c, str id, const char *revision, hub_model *out, error *e);

/* All models of all roots, sorted by id; a model in several roots counts once, for the first. Roots
 * and model folders that cannot be read are passed over. */
typedef struct hub_models {
    hub_model *items;
    int n;
} hub_models;
void hub_cache_list(const hub_cache *c, hub_models *out);
void hub_models_release(hub_models *l);

/* A name that stands for a commit of a model. */
typedef struct hub_ref {
    char *name;   /* "main", "refs/pr/1"; owned */
    char *commit; /* its snapshot is here; owned */
} hub_ref;
typedef struct hub_refs {
    hub_ref *items;
    int n;
} hub_refs;

/* The refs of a model whose snapshots are here and are models, sorted by name; at most 1,000. The
 * cache does not say which are branches and which are tags. */
void hub_cache_refs(const hub_model *m, hub_refs *out);
void hub_refs_release(hub_refs *l);
