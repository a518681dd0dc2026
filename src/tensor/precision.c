#include "tensor/precision.h"

#include <stddef.h>

const char *const precision_names[N_PRECISIONS + 1] = {"f32", "bf16", "int8", NULL};
