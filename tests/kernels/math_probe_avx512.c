#include "kernels/simd_avx512.h"

#define MATH_PROBE math_probe_avx512
#include "math_probe.h"
