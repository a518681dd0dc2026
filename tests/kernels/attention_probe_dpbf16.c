/* Packing and softmax are those of AMX; for processors with AVX512-BF16. */
#include "attention_probe.h"
#include "simd_amx_emulated.h"

#include "kernels/attention_amx.h"

const attention_bf16_kernels attention_bf16_emulated = ATTENTION_AMX_KERNELS;
