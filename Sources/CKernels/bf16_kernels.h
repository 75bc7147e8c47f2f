// Products whose factors are rounded to bf16 (the upper half of a float32) and whose sums are
// float32. Compiled once a path, within portable_kernels.h.
//
// A pair is two bf16 that follow one another along k, the first in the low half. B [k, n] is packed
// into panels of 16 columns: row t of a panel is a pair a column, of the rows 2t and 2t + 1 of B.
// VDPBF16PS and the tiles of AMX both read that as it is; k is padded to whole tiles with zeros.

// ---- packing ------------------------------------------------------------------------------------

/// The bf16 nearest to each number, ties to even, in the upper half of a lane; NaN stays NaN.
INLINE vu rounded(vf x) {
  const vu bits = (vu)x;
  return (x == x ? bits + 0x7FFF + (bits >> 16 & 1) : bits | 0x400000) & 0xFFFF0000;
}

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

/// The n numbers of a row as pairs, and zeros behind them.
INLINE void pack_row(uint32_t *to, const float *row, ptrdiff_t n, ptrdiff_t pairs) {
#ifdef SP_DOT
  for (ptrdiff_t t = 0; t < pairs; t += V) {
    const __m512i x = (__m512i)_mm512_cvtne2ps_pbh(some(row, 2 * t + V, n), some(row, 2 * t, n));
    _mm512_mask_storeu_epi32(to + t, (__mmask16)(pairs - t < V ? (1 << (pairs - t)) - 1 : -1), x);
  }
#else
  for (ptrdiff_t t = 0; t < pairs; t += V / 2) {
    const vu x = rounded(some(row, 2 * t, n));
    for (ptrdiff_t l = 0; l < least(V / 2, pairs - t); l++)
      to[t + l] = x[2 * l] >> 16 | x[2 * l + 1];
  }
#endif
}

/// Turns a block of 16 rows and 16 columns.
INLINE void turn16(uint32_t *to, ptrdiff_t to_row, const uint32_t *from, ptrdiff_t row) {
  for (ptrdiff_t i = 0; i < 16; i += 4)
    for (ptrdiff_t j = 0; j < 16; j += 4)
      turn4((float *)(to + j * to_row + i), to_row, (const float *)(from + i * row + j), row);
}

/// Packs B [k, n], or the transpose of what lies at b, into panels of `depth` >= k rows, for a
/// transpose a multiple of 32.
static void pack_panels(uint32_t *to, const float *b, ptrdiff_t b_row, bool transposed, ptrdiff_t k,
                        ptrdiff_t n, ptrdiff_t depth) {
  for (ptrdiff_t j = 0; j < n; j += SP_PANEL) {
    for (ptrdiff_t t = 0; transposed && t < depth; t += 32, to += 16 * SP_PANEL) {
      uint32_t rows[SP_PANEL * 16];
      for (ptrdiff_t c = 0; c < SP_PANEL; c++)
        pack_row(rows + c * 16, b + (j + c) * b_row + t, j + c < n ? k - t : 0, 16);
      turn16(to, SP_PANEL, rows, 16);
    }
    for (ptrdiff_t t = 0; !transposed && t < depth; t += 2, to += SP_PANEL)
      for (ptrdiff_t c = 0; c < SP_PANEL; c += V) {
        const vf first = some(b + t * b_row, j + c, t < k ? n : 0);
        *(vu *)(to + c) = paired(first, some(b + (t + 1) * b_row, j + c, t + 1 < k ? n : 0));
      }
  }
}

static void SP_NAME(pack_bf16)(uint32_t *to, const float *b, ptrdiff_t b_row, bool transposed,
                               ptrdiff_t k, ptrdiff_t n) {
  pack_panels(to, b, b_row, transposed, k, n, sp_bf16_depth(k));
}

// ---- product ------------------------------------------------------------------------------------

enum { DEPTH_BF16 = 512, ROWS_BF16 = 256 };  // A block of A, 256 kB at most, stays in L2.

#ifdef SP_TILES
#include "bf16_tiles.h"
#else
#include "bf16_vectors.h"
#endif

#include "vector_bf16.h"

/// C [m, n] = A [m, k] B for a packed B whose panels lie `panel` pairs apart.
static void product_bf16(ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, const float *a, ptrdiff_t a_row,
                         ptrdiff_t a_column, const uint32_t *b, ptrdiff_t panel, destination d) {
  const sp_epilogue_t last = d.last;
  for (ptrdiff_t t = 0; t < k; t += DEPTH_BF16) {
    const ptrdiff_t depth = least(DEPTH_BF16, k - t);
    d.last = t + depth == k ? last : (sp_epilogue_t){0};
    for (ptrdiff_t i = 0; i < m; i += ROWS_BF16) {
      const float *block = a + i * a_row + t * a_column;
      const left rows = pack_left(block, a_row, a_column, least(ROWS_BF16, m - i), depth);
      multiply_bf16(rows, b + t / 2 * SP_PANEL, panel, n, advanced(d, i, 0));
    }
    d.accumulate = true;
  }
}

static void SP_NAME(gemm_bf16)(const sp_product_t *p, const sp_epilogue_t *e) {
  destination d = {p->c, p->c_row, p->accumulate, e ? *e : (sp_epilogue_t){0}};
  if (p->packed && p->m < 4 && p->a_column == 1) return few_rows_bf16(p, d);
  if (p->packed)
    return product_bf16(p->m, p->n, p->k, p->a, p->a_row, p->a_column, p->packed,
                        sp_bf16_pairs(p->k, SP_PANEL), d);
  const sp_epilogue_t last = d.last;
  for (ptrdiff_t k = 0; k < p->k; k += DEPTH_BF16) {
    const ptrdiff_t depth = least(DEPTH_BF16, p->k - k);
    const float *b = p->b_transposed ? p->b + k : p->b + k * p->b_row;
    uint32_t *pairs = (uint32_t *)sp_scratch(0, sp_bf16_pairs(depth, p->n));
    SP_NAME(pack_bf16)(pairs, b, p->b_row, p->b_transposed, depth, p->n);
    d.last = k + depth == p->k ? last : (sp_epilogue_t){0};
    product_bf16(p->m, p->n, depth, p->a + k * p->a_column, p->a_row, p->a_column, pairs,
                 sp_bf16_pairs(depth, SP_PANEL), d);
    d.accumulate = true;
  }
}
