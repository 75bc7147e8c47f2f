// One CPU path: the address of each of its kernels.
#pragma once
#include "include/CKernels.h"

enum { SP_PANEL = 16 };  // Columns of a panel of packed weights.

#define SP_MEMBER(name, parameters, arguments) void(*name) parameters;
typedef struct {
  SP_KERNELS(SP_MEMBER)
  double (*multiply_add_rounds)(int64_t rounds);
  float (*sum)(const float *x, ptrdiff_t n);
  double (*sum_of_squares)(float *y, const float *x, ptrdiff_t n);
} sp_table;

/// At least `count` floats of this thread's scratch memory number `slot`, aligned to a cache line.
float *sp_scratch(int slot, ptrdiff_t count);

/// The product by OpenBLAS, on one thread and without an epilogue; false where it is missing.
bool sp_blas_product(const sp_product_t *p);

/// A row of numbers, (256 high + low) * scale each: see int8_kernels.h.
typedef struct {
  const int8_t *high, *low;
  int32_t high_sum, low_sum;
  float scale;
} sp_digits_t;

/// Sums of a panel of bytes times the digits of up to four rows: [rows][high, low][SP_PANEL].
typedef void sp_quads_f(const sp_digits_t *x, int rows, const uint8_t *panel, ptrdiff_t depth,
                        int32_t *sums);
sp_quads_f sp_quads_vnni;
