/* Pickles as data: a program of Python's pickle machine becomes a tree of plain values, and nothing
 * is ever called or imported.
 *
 * A global ("torch._utils _rebuild_tensor_v2") is looked up in a list of known names (see
 * checkpoint_globals.h), any other becomes a placeholder that remembers its name; what would be a
 * call makes a dictionary, a tensor description or another placeholder. The binary opcodes of
 * protocols 2 to 5 are read; those of older protocols, of extension registries and of buffers out
 * of band are refused by name.
 *
 * Bounds: PICKLE_MEMORY_BYTES for all values of a file, PICKLE_STACK values on the stack,
 * PICKLE_MEMO in the memo. Work is linear in the bytes read. Nothing recurses: a value may
 * contain itself, and whoever walks values has to bound his way. */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"

#include <stdint.h>

enum {
    PICKLE_MEMORY_BYTES = 256 << 20,
    PICKLE_STACK = 1 << 20,
    PICKLE_MEMO = 1 << 22,
};

enum pickled_kind {
    PICKLED_NONE,
    PICKLED_BOOL,        /* number */
    PICKLED_INT,         /* number */
    PICKLED_LONG,        /* text: little-endian bytes of an integer that needs more than 64 bits */
    PICKLED_STRING,      /* text, of any bytes */
    PICKLED_TUPLE,       /* list */
    PICKLED_LIST,        /* list */
    PICKLED_DICT,        /* list: key, value, key, value ...; of equal keys the last one counts */
    PICKLED_OTHER,       /* plain data that no tensor needs: floats, bytes, sets, numpy scalars */
    PICKLED_GLOBAL,      /* global: a known name */
    PICKLED_STORAGE,     /* storage */
    PICKLED_TENSOR,      /* call: unchecked arguments of a function that makes tensors */
    PICKLED_PLACEHOLDER, /* text: "module.name" of the unknown global that makes it */
};

struct known_global;
typedef struct pickled pickled;

struct pickled_list {
    pickled **items;
    size_t n, room;
};

struct pickled_storage {
    const struct known_global *type; /* NULL: not known */
    str type_name, key;
    int64_t n_elements; /* of the whole storage */
    int64_t first, n;   /* the part of it that is seen, in elements (old files: views) */
    str bytes;          /* of the whole storage in the file, p == NULL: not there; set later */
    pickled *next;      /* the storage that came before */
};

struct pickled {
    enum pickled_kind kind;
    union {
        int64_t number;
        str text;
        struct pickled_list list;
        const struct known_global *global;
        struct pickled_storage *storage;
        struct {
            const struct known_global *maker;
            const pickled *arguments; /* a tuple */
        } call;
    };
};

/* What the pickles of one file made. */
typedef struct pickle_heap {
    arena *memory;
    pickled *storages; /* of all persistent ids, the last one first */
} pickle_heap;

void pickle_heap_init(pickle_heap *h);
void pickle_heap_release(pickle_heap *h);

/* A new value; NULL with an error when the memory bound is reached. */
pickled *pickled_new(pickle_heap *h, enum pickled_kind kind, error *e);
bool pickled_add(pickle_heap *h, pickled *list, pickled *item, error *e);

/* Reads the pickle that begins at bytes[*at] and moves *at behind its end. The value lives in the
 * heap, its texts in `bytes`. ERR_BAD_MODEL; messages give the place in the pickle. */
bool pickle_read(pickle_heap *h, str bytes, size_t *at, pickled **value, error *e);
