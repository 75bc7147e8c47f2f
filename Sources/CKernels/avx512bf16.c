// The same with VDPBF16PS for products in bf16: two multiply-adds a lane and instruction.
#if defined(__x86_64__)
#define SP_TARGET "avx512bf16,avx512f,avx512dq,avx512bw,avx512vl,avx2,fma"
#pragma clang attribute push(__attribute__((target(SP_TARGET))), apply_to = function)
#define SP_DOT
#define SP_LANES 16
#define SP_ROWS 8
#define SP_VECTORS 3
#define SP_NAME(x) x##_avx512bf16
#include "portable_kernels.h"
#pragma clang attribute pop
#endif
