/* The attention kernels in bfloat16, AMX. */
#include "kernels/simd_amx.h"

#include "kernels/attention_amx.h"

const attention_bf16_kernels attention_bf16_amx = ATTENTION_AMX_KERNELS;
