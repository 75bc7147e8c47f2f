// One CPU path: the address of each of its kernels.
#pragma once
#include "include/CKernels.h"

enum { SP_PANEL = 16 };  // Columns of a bf16 panel.

#define SP_MEMBER(name, parameters, arguments) void(*name) parameters;
typedef struct {
  SP_KERNELS(SP_MEMBER)
  double (*multiply_add_rounds)(int64_t rounds);
  float (*sum)(const float *x, ptrdiff_t n);
} sp_table;

/// At least `count` floats of this thread's scratch memory number `slot`, aligned to a cache line.
float *sp_scratch(int slot, ptrdiff_t count);

/// The product by OpenBLAS, on one thread and without an epilogue; false where it is missing.
bool sp_blas_product(const sp_product_t *p);
