// Vectors of 512 bits. Only these functions use them, so the program starts
// on any CPU.
#if defined(__x86_64__)
#define SP_TARGET "avx512f,avx512dq,avx512bw,avx512vl,avx2,fma"
#pragma clang attribute push(__attribute__((target(SP_TARGET))), apply_to = function)
#define SP_LANES 16
#define SP_ROWS 8
#define SP_VECTORS 3
#define SP_NAME(x) x##_avx512
#include "portable_kernels.h"
#pragma clang attribute pop
#endif
