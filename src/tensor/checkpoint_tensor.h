/* From a tensor's description in a pickle to its bytes. */
#pragma once

#include "tensor/checkpoint_globals.h"
#include "tensor/safetensors.h"

/* Fills all of `out` but its name. bytes: the whole file. Storages must have their bytes. What is
 * not contiguous or of the other byte order is copied to `copies`. ERR_BAD_MODEL. */
bool checkpoint_read_tensor(tensor *out, const pickled *value, str bytes, bool big_endian,
                            arena *copies, error *e);

/* Bytes of one element of a storage; 0 when its class is not known. */
size_t checkpoint_element_bytes(const struct pickled_storage *s);
