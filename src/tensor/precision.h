/* In which numbers a model's products are made. */
#pragma once

enum precision {
    PRECISION_F32, /* as the reference */
    PRECISION_BF16,
    PRECISION_INT8,
    N_PRECISIONS
};

/* "f32", "bf16", "int8", NULL. The order stays: stores keep the numbers. */
extern const char *const precision_names[N_PRECISIONS + 1];
