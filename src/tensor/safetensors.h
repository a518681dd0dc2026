/* Weight files in the safetensors format, mapped read-only.
 *
 *   8 bytes: length of the header, little endian; the header: JSON, {"name": {"dtype": "F32",
 *   "shape": [2, 3], "data_offsets": [0, 24]}, ..., "__metadata__": {"key": "text"}}; the data.
 *
 * Everything is checked as in the reference implementation (and duplicate names are refused):
 * header of at most 100 MB, valid UTF-8, offsets that cover the data without hole, overlap or rest,
 * and sizes that equal the product of the shape and the element size. What is asked of a tensor
 * later cannot lead outside of the mapping. */
#pragma once

#include "base/error.h"
#include "base/file.h"
#include "base/map.h"
#include "base/str.h"
#include "tensor/dtype.h"

#include <stdint.h>

enum { TENSOR_DIMS = 8, SAFETENSORS_HEADER_BYTES = 100 * 1000 * 1000 };

typedef struct tensor {
    str name; /* owned by the file */
    enum dtype type;
    int n_dims;
    int64_t dims[TENSOR_DIMS];
    int64_t n_elements;
    const void *data; /* in the mapping, as the file aligns it */
    bool copied;      /* it is not: a checkpoint's tensor in memory of its own */
    size_t size_bytes;
    uint64_t begin, end; /* where its bytes are in the data section */
} tensor;

/* Largest text of tensor_shape: "[30522, 384]". */
enum { TENSOR_SHAPE_TEXT = 2 + TENSOR_DIMS * 22 };
void tensor_shape(const tensor *t, char out[TENSOR_SHAPE_TEXT]);

typedef struct safetensors {
    file_map file;
    tensor *tensors; /* [n], in the order of the data; owned */
    int n;
    map by_name;  /* name -> tensor */
    char *names;  /* owned: names that had escapes in the header */
    str metadata; /* JSON text of "__metadata__" in the mapping; n == 0: none */
} safetensors;

/* ERR_NOT_FOUND without the file, else ERR_BAD_MODEL; messages name the file and the tensor. */
bool safetensors_open(safetensors *s, const char *path, error *e);

/* The same over bytes that the caller keeps (tests, fuzzing); `what` names them in messages. */
bool safetensors_parse(safetensors *s, str bytes, const char *what, error *e);

void safetensors_release(safetensors *s);

/* NULL when absent. */
const tensor *safetensors_find(const safetensors *s, str name);
