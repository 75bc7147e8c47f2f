// Vectors of 128 bits, which every x86-64 and arm64 CPU has.
#define SP_LANES 4
#define SP_ROWS 6
#define SP_VECTORS 2
#define SP_NAME(x) x##_portable
#include "kernels.inc.h"
