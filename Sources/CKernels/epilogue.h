// What becomes of a product's sums on their way to C: see sp_epilogue_t. Included by
// portable_kernels.h, once a path.

/// Where a tile of C goes and what is done to it on the way.
typedef struct { float *c; ptrdiff_t row; bool accumulate; sp_epilogue_t last; } destination;

INLINE destination advanced(destination d, ptrdiff_t rows, ptrdiff_t columns) {
  const ptrdiff_t step = rows * d.row + columns;
  d.c += step;
  if (d.last.bias) d.last.bias += columns;
  if (d.last.sums) d.last.sums += columns;
  if (d.last.residual) d.last.residual += step;
  const ptrdiff_t narrow = rows * d.last.rounded_row + columns;
  if (d.last.slope)
    d.last.slope = d.last.rounded ? (void *)((uint16_t *)d.last.slope + narrow)
                                  : (void *)((float *)d.last.slope + step);
  if (d.last.rounded) d.last.rounded += narrow;
  return d;
}

/// The bf16 nearest to each number, ties to even, in the upper half of a lane; NaN stays NaN.
INLINE vu rounded(vf x) {
  const vu bits = (vu)x;
  return (x == x ? bits + 0x7FFF + (bits >> 16 & 1) : bits | 0x400000) & 0xFFFF0000;
}

/// The first n <= V numbers as bf16.
INLINE void store_rounded(uint16_t *to, vf x, ptrdiff_t n) {
#ifdef SP_DOT
  _mm256_mask_storeu_epi16(to, (__mmask16)((1u << n) - 1), (__m256i)_mm512_cvtneps_pbh(x));
#else
  const vu y = rounded(x);
  for (ptrdiff_t i = 0; i < n; i++) to[i] = (uint16_t)(y[i] >> 16);
#endif
}

INLINE vf load_rounded(const uint16_t *p, ptrdiff_t n) {
#if SP_LANES == 16
  return (vf)_mm512_slli_epi32(
      _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16((__mmask16)((1u << n) - 1), p)), 16);
#else
  vu x = 0;
  for (ptrdiff_t i = 0; i < n; i++) x[i] = (uint32_t)p[i] << 16;
  return (vf)x;
#endif
}

#define PART(p) (n == V ? load(p) : load_part(p, n))
#define PUT(p, x) (n == V ? store(p, x) : store_part(p, x, n))

/// What `n` sums of a row begin with.
INLINE vf beginning(destination d, ptrdiff_t row, ptrdiff_t column, ptrdiff_t n) {
  const ptrdiff_t at = row * d.row + column;
  vf x = 0;
  if (d.accumulate) x += PART(d.c + at);
  if (d.last.bias) x += PART(d.last.bias + column);
  if (d.last.residual) x += PART(d.last.residual + at);
  return x;
}

enum { GELU = 1, SLOPE = 2, SUMS = 4, ROUNDED = 8 };

/// What is left to do with the sums.
INLINE int steps_of(sp_epilogue_t e) {
  return (e.activation == SP_GELU ? GELU : 0) | (e.activation == SP_SLOPE ? SLOPE : 0) |
         (e.sums ? SUMS : 0) | (e.rounded ? ROUNDED : 0);
}

/// Does these steps with `n` sums of a row, and puts them where they go; the sums of columns are
/// for who calls it.
INLINE vf finish_steps(int steps, vf x, destination d, ptrdiff_t row, ptrdiff_t column,
                       ptrdiff_t n) {
  const ptrdiff_t at = row * d.row + column, narrow = row * d.last.rounded_row + column;
  float *wide_slope = d.last.slope;
  uint16_t *slope = d.last.slope;
  if (steps & GELU) {
    const vactivated y = vgelu(x);
    x = y.value;
    if (slope && steps & ROUNDED) store_rounded(slope + narrow, y.slope, n);
    else if (slope) PUT(wide_slope + at, y.slope);
  }
  if (steps & SLOPE) x *= steps & ROUNDED ? load_rounded(slope + narrow, n) : PART(wide_slope + at);
  if (steps & ROUNDED) store_rounded(d.last.rounded + narrow, x, n);
  else PUT(d.c + at, x);
  return x;
}

INLINE void add_to_sums(destination d, ptrdiff_t column, vf x, ptrdiff_t n) {
  float *at = d.last.sums + column;
  PUT(at, PART(at) + x);
}

INLINE void finish(vf x, destination d, ptrdiff_t row, ptrdiff_t column, ptrdiff_t n) {
  x = finish_steps(steps_of(d.last), x + beginning(d, row, column, n), d, row, column, n);
  if (d.last.sums) add_to_sums(d, column, x, n);
}

INLINE void finish_columns(int steps, const float *sums, ptrdiff_t stride, destination d,
                           ptrdiff_t rows, ptrdiff_t columns) {
  for (ptrdiff_t j = 0; j < columns; j += V) {
    const ptrdiff_t n = least(V, columns - j);
    vf total = 0;
    for (ptrdiff_t i = 0; i < rows; i++)
      total += finish_steps(steps, load(sums + i * stride + j), d, i, j, n);
    if (steps & SUMS) add_to_sums(d, j, total, n);
  }
}

/// Does them with a block of sums that began right, whose rows stand `stride` apart.
static void finish_block(const float *sums, ptrdiff_t stride, destination d, ptrdiff_t rows,
                         ptrdiff_t columns) {
  const int steps = steps_of(d.last);
#define CASE(s) case s: finish_columns(s, sums, stride, d, rows, columns); break
  switch (steps) {  // What occurs most is compiled without questions.
    CASE(0); CASE(GELU); CASE(GELU | ROUNDED); CASE(SLOPE | SUMS); CASE(SLOPE | SUMS | ROUNDED);
    default: finish_columns(steps, sums, stride, d, rows, columns);
  }
#undef CASE
}

enum { MOST_ROWS = 8 };  // of a tile

/// The sums of a tile, in registers; of the last vector only `tail` columns exist.
INLINE void begin_tile(int rows, int vectors, vf (*s)[SP_VECTORS], destination d,
                       ptrdiff_t tail) {
  UNROLL for (int i = 0; i < rows; i++)
    UNROLL for (int j = 0; j < vectors; j++) s[i][j] = 0;
#define EACH_SUM(term)                                \
  UNROLL for (int i = 0; i < rows; i++)               \
    UNROLL for (int j = 0; j < vectors; j++) {        \
      const ptrdiff_t n = j + 1 < vectors ? V : tail; \
      term;                                           \
    }
  if (d.accumulate) EACH_SUM(s[i][j] += PART(d.c + i * d.row + j * V))
  if (d.last.bias) EACH_SUM(s[i][j] += PART(d.last.bias + j * V))
  if (d.last.residual) EACH_SUM(s[i][j] += PART(d.last.residual + i * d.row + j * V))
}

/// The steps of a tile's sums while they are in registers.
INLINE void finish_registers(int steps, int rows, int vectors, vf (*s)[SP_VECTORS], destination d,
                             ptrdiff_t tail) {
  UNROLL for (int j = 0; j < vectors; j++) {
    const ptrdiff_t n = j + 1 < vectors ? V : tail;
    vf total = 0;
    UNROLL for (int i = 0; i < rows; i++) total += finish_steps(steps, s[i][j], d, i, j * V, n);
    if (steps & SUMS) add_to_sums(d, j * V, total, n);
  }
}

INLINE void finish_tile(int rows, int vectors, vf (*s)[SP_VECTORS], destination d,
                        ptrdiff_t tail) {
#define CASE(steps) case steps: return finish_registers(steps, rows, vectors, s, d, tail)
  switch (steps_of(d.last)) {  // Short ones, which occur most.
    CASE(0); CASE(SLOPE | SUMS | ROUNDED);
  }
#undef CASE
  float sums[MOST_ROWS * PANEL];
  EACH_SUM(store(sums + i * PANEL + j * V, s[i][j]); (void)n)
  finish_block(sums, PANEL, d, rows, (vectors - 1) * V + tail);
}
