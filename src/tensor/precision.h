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

/* The products of the precision of that name, a family of kernels/list.h: "gemm_bf16". */
const char *precision_family(const char *name);

/* What is said when kernels_lacking() such a family: name of the precision, what lacks, variant. */
#define PRECISION_LACKS                                                                            \
    "dtype %s: this processor has no kernels for %s, or they are masked out; '%s' kernels "        \
    "compute, which may be slower than f32"
