/* The attention kernels of AMX on emulated tiles: attention_probe_dpbf16.c. */
#pragma once

#include "kernels/list.h"

extern const attention_bf16_kernels attention_bf16_emulated;
