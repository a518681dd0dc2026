/* The option --dtype of all commands that load a model. */
#pragma once

#include "cli/options.h"
#include "tensor/precision.h"

#define OPTION_DTYPE(owner, member)                                                                \
    OPTION_CHOICE(owner, member, "dtype", precision_names, "f32",                                  \
                  "numbers that products are made of: f32 as the reference, or bf16 or int8, "     \
                  "faster and less exact")

/* Says on standard error what the processor lacks for a model's precision, if anything. */
void dtype_tell(const char *command, const char *precision);
