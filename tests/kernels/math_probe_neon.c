#include "kernels/simd_neon.h"

#define MATH_PROBE math_probe_neon
#include "math_probe.h"
