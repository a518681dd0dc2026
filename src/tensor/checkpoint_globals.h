/* The names that pickles of tensors may use, and what a call of them means. */
#pragma once

#include "tensor/checkpoint_pickle.h"
#include "tensor/dtype.h"

enum global_role {
    GLOBAL_DICT,      /* class: a dictionary */
    GLOBAL_TENSOR,    /* function: storage, offset, size, stride, ... */
    GLOBAL_TYPED,     /* the same over bytes: ..., requires_grad, hooks, dtype */
    GLOBAL_WRAP,      /* function or class: the tensor is the first argument */
    GLOBAL_FROM_TYPE, /* function: function, class, arguments, state */
    GLOBAL_TUPLE,     /* class: a tuple from the first argument */
    GLOBAL_DATA,      /* its results are plain data of no interest */
    GLOBAL_CLASS,     /* torch.Tensor: says of what class a tensor is */
    GLOBAL_STORAGE,   /* class with an element type */
    GLOBAL_BYTES,     /* class of storages without an element type */
    GLOBAL_DTYPE,     /* an element type */
};

struct known_global {
    const char *module, *name;
    enum global_role role;
    enum dtype type; /* GLOBAL_STORAGE, GLOBAL_DTYPE; N_DTYPES: one that we do not have */
};

/* Value of "module.name": GLOBAL, or PLACEHOLDER when it is not known. NULL with an error without
 * memory. */
pickled *global_value(pickle_heap *h, str module, str name, error *e);

/* Value of callee(*arguments), without any call. NULL with an error when the arguments do not fit
 * a known name or callee is no callable. */
pickled *global_call(pickle_heap *h, const pickled *callee, pickled *arguments, error *e);

/* Value of a persistent id: ("storage", class, key, location, n_elements[, view]). */
pickled *global_persistent(pickle_heap *h, const pickled *id, error *e);

/* "a tuple", "the unknown 'os.system'" for messages, at most this long. */
enum { PICKLED_TEXT = 120 };
void pickled_describe(const pickled *value, char out[PICKLED_TEXT]);

/* Printable ASCII of a name that a file chose, at most `room` - 1 bytes of it. */
void pickled_show(str name, char *out, size_t room);
