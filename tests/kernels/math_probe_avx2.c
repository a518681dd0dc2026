#include "kernels/simd_avx2.h"

#define MATH_PROBE math_probe_avx2
#include "math_probe.h"
