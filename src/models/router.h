/* A Router (Asym in older versions) of sentence-transformers: queries and documents go through
 * other modules. Supported where both go the same way, and where queries get the fixed weights of
 * their tokens (SparseStaticEmbedding): sparse encoders without inference for queries,
 * https://arxiv.org/abs/2411.04403. */
#pragma once

#include "base/arena.h"
#include "tensor/repo.h"

#include <jansson.h>

/* The modules of documents, in the form of modules.json, in place of the Router, which is the first
 * of `modules`, and those behind it: new reference, NULL on failure. *static_folder: of the
 * SparseStaticEmbedding of queries; NULL when they go with documents. *n_routed: modules that stand
 * for the Router. ERR_INVALID for any other routes, ERR_BAD_MODEL for a broken file. */
json_t *router_modules(const repo *r, const json_t *modules, arena *memory,
                       const char **static_folder, int *n_routed, error *e);

/* Whether the first module is one. */
bool router_is_first(const json_t *modules);
