/* One file of weights, of whichever format its name says: tensors by name, mapped. */
#pragma once

#include "tensor/checkpoint.h"
#include "tensor/safetensors.h"

typedef struct weight_file {
    const tensor *tensors; /* [n] */
    int n;
    size_t mapped_bytes;
    size_t copied_bytes; /* private memory of tensors that could not stay in place */
    safetensors safetensors;
    checkpoint checkpoint; /* one of the two is open */
} weight_file;

/* "*.bin" is read by checkpoint.h, anything else by safetensors.h; errors as theirs. */
bool weight_file_open(weight_file *f, const char *path, error *e);
void weight_file_release(weight_file *f);

/* NULL when absent. */
const tensor *weight_file_find(const weight_file *f, str name);
