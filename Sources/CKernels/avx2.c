// Vectors of 256 bits. Only these functions use them, so the program starts
// on any CPU.
#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define SP_LANES 8
#define SP_ROWS 6
#define SP_VECTORS 2
#define SP_NAME(x) x##_avx2
#include "portable_kernels.h"
#pragma clang attribute pop
#endif
