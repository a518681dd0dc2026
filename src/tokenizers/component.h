/* Loading of pipeline components: the objects with a "type" in tokenizer.json. Each family
 * (normalizers, pre-tokenizers, models, post-processors, decoders) has a table of kinds; a kind is
 * one row: its type name, the fields of its state, and what it does. */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/fields.h"
#include "base/json.h"
#include "tokenizers/merges.h"
#include "tokenizers/pattern.h"

#include <jansson.h>

/* What is at hand while a tokenizer is loaded. */
typedef struct loader {
    const char *file;   /* for messages */
    arena *memory;      /* lives as long as the tokenizer */
    pattern **patterns; /* list of all patterns, for their release */
    const vocab *vocab;
    const merges *merges; /* finished if given */
    error *e;
} loader;

/* First member of every family's kind. */
struct component_kind {
    const char *type;
    const field *fields; /* NULL: the kind has no fields */
    size_t state_size;
    /* Checks the state and reads what rows cannot say; may be NULL. */
    bool (*prepare)(void *state, const json_t *json, const char *path, loader *l);
};

typedef struct component {
    const struct component_kind *kind;
    const void *state;
} component;

typedef struct component_list {
    component *items;
    int n;
    bool given; /* the file has one, if only a Sequence of nothing */
} component_list;

struct component_family {
    const char *what;     /* "normalizer", for messages */
    const char *list_key; /* key of the members of its "Sequence"; NULL: it has none */
    const struct component_kind *const *kinds; /* NULL at the end */
};

/* Loads one component, a Sequence flattened into its members, or nothing from null. `path` is the
 * JSON path for messages. */
bool components_load(loader *l, const struct component_family *family, const json_t *json,
                     const char *path, component_list *out);

/* fail() with file and path in front, as ERR_BAD_MODEL. */
bool loader_fail(loader *l, const char *path, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
