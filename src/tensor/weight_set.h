/* What weights.c and weight_forms.c share; nobody else includes it. */
#pragma once

#include "base/buf.h"
#include "base/map.h"
#include "tensor/prepared.h"
#include "tensor/read_ahead.h"
#include "tensor/weights.h"

#include <pthread.h>

enum {
    WEIGHT_NAME = 512,   /* of a tensor: longer ones are never asked for */
    PROBLEM_BYTES = 280, /* of the message for each kind of problem */
};

enum problem_kind { MISSING, MISSHAPEN, UNUSABLE, UNCLAIMED, N_PROBLEMS };

struct problems {
    char text[PROBLEM_BYTES];
    size_t used;
    int n, shown;
};

/* How a tensor is changed on its way into other memory. */
struct weight_change {
    enum { AS_IT_IS, TURNED, REGROUPED, PLUS, TURNED_CUT, TAPS, REVERSED } kind;
    int groups, parts;
    float plus;
};

struct entry {
    const tensor *tensor;
    const float *floats;  /* once claimed as floats */
    bool asked, is_table; /* few requests read it, or a few rows of it */
};

/* Something that a prepared file holds or should hold. */
struct form_item {
    char *name; /* in the file; owned */
    struct entry *entry;
    const weight_form *form; /* NULL: the whole tensor as floats */
    weight_rows rows;
    struct weight_change change;
    size_t size;
    packed_weight packed;
    struct form_item *next;
};

struct weight_forms {
    weight_plan plan;
    char *folder, *path; /* of the file; NULL: none */
    char id[SHA256_HEX];
    prepared file, renewed; /* as found, as written since */
    struct form_item *items, **end;
    int n_items, n_missing;
    size_t n_file;       /* bytes of the file in use when the model was loaded */
    void *private_bytes; /* mapped */
    size_t n_private;

    bool has_thread;
    int n_threads; /* that pack on it, a moment later */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool stop; /* under the lock */
};

struct weight_set {
    weight_file *files;
    int n_files;
    struct entry *entries;
    int n_entries;
    map by_name;       /* name -> entry */
    char *second_name; /* of an entry; owned, NULL: none has one */
    float **converted;
    int n_converted;
    int64_t converted_bytes;
    read_ahead *read_ahead;
    char root[128];    /* the optional prefix, if it is in use */
    const char *outer; /* in front of every name of the files, and no part of any; "" as a rule */
    char behind[64];   /* the same, where names that are missing stand behind it */
    struct problems problems[N_PROBLEMS];
    buf state; /* of the files, for the id of what is prepared from them */
    bool has_state;
    struct weight_forms *forms; /* NULL: no plan */
};

/* Adds to the list of a kind; what no longer fits is only counted. */
void weight_note(weight_set *set, enum problem_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The entry of a tensor of real numbers with this shape, marked as asked for; NULL and noted. */
struct entry *weight_ask(weights w, const char *name, int n_dims, const int64_t *dims);

/* Its values as floats, in place or changed and converted; NULL and noted. */
const float *weight_floats(weight_set *set, struct entry *entry, const struct weight_change *c);

/* The same into memory of the caller. */
void weight_convert(const tensor *t, const struct weight_change *c, float *out);

/* Whether a tensor can be read as floats where it lies. */
bool weight_in_place(const tensor *t);

/* Floats of a converted tensor from the prepared file; else NULL, and they are put into the next
 * one. */
const float *weight_forms_floats(weight_set *set, struct entry *entry,
                                 const struct weight_change *c);

/* Corrects what was counted by what is prepared. */
void weight_forms_count(const weight_set *set, weight_counts *counts);

/* The prepared file as a range to be read ahead; false without one. */
bool weight_forms_range(const weight_set *set, struct read_ahead_range *range);

void weight_forms_release(weight_set *set);
