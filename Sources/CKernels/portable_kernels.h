// The kernels of one CPU path. Compiled once a path with SP_LANES (floats a vector), SP_ROWS by
// SP_VECTORS (a tile of the matrix product) and SP_NAME (the suffix of the path's symbols).
//
// Reading order: vectors, matrix product, dropout, bf16, attention, norms, element by element,
// losses, optimizers.
#include <math.h>
#include <string.h>
#include "table.h"
#ifdef __x86_64__
#include <immintrin.h>
#endif

// ---- vectors ------------------------------------------------------------------------------------

#define V SP_LANES
#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("clang loop unroll(full)")
typedef float vf __attribute__((ext_vector_type(V)));
typedef float vfu __attribute__((ext_vector_type(V), aligned(4)));
typedef int32_t vi __attribute__((ext_vector_type(V)));
typedef uint32_t vu __attribute__((ext_vector_type(V)));
typedef float v4 __attribute__((ext_vector_type(4), aligned(4)));

INLINE vf load(const float *p) { return *(const vfu *)p; }
INLINE void store(float *p, vf x) { *(vfu *)p = x; }

/// The first `n` < V floats at `p`, the rest zero; never touches memory behind them.
INLINE vf load_part(const float *p, ptrdiff_t n) {
#if SP_LANES == 16
  return _mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), p);
#else
  vf x = 0;
  for (ptrdiff_t i = 0; i < n; i++) x[i] = p[i];
  return x;
#endif
}
INLINE void store_part(float *p, vf x, ptrdiff_t n) {
#if SP_LANES == 16
  _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), x);
#else
  for (ptrdiff_t i = 0; i < n; i++) p[i] = x[i];
#endif
}

/// Runs `body` for every n_ = V places from i_ on, then for a shorter tail; LOAD and STORE fit n_.
#define EACH(count, body)                                          \
  do {                                                             \
    ptrdiff_t i_ = 0, n_ = V;                                      \
    for (; i_ + V <= (count); i_ += V) { body }                    \
    if ((n_ = (count) - i_) > 0) { body }                          \
  } while (0)
#define LOAD(p) (n_ == V ? load((p) + i_) : load_part((p) + i_, n_))
#define STORE(p, x) (n_ == V ? store((p) + i_, x) : store_part((p) + i_, x, n_))
/// x with 0 where there is no place: for sums over what is not 0 at 0.
#define THERE(x) (n_ == V ? (x) : inside(x, 0, 0, n_, 0))

/// x in the places first ..< last and `other` elsewhere; the vector's own first place is `at`.
INLINE vf inside(vf x, ptrdiff_t at, ptrdiff_t first, ptrdiff_t last, float other) {
  vi place;
  for (int l = 0; l < V; l++) place[l] = l;
  place += (int32_t)at;
  return ((place >= (int32_t)first) & (place < (int32_t)last)) ? x : (vf)other;
}

// Sum and largest of a vector, whose halves are joined until one number is left.
#define PLUS(a, b) ((a) + (b))
#define LARGER(a, b) ((a) > (b) ? (a) : (b))
#if SP_LANES == 16
#define QUAD(join, x) join(join((x).lo, (x).hi).lo, join((x).lo, (x).hi).hi)
#elif SP_LANES == 8
#define QUAD(join, x) join((x).lo, (x).hi)
#else
#define QUAD(join, x) (x)
#endif
typedef float v2 __attribute__((ext_vector_type(2)));
#define FOLDED(name, join)                                 \
  INLINE float name(vf x) {                                \
    const v4 four = QUAD(join, x);                         \
    const v2 two = join(four.lo, four.hi);                 \
    return join(two.lo, two.hi);                           \
  }
FOLDED(sum, PLUS)
FOLDED(highest, LARGER)

INLINE float largest(const float *x, ptrdiff_t n) {
  vf top = -INFINITY;
  ptrdiff_t i = 0;
  for (; i + V <= n; i += V) top = __builtin_elementwise_max(top, load(x + i));
  float most = highest(top);
  for (; i < n; i++) most = x[i] > most ? x[i] : most;
  return most;
}

/// x moved into low ... high; NaN is kept.
INLINE vf within(vf low, vf x, vf high) {
  x = low > x ? low : x;
  return high < x ? high : x;
}

#define LOG2_E 1.44269504f
#define TO_INTEGER 12582912.0f  // Adding and taking it away rounds what is below 2^22.

/// e^x within 2 ulp; 0 below -87.3, NaN kept (Cephes' polynomial).
INLINE vf vexp(vf x) {
  const vf low = -87.33654f, y = within(low, x, 88.37626f);
  const vf shifted = y * LOG2_E + TO_INTEGER, n = shifted - TO_INTEGER;
  vf r = y - n * 0.693359375f;
  r += n * 2.12194440e-4f;
  vf p = r * 1.9875691500e-4f + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.0f;
  vf e = (vf)((vi)p + ((vi)shifted << 23));
  e = x < low ? (vf)0 : e;
  return x != x ? x : e;
}

/// 2^x within 3 ulp for -126 ... 127. What bounds GELU and softmax is how long it takes, not how
/// much it does, so the polynomial (minimax, 1 at 0) is three steps deep and not six.
INLINE vf vpower(vf x) {
  const vf shifted = x + TO_INTEGER, r = x - (shifted - TO_INTEGER);
  const vf square = r * r, low = r * 6.93147004e-1f + 1.0f;
  const vf middle = r * 5.55073358e-2f + 2.40222424e-1f;
  const vf p = square * (square * (r * 1.32647273e-3f + 9.67151299e-3f) + middle) + low;
  return (vf)((vi)p + ((vi)shifted << 23));
}

/// The same for all x <= 127; below -126 2^-126, NaN kept.
INLINE vf vexp2(vf x) {
  const vf power = vpower(LARGER((vf)-126, x));
  return x == x ? power : x;
}

/// ln x within 1 ulp of finite normal x > 0; NaN kept (Cephes' polynomial on [sqrt(1/2), sqrt(2)]).
INLINE vf vlog(vf x) {
  const vi e = ((vi)x - 0x3F3504F3) >> 23;  // The bits of sqrt(1/2).
  const vf m = (vf)((vi)x - (e << 23)) - 1, square = m * m;
  vf p = m * 7.0376836292e-2f - 1.1514610310e-1f;
  p = p * m + 1.1676998740e-1f;
  p = p * m - 1.2420140846e-1f;
  p = p * m + 1.4249322787e-1f;
  p = p * m - 1.6668057665e-1f;
  p = p * m + 2.0000714765e-1f;
  p = p * m - 2.4999993993e-1f;
  p = p * m + 3.3333331174e-1f;
  const vf n = __builtin_convertvector(e, vf);
  return x != x ? x : n * 0.693359375f + (m + (n * -2.12194440e-4f + square * (m * p - 0.5f)));
}

INLINE vf vsigmoid(vf x) { return 1.0f / (1.0f + vexp(-x)); }

typedef struct { vf value, slope; } vactivated;

/// gelu(x) = x * sigmoid(2 u), u = sqrt(2 / pi) (x + 0.044715 x^3): the tanh form (Hendrycks 2016).
/// The slope costs little beside the sigmoid, so forward keeps it for backward.
INLINE vactivated vgelu(vf x) {
  const vf low = LARGER((vf)-10, x), y = 10 < low ? (vf)10 : low;  // Beyond, the gate is 0 or 1.
  const vf square = y * y, cube = -0.102943240f * square - 2.30220818f;
  const vf gate = 1.0f / (1.0f + vpower(y * cube));  // e^(-2 u)
  const vf inner = y * (0.214064145f * square + 1.5957691216f);  // The slope of 2 u, times x.
  const vf slope = gate + inner * (gate - gate * gate);
  return (vactivated){low * gate, slope};
}

// ---- matrix product -----------------------------------------------------------------------------
// B is packed into panels of up to three vectors a row, which a tile of C (SP_ROWS rows) streams
// through the registers (Goto & van de Geijn 2008; A is not packed where its rows are dense).

#define PANEL (SP_VECTORS * V)
enum { DEPTH = 384, BREADTH = 384 };  // A block of B, 590 kB at most, stays in L2.
enum { UNPACKED = 1 << 16 };  // So many floats of B are read where they are, if rows are vectors.

INLINE ptrdiff_t least(ptrdiff_t a, ptrdiff_t b) { return a < b ? a : b; }
INLINE ptrdiff_t padded(ptrdiff_t n) { return (n + V - 1) / V * V; }

/// Rows of 4 become columns.
INLINE void turn4(float *to, ptrdiff_t to_row, const float *from, ptrdiff_t row) {
  const v4 r0 = *(const v4 *)from, r1 = *(const v4 *)(from + row);
  const v4 r2 = *(const v4 *)(from + 2 * row), r3 = *(const v4 *)(from + 3 * row);
  const v4 a0 = __builtin_shufflevector(r0, r1, 0, 4, 1, 5);
  const v4 a1 = __builtin_shufflevector(r0, r1, 2, 6, 3, 7);
  const v4 a2 = __builtin_shufflevector(r2, r3, 0, 4, 1, 5);
  const v4 a3 = __builtin_shufflevector(r2, r3, 2, 6, 3, 7);
  *(v4 *)to = __builtin_shufflevector(a0, a2, 0, 1, 4, 5);
  *(v4 *)(to + to_row) = __builtin_shufflevector(a0, a2, 2, 3, 6, 7);
  *(v4 *)(to + 2 * to_row) = __builtin_shufflevector(a1, a3, 0, 1, 4, 5);
  *(v4 *)(to + 3 * to_row) = __builtin_shufflevector(a1, a3, 2, 3, 6, 7);
}

/// Packs B [k, n] (or its transpose) so that panel p, row t is at out + p * PANEL * k + t * width.
static void pack(float *out, const float *b, ptrdiff_t b_row, bool transposed, ptrdiff_t k,
                 ptrdiff_t n) {
  for (ptrdiff_t j = 0; j < n; j += PANEL) {
    const ptrdiff_t width = least(PANEL, padded(n - j)), used = least(width, n - j);
    float *to = out + j * k;
    if (!transposed) {
      for (ptrdiff_t t = 0; t < k; t++, to += width) {
        const float *from = b + t * b_row + j;
        EACH(used, STORE(to, LOAD(from)););
        for (ptrdiff_t c = used; c < width; c++) to[c] = 0;
      }
      continue;
    }
    if (used < width) memset(to, 0, sizeof(float) * width * k);
    ptrdiff_t c = 0;
    for (; c + 4 <= used; c += 4)
      for (ptrdiff_t t = 0; t + 4 <= k; t += 4)
        turn4(to + t * width + c, width, b + (j + c) * b_row + t, b_row);
    for (ptrdiff_t r = 0; r < used; r++)  // what the blocks left over
      for (ptrdiff_t t = r < c ? k / 4 * 4 : 0; t < k; t++)
        to[t * width + r] = b[(j + r) * b_row + t];
  }
}

/// A packed B of `depth` rows and `columns` columns, of which the rows from `skip` on are used; or
/// one whose rows, whole vectors, stand `row` apart.
typedef struct { const float *floats; ptrdiff_t depth, columns, skip, row; } packing;

/// B [k, n], or its transpose, as `multiply` reads it: where it is or in panels, in a scratch slot.
static packing packed(int slot, const float *b, ptrdiff_t b_row, bool transposed, ptrdiff_t k,
                      ptrdiff_t n) {
  if (!transposed && n % V == 0 && k * b_row <= UNPACKED) return (packing){b, k, n, 0, b_row};
  float *panels = sp_scratch(slot, k * padded(n));
  pack(panels, b, b_row, transposed, k, n);
  return (packing){panels, k, n, 0, 0};
}

#include "epilogue.h"

/// One tile: C [rows, vectors * V] = A [rows, k] B; of the last vector only `tail` columns exist.
INLINE void tile(int rows, int vectors, ptrdiff_t k, const float *a, ptrdiff_t a_row,
                 ptrdiff_t a_column, const float *b, ptrdiff_t b_row, destination d,
                 ptrdiff_t tail) {
  vf s[SP_ROWS][SP_VECTORS];
  begin_tile(rows, vectors, s, d, tail);
  for (ptrdiff_t t = 0; t < k; t++, a += a_column, b += b_row) {
    vf row[SP_VECTORS];
    UNROLL for (int j = 0; j < vectors; j++) row[j] = load(b + j * V);
    UNROLL for (int i = 0; i < rows; i++) {
      const vf x = a[i * a_row];
      UNROLL for (int j = 0; j < vectors; j++) s[i][j] += x * row[j];
    }
  }
  finish_tile(rows, vectors, s, d, tail);
}

/// C [m, n] = A [m, k] B [k, n] for the first n columns of B.
static void multiply(ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, const float *a, ptrdiff_t a_row,
                     ptrdiff_t a_column, packing right, destination d) {
  float columns[DEPTH * SP_ROWS];
  for (ptrdiff_t i = 0; i < m;) {
    int rows = SP_ROWS;
    while (rows > m - i) rows = rows > 4 ? 4 : rows / 2;
    const float *from = a + i * a_row;
    ptrdiff_t row = a_row, column = a_column;
    if (a_row == 1 && a_column != 1 && k <= DEPTH) {  // A is transposed: gather a strip of it once.
      for (ptrdiff_t t = 0; t < k; t++)
        if (rows == SP_ROWS)  // of a size that the compiler knows
          memcpy(columns + t * SP_ROWS, from + t * a_column, sizeof(float) * SP_ROWS);
        else
          for (int r = 0; r < rows; r++) columns[t * rows + r] = from[t * a_column + r];
      from = columns;
      column = rows;
    }
    for (ptrdiff_t j = 0; j < n; j += PANEL) {
      const ptrdiff_t used = least(PANEL, n - j);
      const ptrdiff_t width = right.row ? right.row : least(PANEL, padded(right.columns - j));
      const int vectors = (int)((used + V - 1) / V);
      const ptrdiff_t tail = used - (vectors - 1) * V;
      const float *b = right.floats + j * (right.row ? 1 : right.depth) + right.skip * width;
      const destination to = advanced(d, i, j);
#define CASE(r, v) case (r) * 4 + (v): tile(r, v, k, from, row, column, b, width, to, tail); break
      switch (rows * 4 + vectors) {
#if SP_VECTORS == 3
        CASE(SP_ROWS, 3); CASE(4, 3); CASE(2, 3); CASE(1, 3);
#endif
        CASE(SP_ROWS, 2); CASE(4, 2); CASE(2, 2); CASE(1, 2);
        CASE(SP_ROWS, 1); CASE(4, 1); CASE(2, 1); CASE(1, 1);
      }
#undef CASE
    }
    i += rows;
  }
}

#include "vector_kernels.h"

static void SP_NAME(gemm)(const sp_product_t *p, const sp_epilogue_t *e) {
  destination d = {p->c, p->c_row, p->accumulate, {0}};
#ifdef SP_BLAS
  if (p->m >= 4 && sp_blas_product(p)) {
    d.accumulate = true;  // Nothing is multiplied any more: tiles of depth 0 finish the rows.
    if (e) d.last = *e;
    if (e) multiply(p->m, p->n, 0, p->a, p->a_row, p->a_column, (packing){0}, d);
    return;
  }
#endif
  if (p->m < 4 && p->a_column == 1) {
    if (e) d.last = *e;
    few_rows(p, d);
    return;
  }
  for (ptrdiff_t k = 0; k < p->k; k += DEPTH) {
    const ptrdiff_t depth = least(DEPTH, p->k - k);
    d.accumulate = p->accumulate || k > 0;
    if (e && k + depth == p->k) d.last = *e;
    for (ptrdiff_t j = 0; j < p->n; j += BREADTH) {
      const ptrdiff_t breadth = least(BREADTH, p->n - j);
      const float *b = p->b_transposed ? p->b + j * p->b_row + k : p->b + k * p->b_row + j;
      multiply(p->m, breadth, depth, p->a + k * p->a_column, p->a_row, p->a_column,
               packed(0, b, p->b_row, p->b_transposed, depth, breadth), advanced(d, 0, j));
    }
  }
}

// ---- dropout ------------------------------------------------------------------------------------

/// 0 with probability `rate`, else 1 / (1 - rate), for the positions from `at` on.
INLINE vf keep(sp_dropout_t d, uint64_t at) {
  uint64_t key = d.key + (at >> 32) * 0x9E3779B97F4A7C15u;  // SplitMix64's finalizer
  key = (key ^ key >> 30) * 0xBF58476D1CE4E5B9u;
  key = (key ^ key >> 27) * 0x94D049BB133111EBu;
  vu x;
  for (int i = 0; i < V; i++) x[i] = (uint32_t)i;
  x = (x + (uint32_t)at) * 0x9E3779B1u + (uint32_t)key;  // Murmur3's, keyed twice
  x = (x ^ (x >> 16)) * 0x85EBCA6Bu + (uint32_t)(key >> 32);
  x = (x ^ (x >> 13)) * 0xC2B2AE35u;
  x ^= x >> 16;
  const vi kept = (vi)(x >> 8) >= (int32_t)(d.rate * 16777216.0f);
  return kept ? (vf)(1.0f / (1.0f - d.rate)) : (vf)0;
}

static void SP_NAME(dropout)(float *y, const float *x, sp_dropout_t d, uint64_t start,
                             bool accumulate, ptrdiff_t n) {
  EACH(n, vf r = LOAD(x) * keep(d, start + i_); if (accumulate) r += LOAD(y); STORE(y, r););
}

#include "bf16_kernels.h"

#include "attention_kernels.h"

// ---- norms --------------------------------------------------------------------------------------

static void SP_NAME(norm)(float *y, float *mean, float *rstd, const float *x, const float *gain,
                          const float *bias, ptrdiff_t rows, ptrdiff_t n, float epsilon) {
  for (ptrdiff_t r = 0; r < rows; r++, x += n, y += n) {
    vf total = 0, squares = 0;
    if (mean) EACH(n, total += LOAD(x););
    const float m = sum(total) / (float)n;
    if (mean) mean[r] = m;
    EACH(n, vf d = THERE(LOAD(x) - m); squares += d * d;);
    const float k = rstd[r] = 1 / sqrtf(sum(squares) / (float)n + epsilon);
    EACH(n, vf h = (LOAD(x) - m) * k * LOAD(gain); if (bias) h += LOAD(bias); STORE(y, h););
  }
}

static void SP_NAME(norm_backward)(float *dx, bool accumulate, float *dgain, float *dbias,
                                   const float *dy, const float *x, const float *gain,
                                   const float *mean, const float *rstd, ptrdiff_t rows,
                                   ptrdiff_t n) {
  for (ptrdiff_t r = 0; r < rows; r++, x += n, dy += n, dx += n) {
    const float m = mean ? mean[r] : 0, k = rstd[r];
    vf plain = 0, along = 0;  // sums of dy * gain, and of dy * gain * normalised x
    EACH(n, vf d = LOAD(dy); vf h = (LOAD(x) - m) * k; STORE(dgain, LOAD(dgain) + d * h);
         if (dbias) STORE(dbias, LOAD(dbias) + d); d *= LOAD(gain); plain += d; along += d * h;);
    const float p = mean ? sum(plain) / (float)n : 0, a = sum(along) / (float)n;
    EACH(n, vf d = k * (LOAD(dy) * LOAD(gain) - p - (LOAD(x) - m) * k * a);
         if (accumulate) d += LOAD(dx); STORE(dx, d););
  }
}

// ---- element by element -------------------------------------------------------------------------

static void SP_NAME(add_rows)(float *sums, const float *x, ptrdiff_t x_row, ptrdiff_t rows,
                              ptrdiff_t n) {
  enum { GROUP = 4 };  // Rows read at once, so that the sums are seldom stored.
  for (ptrdiff_t i = 0; i < rows; i += GROUP) {
    const ptrdiff_t group = least(GROUP, rows - i);
    EACH(n, vf s = LOAD(sums);
         for (ptrdiff_t r = i; r < i + group; r++) s += LOAD(x + r * x_row);
         STORE(sums, s););
  }
}

/// silu(a) * b, silu(a) = a * sigmoid(a): the gated unit of Shazeer (2020).
static void SP_NAME(swiglu)(float *y, const float *a, const float *b, ptrdiff_t n) {
  EACH(n, vf x = within(-88, LOAD(a), INFINITY); STORE(y, x * vsigmoid(x) * LOAD(b)););
}

static void SP_NAME(swiglu_backward)(float *da, float *db, const float *dy, const float *a,
                                     const float *b, ptrdiff_t n) {
  EACH(n, vf x = within(-88, LOAD(a), 3e38f); vf s = vsigmoid(x); vf d = LOAD(dy);
       STORE(db, d * x * s); STORE(da, d * LOAD(b) * s * (1 + x * (1 - s))););
}

static void SP_NAME(add)(float *y, const float *x, float scale, ptrdiff_t n) {
  EACH(n, STORE(y, LOAD(y) + scale * LOAD(x)););
}

static double SP_NAME(sum_of_squares)(float *y, const float *x, ptrdiff_t n) {
  // Side by side on every path, for the same sums; the square of a float is exact.
  typedef double v16 __attribute__((ext_vector_type(16)));
  typedef float f16 __attribute__((ext_vector_type(16), aligned(4)));
  v16 total = 0;
  ptrdiff_t i = 0;
  for (; i + 16 <= n; i += 16) {
    if (x) *(f16 *)(y + i) += *(const f16 *)(x + i);
    const v16 d = __builtin_convertvector(*(const f16 *)(y + i), v16);
    total += d * d;
  }
  for (; i < n; i++) {
    if (x) y[i] += x[i];
    total[i % 16] += (double)y[i] * y[i];
  }
  double sum = 0;
  for (int j = 0; j < 16; j++) sum += total[j];
  return sum;
}

// ---- losses -------------------------------------------------------------------------------------

static void SP_NAME(cross_entropy)(float *losses, float *lse, const float *x,
                                   const int32_t *targets, ptrdiff_t rows, ptrdiff_t n) {
  for (ptrdiff_t r = 0; r < rows; r++, x += n) {
    losses[r] = lse[r] = 0;
    if (targets[r] < 0) continue;
    const float top = largest(x, n);
    vf s = 0;
    EACH(n, s += THERE(vexp(LOAD(x) - top)););
    const float spread = logf(sum(s));  // Added last, so that large scores keep its digits.
    lse[r] = top + spread;
    losses[r] = top - x[targets[r]] + spread;
  }
}

static void SP_NAME(cross_entropy_backward)(float *dx, const float *x, const float *lse,
                                            const int32_t *targets, float weight, ptrdiff_t rows,
                                            ptrdiff_t n) {
  for (ptrdiff_t r = 0; r < rows; r++, x += n, dx += n) {
    if (targets[r] < 0) {
      memset(dx, 0, sizeof(float) * n);
      continue;
    }
    EACH(n, STORE(dx, weight * vexp(LOAD(x) - lse[r])););
    dx[targets[r]] -= weight;
  }
}

// ---- optimizers ---------------------------------------------------------------------------------

static void SP_NAME(adamw)(float *w, float *m, float *v, const float *g, const sp_adamw_t *o,
                           ptrdiff_t n) {
  const float step = o->rate / o->correction1, root = 1 / sqrtf(o->correction2);
  const float shrink = 1 - o->rate * o->decay;
  EACH(n, vf d = LOAD(g) * o->scale; vf a = LOAD(m); vf b = LOAD(v);
       a += (d - a) * (1 - o->beta1); b = b * o->beta2 + d * d * (1 - o->beta2); STORE(m, a);
       STORE(v, b); vf denominator = __builtin_elementwise_sqrt(b) * root + o->epsilon;
       STORE(w, LOAD(w) * shrink - step * a / denominator););
}

static void SP_NAME(momentum)(float *w, float *m, const float *g, float rate, float decay,
                              float beta, float scale, ptrdiff_t n) {
  EACH(n, vf d = LOAD(g) * scale + decay * LOAD(w); d += beta * LOAD(m); STORE(m, d);
       STORE(w, LOAD(w) - rate * d););
}

#include "entropy_kernels.h"
#include "int8_kernels.h"
#include "peak.h"

#define SP_ENTRY(name, parameters, arguments) .name = SP_NAME(name),
const sp_table SP_NAME(sp_table) = {SP_KERNELS(SP_ENTRY).sum = SP_NAME(sum),
                                    .sum_of_squares = SP_NAME(sum_of_squares),
                                    .multiply_add_rounds = SP_NAME(multiply_add_rounds)};
