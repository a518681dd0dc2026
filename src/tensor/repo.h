/* A model folder as it is published: which files it has, its JSON, safe paths below it. */
#pragma once

#include "base/error.h"
#include "base/str.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum { REPO_JSON_BYTES = 64 << 20 }; /* largest JSON document read from a model folder */

typedef struct repo {
    char *folder; /* owned */
} repo;

/* ERR_NOT_FOUND when it is not a folder. */
bool repo_open(repo *r, const char *folder, error *e);
void repo_release(repo *r);

/* Path of a file below the folder, in new memory (free). Fails with ERR_BAD_MODEL for a name that
 * leaves the folder; links inside the folder are followed (a hub cache is made of links). */
char *repo_path(const repo *r, str name, error *e);
bool repo_has(const repo *r, const char *name);

/* A JSON document that must be an object or array; new reference. NULL on failure: ERR_NOT_FOUND
 * when the file is not there, else ERR_BAD_MODEL. */
json_t *repo_json(const repo *r, const char *name, error *e);

/* The same, but a file that is not there gives NULL without an error. */
json_t *repo_json_optional(const repo *r, const char *name, error *e);

/* Takes the folder out of the paths of a message that is for people on other machines: files are
 * then named as in the folder. */
void repo_hide_place(char *message, const char *folder);

/* Bytes of all regular files in a folder tree, links followed; what cannot be read counts as 0. At
 * most 8 folders deep. */
int64_t repo_total_bytes(const char *folder);

/* Bytes of the weight files that opening the model would map (of the folder and its module folders:
 * safetensors, or pytorch_model*.bin where a folder has none): what a memory budget has to find
 * room for. */
int64_t repo_weight_bytes(const char *folder);
