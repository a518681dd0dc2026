/* The portable attention kernels with operands rounded to bfloat16. */
#include "kernels/quantise.h"

#define ROUNDED(x) float_of_bf16(bf16_of_float(x))
#include "kernels/attention_scalar.h"

const attention_bf16_kernels attention_bf16_scalar = ATTENTION_SCALAR_KERNELS;
