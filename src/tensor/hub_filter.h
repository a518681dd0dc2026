/* Which files of a model are wanted: patterns of the user, and by default not the same weights once
 * more in formats that are of no use here. */
#pragma once

#include "tensor/hub_client.h"

#include <stdbool.h>

typedef struct hub_filter {
    const char *const *include; /* shell patterns of whole paths ('*' matches '/' too; "dir/" is */
    int n_include;              /* "dir/" and all below); none: every file                       */
    const char *const *exclude;
    int n_exclude;
    bool all; /* formats of no use here as well */
} hub_filter;

/* Takes the unwanted files out of `r`. Returns how many of them only for their format: PyTorch,
 * TensorFlow, Flax, Rust and Lightning checkpoints beside a .safetensors file of the same folder,
 * and onnx/ and openvino/ in a model that has .safetensors at its root. What an include pattern
 * names is never one of them. */
int hub_filter_apply(const hub_filter *filter, hub_revision *r);
