// The kernels under `Tensors`: float32, row-major, one thread, no allocation once warm.
//
// One source (portable_kernels.h) is compiled once for every CPU path; dispatch.c picks the best
// that the CPU runs, or the one that is forced. Nothing here knows of tapes, models or threads.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum {
  SP_PORTABLE, SP_AVX2, SP_AVX512, SP_AMX, SP_PATHS,
  // For tests alone: AVX-512 without VDPBF16PS, and the tiles of AMX emulated in C.
  SP_AVX512_WIDENED = SP_PATHS, SP_AMX_EMULATED
} sp_path_t;

bool sp_available(sp_path_t path);
/// Uses `path` from now on in every thread; false when the CPU lacks it.
bool sp_select(sp_path_t path);
sp_path_t sp_selected(void);
/// What OpenBLAS calls itself, loading it; NULL where there is none.
const char *sp_blas_name(void);

typedef enum {
  SP_IDENTITY,
  SP_GELU,   // writes `slope`, if it is there
  SP_SLOPE,  // times `slope`: back through the activation
} sp_activation_t;

/// What is done with a row of a product: it begins with bias and residual, which an activation
/// therefore sees, and when it is finished the rest follows in this order. Pointers may be NULL;
/// matrices are [m, n] with C's stride.
typedef struct {
  const float *bias;      // [n]
  const float *residual;
  sp_activation_t activation;
  float *sums;            // [n]: the columns' sums are added to it
  uint16_t *rounded;      // where the row goes, as bf16, instead of C
  ptrdiff_t rounded_row;
  void *slope;            // of the activation: floats, or where rows are rounded bf16 like those
} sp_epilogue_t;

/// C [m, n] (+)= A [m, k] B [k, n]. Element (i, k) of A is a[i * a_row + k * a_column], with one of
/// the two strides 1; B is [k, n], or [n, k] when `b_transposed`.
typedef struct {
  ptrdiff_t m, n, k;
  const float *a;
  ptrdiff_t a_row, a_column;
  const float *b;
  ptrdiff_t b_row;
  bool b_transposed;
  const void *packed;  // B as the form's packing makes it, instead of b; or NULL
  // For gemm_bf16: A and, not transposed, B as round_rows made them, instead of a and b; or NULL.
  const uint16_t *a_rounded, *b_rounded;
  float *c;
  ptrdiff_t c_row;
  bool accumulate;
} sp_product_t;

/// Dropout whose mask is a hash of key and position: nothing is stored for the backward pass.
typedef struct {
  float rate;  // 0: off
  uint64_t key;
} sp_dropout_t;

/// Attention of one sequence. Query row i sees keys first[i] ..< last[i]. Queries, keys and values
/// are rows with strides; head h lies at column h * width, its key head at h / (heads / key_heads).
typedef struct {
  ptrdiff_t queries, keys, heads, key_heads, width;
  bool bf16;  // products of bf16 numbers; scores, softmax and sums are float32
  const float *q, *k, *v;
  ptrdiff_t q_row, k_row;  // k and v share a stride
  const int32_t *first, *last;
  float scale;
  sp_dropout_t dropout;
  float *out;  // [queries, heads * width], stride out_row
  ptrdiff_t out_row;
  float *lse;  // [heads, queries]: log of the softmax's denominator, in the scaled scores' units
} sp_attention_t;

typedef struct {
  const float *dout;     // [queries, heads * width], stride out_row
  float *dq, *dk, *dv;   // strides q_row and k_row; all three are written
} sp_attention_gradients_t;

/// How deep a bf16 packing of k rows is, and how many pairs one of n columns has: see
/// bf16_kernels.h.
static inline ptrdiff_t sp_bf16_depth(ptrdiff_t k) { return (k + 31) / 32 * 32; }
static inline ptrdiff_t sp_bf16_pairs(ptrdiff_t k, ptrdiff_t n) {
  return sp_bf16_depth(k) / 2 * ((n + 15) / 16 * 16);
}

/// The same for int8, in floats of memory; k is 65,536 at most: see int8_kernels.h.
static inline ptrdiff_t sp_int8_depth(ptrdiff_t k) { return (k + 3) / 4 * 4; }
static inline ptrdiff_t sp_int8_floats(ptrdiff_t k, ptrdiff_t n) {
  return (n + 15) / 16 * (16 + 4 * sp_int8_depth(k));
}

typedef struct {
  float rate, beta1, beta2, epsilon, decay;  // decay is decoupled: w -= rate * decay * w
  float correction1, correction2;            // 1 - beta^step
  float scale;                               // multiplies the gradient first (1 / count, clipping)
} sp_adamw_t;

#define SP_KERNELS(X) \
  X(gemm, (const sp_product_t *p, const sp_epilogue_t *e), (p, e)) \
  /* the same, both factors being rounded to bf16 */ \
  X(gemm_bf16, (const sp_product_t *p, const sp_epilogue_t *e), (p, e)) \
  /* rows and columns of a packing whose panels lie `panel` pairs apart */ \
  X(pack_bf16, (uint32_t *to, ptrdiff_t panel, const float *b, ptrdiff_t b_row, bool transposed, \
                ptrdiff_t k, ptrdiff_t n), \
    (to, panel, b, b_row, transposed, k, n)) \
  /* the same with a packed B of 8-bit integers, rows of A being rounded to 16-bit ones */ \
  X(gemm_int8, (const sp_product_t *p, const sp_epilogue_t *e), (p, e)) \
  X(pack_int8, (float *to, const float *b, ptrdiff_t b_row, bool transposed, ptrdiff_t k, \
                ptrdiff_t n), \
    (to, b, b_row, transposed, k, n)) \
  X(attention, (const sp_attention_t *a), (a)) \
  X(attention_backward, (const sp_attention_t *a, const sp_attention_gradients_t *g), (a, g)) \
  /* y = (x - mean) / deviation * gain + bias, rows of n; mean NULL: RMS norm, no bias */ \
  X(norm, (float *y, float *mean, float *rstd, const float *x, const float *gain, \
           const float *bias, ptrdiff_t rows, ptrdiff_t n, float epsilon), \
    (y, mean, rstd, x, gain, bias, rows, n, epsilon)) \
  X(norm_backward, (float *dx, bool accumulate, float *dgain, float *dbias, const float *dy, \
                    const float *x, const float *gain, const float *mean, const float *rstd, \
                    ptrdiff_t rows, ptrdiff_t n), \
    (dx, accumulate, dgain, dbias, dy, x, gain, mean, rstd, rows, n)) \
  /* y = silu(a) * b; backward writes da and db */ \
  X(swiglu, (float *y, const float *a, const float *b, ptrdiff_t n), (y, a, b, n)) \
  X(swiglu_backward, (float *da, float *db, const float *dy, const float *a, const float *b, \
                      ptrdiff_t n), \
    (da, db, dy, a, b, n)) \
  X(add, (float *y, const float *x, float scale, ptrdiff_t n), (y, x, scale, n)) \
  /* bf16 rows [rows, sp_bf16_depth(n)] of x, whose rows stand x_row apart, and zeros behind them; \
     its columns are added to sums, unless that is NULL */ \
  X(round_rows, (uint16_t *to, const float *x, ptrdiff_t x_row, float *sums, ptrdiff_t rows, \
                 ptrdiff_t n), \
    (to, x, x_row, sums, rows, n)) \
  X(add_rows, (float *sums, const float *x, ptrdiff_t x_row, ptrdiff_t rows, ptrdiff_t n), \
    (sums, x, x_row, rows, n)) \
  /* losses[r] = -log softmax(x[r])[target], lse[r]; target < 0 is not scored and gives 0 */ \
  X(cross_entropy, (float *losses, float *lse, const float *x, const int32_t *targets, \
                    ptrdiff_t rows, ptrdiff_t n), \
    (losses, lse, x, targets, rows, n)) \
  X(cross_entropy_backward, (float *dx, const float *x, const float *lse, const int32_t *targets, \
                             float weight, ptrdiff_t rows, ptrdiff_t n), \
    (dx, x, lse, targets, weight, rows, n)) \
  /* out[r] = entropy of softmax(x[r]), nats */ \
  X(entropies, (float *out, const float *x, ptrdiff_t rows, ptrdiff_t n), (out, x, rows, n)) \
  X(dropout, (float *y, const float *x, sp_dropout_t d, uint64_t start, bool accumulate, \
              ptrdiff_t n), \
    (y, x, d, start, accumulate, n)) \
  X(adamw, (float *w, float *m, float *v, const float *g, const sp_adamw_t *o, ptrdiff_t n), \
    (w, m, v, g, o, n)) \
  X(momentum, (float *w, float *m, const float *g, float rate, float decay, float beta, \
               float scale, ptrdiff_t n), \
    (w, m, g, rate, decay, beta, scale, n))

#define SP_DECLARE(name, parameters, arguments) void sp_##name parameters;
SP_KERNELS(SP_DECLARE)

/// y += x, unless that is NULL, and y's sum of squares: in double, in an order that is the same on
/// every path.
double sp_sum_of_squares(float *y, const float *x, ptrdiff_t n);
/// Independent multiply-adds on the selected path, to measure its peak; returns how many.
double sp_multiply_add_rounds(int64_t rounds);
/// The sum of floats that are read once, in order, to measure the streaming rate.
float sp_sum(const float *x, ptrdiff_t n);
