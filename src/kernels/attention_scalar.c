/* The portable attention kernels. */
#define ROUNDED(x) (x)
#include "kernels/attention_scalar.h"

const attention_f32_kernels attention_f32_scalar = ATTENTION_SCALAR_KERNELS;
