// Vectors of 512 bits. The attribute reaches these functions alone, so the program still starts elsewhere.
#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,avx2,fma"))), apply_to = function)
#define SP_LANES 16
#define SP_ROWS 8
#define SP_VECTORS 3
#define SP_NAME(x) x##_avx512
#include "kernels.inc.h"
#pragma clang attribute pop
#endif
