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
 * Matrices may be asked for in the form that a kernel reads (weights_rows_as): these come from a
 * prepared file (prepared.h), or are made and kept for the next start (weight_set_prepare).
 * One thread binds; what was handed out may be read by any thread until the set is closed. */
#pragma once

#include "base/error.h"
#include "base/thread.h"
#include "kernels/gemm.h"
#include "tensor/precision.h"
#include "tensor/repo.h"
#include "tensor/weight_file.h"

#include <stdatomic.h>
#include <stdbool.h>

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

/* How the set is to be used: precision of the products, and where prepared weights are kept. */
typedef struct weight_plan {
    enum precision precision;
    const char *folder; /* of prepared files, copied; NULL: nothing is kept */
    const char *level;  /* what else forms depend on: the kernels in use; part of the file's name */
    bool at_once;       /* weight_set_prepare makes everything before it returns */
} weight_plan;

/* Before anything is bound. Without it: f32 and nothing prepared. */
void weight_set_plan(weight_set *set, const weight_plan *plan);
enum precision weight_set_precision(const weight_set *set);

/* After weights_done: makes the forms that were asked for and are not prepared yet, and keeps them
 * in a file for the next start. Those that can wait are made on a thread of their own, a moment
 * later, with as many helpers as the team has, as they are no use to who asks once. Where no file
 * can be written, the log says so, those that can wait are not made, and the others become private
 * memory. ERR_NO_SPACE without that. */
bool weight_set_prepare(weight_set *set, team *t, error *e);

/* Whether everything asked for came from a prepared file, and whether its items are as they were
 * written (reads all of it). */
bool weight_set_is_prepared(const weight_set *set);

/* Starts to bring what was claimed and is used in place into memory (see read_ahead.h); returns at
 * once. Call once, after weights_done. */
void weight_set_read_ahead(weight_set *set);

/* A whole model may have been saved where its base model should be: "bert.classifier.weight" beside
 * "bert.bert.embeddings...". If all names start with the prefix and some of them have it twice, it
 * is left out in front of all. prefix lives as long as the set; before anything is asked for. */
void weight_set_unwrap(weight_set *set, const char *prefix);

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

/* Has a tensor answer to a second name too, where nothing has that one: tables that a model uses
 * twice are in some files under the name of the other use. No more than one of a set. */
void weights_stand_in(weights w, const char *missing, weights from, const char *name);

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

/* A matrix, or a vector with columns 0, whose rows stand as [groups][parts][some] in the file,
 * given as [parts][groups][some]. groups * parts divides rows. */
const float *weights_regrouped(weights w, const char *name, int64_t rows, int64_t columns,
                               int groups, int parts);

/* A vector with `plus` added to each value. */
const float *weights_plus(weights w, const char *name, int64_t n, float plus);

/* A cube the other way round: [columns][rows][planes]. */
const float *weights_reversed(weights w, const char *name, int64_t planes, int64_t rows,
                              int64_t columns);

/* A matrix, as it is, of which a request reads a few rows: it is not read ahead. */
const float *weights_table(weights w, const char *name, int64_t rows, int64_t columns);

/* A form of matrices that a kernel reads in place of floats. */
typedef struct weight_form {
    const char *name;               /* of what it looks like */
    size_t (*bytes)(int n, int k);  /* of w[n][k]; 0: it has no such form */
    size_t (*panels)(int n, int k); /* of its beginning that hold the first n columns */
    /* Some of the columns, see gemm_f32_pack_columns. packed: 64-byte aligned. */
    bool (*pack)(const gemm_columns *c, void *packed);
    bool can_wait; /* products with the floats have the same bits */
} weight_form;

/* Bytes in a form; belongs to the set. They may come at any time, from another thread. */
typedef struct packed_weight {
    _Atomic(const void *) bytes;
} packed_weight;

static inline const void *packed_weight_get(const packed_weight *p)
{
    return p ? atomic_load_explicit(&p->bytes, memory_order_acquire) : NULL;
}

/* How the file holds a matrix [all][columns]. */
enum weight_order {
    ORDER_ROWS,       /* [all][columns] */
    ORDER_CUBE,       /* [all][columns][1] */
    ORDER_TURNED,     /* [columns][all] */
    ORDER_PLANES,     /* [groups][columns][all / groups] */
    ORDER_REGROUPED,  /* [all][columns], its rows as weights_regrouped has it */
    ORDER_CUT,        /* [all][cut][columns / cut] */
    ORDER_TURNED_CUT, /* [columns][cut][all / cut] */
    ORDER_TAPS        /* [all][columns / cut][cut], rows given as [cut][columns / cut] */
};

/* Rows `first` .. of a matrix "name", as products of `groups` equal parts of them. A tensor is
 * always asked for in one order. */
typedef struct weight_rows {
    const char *name;
    enum weight_order order;
    int64_t all;
    int first, rows, columns;
    int groups;                  /* divides rows; a group's bytes follow those before it */
    int file_groups, file_parts; /* of ORDER_REGROUPED */
    int cut;                     /* of those with it; divides what it cuts */
    bool seldom; /* few requests read it: not read ahead, and not made where it can wait */
} weight_rows;

/* Claims rows in a form (NULL: floats). Sets at least one of the two: floats, NULL where there will
 * be bytes at the latest when weight_set_prepare is done; packed, NULL where there is no form.
 * False (and noted) as weights_matrix. */
bool weights_rows_as(weights w, const weight_rows *rows, const weight_form *form,
                     const float **floats, const packed_weight **packed);

/* Whether binding went well. ERR_BAD_MODEL with everything that was noted, the prefix of a wrapper
 * ("module.") if missing names are there behind one, and the tensors that
 * nobody claimed, except those of whole numbers and truth values, those without the optional prefix
 * where others have it (heads of other tasks), and those that a pattern of `ignored`
 * (NULL-terminated, '*' matches any text, against the whole name and the name behind the optional
 * prefix) allows. */
bool weights_done(weight_set *set, const char *const *ignored, error *e);
