/* The models on this machine, as the routes see them: looked up for every request, and cheaply, so
 * that what the command line adds, replaces or removes is seen at once. */
#pragma once

#include "base/error.h"
#include "tensor/hub_cache.h"

#include <jansson.h>

typedef struct library library;

typedef struct local_model {
    hub_model hub; /* id, folder, commit, size */
    int64_t weight_bytes;
    json_t *info; /* what hub/info.c found in this commit; NULL: not asked yet; owned */
} local_model;

library *library_new(const char *data_dir);
void library_free(library *l);

/* The model of an id, at its current commit. Valid until the next call for the same id. NULL with
 * ERR_NOT_FOUND ("Model x/y does not exist") or ERR_INVALID. Costs two stat() calls when nothing
 * has changed; what they cannot see (a model that appears in an earlier folder of the search) is
 * seen after a second. */
local_model *library_find(library *l, str id, error *e);

/* Another revision of a model (branch, tag, commit); the caller releases it with
 * local_model_release(). ERR_NOT_FOUND. */
bool library_find_revision(library *l, str id, const char *revision, local_model *out, error *e);
void local_model_release(local_model *m);

/* All models, sorted by id; released by hub_models_release(). */
void library_list(library *l, hub_models *out);
