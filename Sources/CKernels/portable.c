// Vectors of 128 bits, which every x86-64 and arm64 CPU has. OpenBLAS, if installed, multiplies:
// it has tiles for CPUs that we have none for. On the other paths ours are as fast, or faster.
#define SP_LANES 4
#define SP_ROWS 6
#define SP_VECTORS 2
#define SP_BLAS
#define SP_NAME(x) x##_portable
#include "portable_kernels.h"
