/* Weight files that torch.save wrote ("pytorch_model.bin"), read without executing anything.
 *
 * The zip form (torch 1.6 and later): NAME/data.pkl is a pickle in which storages are persistent
 * ids, NAME/data/KEY are their bytes, stored uncompressed, NAME/byteorder says "little" or "big".
 * The legacy form: pickles of a magic number, a version, facts about the system, the object and the
 * list of storage keys, then each storage: its number of elements (8 bytes) and its bytes, always
 * little endian. The tar form of 2016 and TorchScript archives are refused by name.
 *
 * What counts is a dictionary of tensors: the object itself, or its "state_dict",
 * "model_state_dict" or "model" when it holds no tensor itself. Entries that are plain data are
 * passed over; an entry of an unknown class is refused by the name of that class. Two names may
 * share a storage.
 *
 * Tensors point into the mapping, however the file aligns them, when they are contiguous and little
 * endian; others are copied in order. All copies together may have as many bytes as the file and
 * CHECKPOINT_COPY_BYTES more, so that strides of 0 cannot ask for any memory they like. */
#pragma once

#include "tensor/safetensors.h"

#include "base/arena.h"

enum { CHECKPOINT_COPY_BYTES = 16 << 20 };

typedef struct checkpoint {
    file_map file;
    tensor *tensors; /* [n], owned, in the order of the dictionary; names are in the mapping */
    int n;
    map by_name;   /* name -> tensor */
    arena *copies; /* owned: tensors that could not stay in place */
} checkpoint;

/* ERR_NOT_FOUND without the file, else ERR_BAD_MODEL; messages name the file and the tensor. */
bool checkpoint_open(checkpoint *c, const char *path, error *e);

/* The same over bytes that the caller keeps (tests, fuzzing); `what` names them in messages. */
bool checkpoint_parse(checkpoint *c, str bytes, const char *what, error *e);

void checkpoint_release(checkpoint *c);

/* NULL when absent. */
const tensor *checkpoint_find(const checkpoint *c, str name);

/* Private memory of the copies. */
size_t checkpoint_copied_bytes(const checkpoint *c);
