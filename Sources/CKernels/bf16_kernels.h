// Products whose factors are rounded to bf16 (the upper half of a float32) and whose sums are
// float32. Compiled once a path, within portable_kernels.h.
//
// A pair is two bf16 that follow one another along k, the first in the low half. B [k, n] is packed
// into panels of 16 columns: row t of a panel is a pair a column, of the rows 2t and 2t + 1 of B.
// VDPBF16PS and the tiles of AMX both read that as it is; k is padded to whole tiles with zeros.

// ---- packing ------------------------------------------------------------------------------------

/// Pairs of lanes: the numbers of one row and, behind them, of the next.
INLINE vu paired(vf first, vf second) {
#ifdef SP_DOT
  const __m512i order = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24,
                                         8, 23, 7, 22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
  return (vu)_mm512_permutexvar_epi16(order, (__m512i)_mm512_cvtne2ps_pbh(second, first));
#else
  return rounded(first) >> 16 | rounded(second);
#endif
}

/// V numbers from p + i on of which there are n, the rest being zero.
INLINE vf some(const float *p, ptrdiff_t i, ptrdiff_t n) {
  return i + V <= n ? load(p + i) : i < n ? load_part(p + i, n - i) : (vf)0;
}

/// The first n <= V pairs of what two vectors hold, one behind the other.
INLINE void round_to(uint32_t *to, vf first, vf second, ptrdiff_t n) {
#ifdef SP_DOT
  const __m512i x = (__m512i)_mm512_cvtne2ps_pbh(second, first);
  _mm512_mask_storeu_epi32(to, (__mmask16)((1u << n) - 1), x);
#else
  const vu a = rounded(first), b = rounded(second);
  for (ptrdiff_t l = 0; l < n; l++)
    to[l] = l < V / 2 ? a[2 * l] >> 16 | a[2 * l + 1] : b[2 * l - V] >> 16 | b[2 * l - V + 1];
#endif
}

/// The n numbers of a row as pairs, and zeros behind them.
INLINE void pack_row(uint32_t *to, const float *row, ptrdiff_t n, ptrdiff_t pairs) {
  for (ptrdiff_t t = 0; t < pairs; t += V)
    round_to(to + t, some(row, 2 * t, n), some(row, 2 * t + V, n), least(V, pairs - t));
}

/// Rows as products take them, padded with zeros to whole tiles of 32 numbers.
static void SP_NAME(round_rows)(uint16_t *to, const float *x, ptrdiff_t x_row, float *sums,
                                ptrdiff_t rows, ptrdiff_t n) {
  enum { GROUP = 4 };  // as in add_rows
  const ptrdiff_t depth = sp_bf16_depth(n);
  for (ptrdiff_t i = 0; i < rows; i += GROUP)
    for (ptrdiff_t j = 0; j < depth; j += 2 * V) {
      vf total[2] = {0, 0};
      for (ptrdiff_t r = i; r < least(rows, i + GROUP); r++) {
        const vf first = some(x + r * x_row, j, n), second = some(x + r * x_row, j + V, n);
        total[0] += first;
        total[1] += second;
        round_to((uint32_t *)(to + r * depth + j), first, second, V);
      }
      for (ptrdiff_t h = 0, at = j; sums && h < 2 && at < n; h++, at += V)
        if (at + V <= n) store(sums + at, load(sums + at) + total[h]);
        else store_part(sums + at, load_part(sums + at, n - at) + total[h], n - at);
    }
}

/// A factor as it is given: floats, or bf16 that `round_rows` made, rows `row` numbers apart.
typedef struct { const float *floats; const uint16_t *rounded; ptrdiff_t row; } given;

INLINE given part_of(given g, ptrdiff_t i) {
  return (given){g.floats ? g.floats + i : NULL, g.rounded ? g.rounded + i : NULL, g.row};
}

/// Pairs of the rows t and t + 1, of which there are k, in V of n columns from j on.
INLINE vu pairs_of(given g, ptrdiff_t t, ptrdiff_t j, ptrdiff_t k, ptrdiff_t n) {
  typedef uint16_t vh __attribute__((ext_vector_type(V), aligned(2)));
  if (!g.rounded) {
    const vf first = some(g.floats + t * g.row, j, t < k ? n : 0);
    return paired(first, some(g.floats + (t + 1) * g.row, j, t + 1 < k ? n : 0));
  }
  vu pair = 0;
  const uint16_t *row = g.rounded + t * g.row + j;
  if (t < k) pair = __builtin_convertvector(*(const vh *)row, vu);
  if (t + 1 < k) pair |= __builtin_convertvector(*(const vh *)(row + g.row), vu) << 16;
  return pair;
}

/// Turns a block of 16 rows and 16 columns.
INLINE void turn16(uint32_t *to, ptrdiff_t to_row, const uint32_t *from, ptrdiff_t row) {
  for (ptrdiff_t i = 0; i < 16; i += 4)
    for (ptrdiff_t j = 0; j < 16; j += 4)
      turn4((float *)(to + j * to_row + i), to_row, (const float *)(from + i * row + j), row);
}

/// Packs B [k, n], or the transpose of floats, into panels of `depth` >= k rows, for a transpose a
/// multiple of 32; the panels lie `panel` pairs apart.
static void pack_panels(uint32_t *to, ptrdiff_t panel, given b, bool transposed, ptrdiff_t k,
                        ptrdiff_t n, ptrdiff_t depth) {
  for (ptrdiff_t j = 0; transposed && j < n; j += SP_PANEL, to += panel)
    for (ptrdiff_t t = 0; t < depth; t += 32) {
      uint32_t rows[SP_PANEL * 16];
      for (ptrdiff_t c = 0; c < SP_PANEL; c++)
        pack_row(rows + c * 16, b.floats + (j + c) * b.row + t, j + c < n ? k - t : 0, 16);
      turn16(to + t / 2 * SP_PANEL, SP_PANEL, rows, 16);
    }
  // Rows are read as they lie, but few panels written at once, which would meet in the cache.
  enum { GROUP = 4 * SP_PANEL };
  for (ptrdiff_t i = 0; !transposed && i < n; i += GROUP, to += 4 * panel)
    for (ptrdiff_t t = 0; t < depth; t += 2)
      for (ptrdiff_t j = i; j < least(n, i + GROUP); j += V)
        *(vu *)(to + (j - i) / SP_PANEL * panel + t / 2 * SP_PANEL + j % SP_PANEL) =
            pairs_of(b, t, j, k, n);
}

static void SP_NAME(pack_bf16)(uint32_t *to, ptrdiff_t panel, const float *b, ptrdiff_t b_row,
                               bool transposed, ptrdiff_t k, ptrdiff_t n) {
  pack_panels(to, panel, (given){b, NULL, b_row}, transposed, k, n, sp_bf16_depth(k));
}

// ---- product ------------------------------------------------------------------------------------

enum { DEPTH_BF16 = 512, ROWS_BF16 = 64 };  // A block of A, 64 kB at most.

#ifdef SP_TILES
#include "bf16_tiles.h"
#else
#include "bf16_vectors.h"
#endif

#include "vector_bf16.h"

/// C [m, n] = A [m, k] B for a packed B whose panels lie `panel` pairs apart; A may be `turned`.
static void product_bf16(ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, given a, bool turned,
                         const uint32_t *b, ptrdiff_t panel, destination d) {
  const sp_epilogue_t last = d.last;
  for (ptrdiff_t t = 0; t < k; t += DEPTH_BF16) {
    const ptrdiff_t depth = least(DEPTH_BF16, k - t);
    d.last = t + depth == k ? last : (sp_epilogue_t){0};
    for (ptrdiff_t i = 0; i < m; i += ROWS_BF16) {
      const given block = part_of(a, turned ? t * a.row + i : i * a.row + t);
      const left rows = pack_left(block, turned, least(ROWS_BF16, m - i), depth);
      multiply_bf16(rows, b + t / 2 * SP_PANEL, panel, n, advanced(d, i, 0));
    }
    d.accumulate = true;
  }
}

static void SP_NAME(gemm_bf16)(const sp_product_t *p, const sp_epilogue_t *e) {
  destination d = {p->c, p->c_row, p->accumulate, e ? *e : (sp_epilogue_t){0}};
  const bool turned = p->a_column != 1;
  const given a = {p->a, p->a_rounded, turned ? p->a_column : p->a_row};
  if (p->packed && p->m < 4 && !turned && !a.rounded) return few_rows_bf16(p, d);
  if (p->packed)
    return product_bf16(p->m, p->n, p->k, a, turned, p->packed, sp_bf16_pairs(p->k, SP_PANEL), d);
  const sp_epilogue_t last = d.last;
  for (ptrdiff_t k = 0; k < p->k; k += DEPTH_BF16) {
    const ptrdiff_t depth = least(DEPTH_BF16, p->k - k);
    const given b = part_of((given){p->b, p->b_rounded, p->b_row},
                            p->b_transposed ? k : k * p->b_row);
    uint32_t *pairs = (uint32_t *)sp_scratch(0, sp_bf16_pairs(depth, p->n));
    pack_panels(pairs, sp_bf16_pairs(depth, SP_PANEL), b, p->b_transposed, depth, p->n,
                sp_bf16_depth(depth));
    d.last = k + depth == p->k ? last : (sp_epilogue_t){0};
    product_bf16(p->m, p->n, depth, part_of(a, turned ? k * a.row : k), turned, pairs,
                 sp_bf16_pairs(depth, SP_PANEL), d);
    d.accumulate = true;
  }
}
