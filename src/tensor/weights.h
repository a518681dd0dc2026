/* The tensors of a model, bound by name.
 *
 * A weight_set holds the mapped files; `weights` is a scope of names inside it
 * ("encoder.layer.3."), passed by value. Blocks ask for what they need; whatever is wrong is
 * collected, and weights_done reports everything at once: the missing, the misshapen, the unusable
 * and the unclaimed.
 *
 *     weights w = weights_root(set, "bert.");
 *     l->up = weights_matrix(weights_in(w, "encoder.layer.%d.mlp", i), "weight", ffn, hidden);
 *     ...
 *     if (!weights_done(set, bert_ignored, e)) ...
 *
 * F32 tensors are used in place in the mapping; other real types (and F32 that a file places at an
 * address that no float may have) are converted to float in private memory, which is counted.
 * One thread binds; what was handed out may be read by any thread until the set is closed. */
#pragma once

#include "base/error.h"
#include "tensor/repo.h"
#include "tensor/weight_file.h"

typedef struct weight_set weight_set;

/* Opens "model.safetensors" of a folder, or else the shards that "model.safetensors.index.json"
 * names (each once), or else the same of "pytorch_model.bin" (see checkpoint.h). `place` is a
 * folder inside the repo, "" for the repo itself. NULL on failure: ERR_INVALID when there are
 * weights of another format only, ERR_NOT_FOUND without any. */
weight_set *weight_set_open(const repo *r, const char *place, error *e);
void weight_set_close(weight_set *set);

typedef struct weight_counts {
    int64_t mapped_bytes;    /* of all files */
    int64_t converted_bytes; /* private memory of converted and copied tensors so far */
    int64_t parameters;      /* elements of all tensors */
    enum dtype most;         /* type of most of the elements */
} weight_counts;
void weight_set_count(const weight_set *set, weight_counts *out);

/* Starts to bring what was claimed and is used in place into memory (see read_ahead.h); returns at
 * once. Call once, after weights_done. */
void weight_set_read_ahead(weight_set *set);

/* A scope. Copies are cheap and nothing is to be released. */
typedef struct weights {
    weight_set *set;
    char prefix[128]; /* "" or ends with '.' */
} weights;

/* The scope of all names; if any tensor has the optional prefix ("bert.", or NULL), the names
 * behind it. */
weights weights_root(weight_set *set, const char *optional_prefix);

/* The scope below, "encoder.layer.%d"; the '.' behind it is added. */
weights weights_in(weights w, const char *format, ...) __attribute__((format(printf, 2, 3)));

bool weights_have(weights w, const char *name);

/* First dimension of a tensor, without claiming it; 0 when it is missing. */
int64_t weights_rows(weights w, const char *name);

/* Claims a tensor of exactly this shape as floats, row after row. NULL (and noted for
 * weights_done) when it is missing, has another shape or is of a type that is no real number. */
const float *weights_vector(weights w, const char *name, int64_t n);
const float *weights_matrix(weights w, const char *name, int64_t rows, int64_t columns);
const float *weights_cube(weights w, const char *name, int64_t planes, int64_t rows,
                          int64_t columns);

/* The same with any shape. */
const float *weights_shaped(weights w, const char *name, int n_dims, const int64_t *dims);

/* Tensors that are stored otherwise than they are used, as changed copies in private memory. A
 * tensor is always asked for in one way. */

/* [rows][columns] in the file, given as [columns][rows]. */
const float *weights_turned(weights w, const char *name, int64_t rows, int64_t columns);

/* The same of every plane: [planes][rows][columns] is given as [planes][columns][rows]. */
const float *weights_transposed(weights w, const char *name, int64_t planes, int64_t rows,
                                int64_t columns);

/* A matrix, or a vector with columns 0, whose rows stand as [groups][parts][some] in the file,
 * given as [parts][groups][some]. groups * parts divides rows. */
const float *weights_regrouped(weights w, const char *name, int64_t rows, int64_t columns,
                               int groups, int parts);

/* A vector with `plus` added to each value. */
const float *weights_plus(weights w, const char *name, int64_t n, float plus);

/* The same for a table of which a request reads a few rows: it is not read ahead. */
const float *weights_table(weights w, const char *name, int64_t rows, int64_t columns);

/* Whether binding went well. ERR_BAD_MODEL with everything that was noted, and the tensors that
 * nobody claimed, except those that a pattern of `ignored` (NULL-terminated, '*' matches any text,
 * against the whole name and the name behind the optional prefix) allows. */
bool weights_done(weight_set *set, const char *const *ignored, error *e);
