// Products whose factors are rounded to bf16 (the upper half of a float32) and whose sums are
// float32. Compiled once a path, behind portable_kernels.h.
//
// A pair is two bf16 that follow one another along k, the first in the low half. B [k, n] is packed
// into panels of 16 columns: pair t of a panel is 16 pairs, one a column, of rows 2t and 2t + 1.
// VDPBF16PS and the tiles of AMX both read it as it is; k is padded to whole tiles with zeros.

/// The bf16 nearest to each number, ties to even, in the upper half of each lane; NaN stays NaN.
INLINE vu rounded(vf x) {
  const vu bits = (vu)x, even = bits + 0x7FFF + (bits >> 16 & 1);
  return (x == x ? even : bits | 0x400000) & 0xFFFF0000;
}

/// Packs B [k, n], or the transpose of what lies at b, into whole panels at `to`.
static void SP_NAME(pack_bf16)(uint32_t *to, const float *b, ptrdiff_t b_row, bool transposed,
                               ptrdiff_t k, ptrdiff_t n) {
  const ptrdiff_t row = transposed ? 1 : b_row, column = transposed ? b_row : 1;
  for (ptrdiff_t j = 0; j < n; j += SP_PANEL)
    for (ptrdiff_t t = 0; t < sp_bf16_depth(k); t += 2, to += SP_PANEL)
      for (ptrdiff_t c = 0; c < SP_PANEL; c++) {
        const float *from = b + t * row + (j + c) * column;
        const bool there = j + c < n;
        const vf x = there && t < k ? from[0] : 0, y = there && t + 1 < k ? from[row] : 0;
        to[c] = rounded(x)[0] >> 16 | rounded(y)[0];
      }
}

static void SP_NAME(gemm_bf16)(const sp_product_t *p, const sp_epilogue_t *e) {
  const ptrdiff_t pairs = sp_bf16_depth(p->k) / 2;
  const uint32_t *packed = p->packed;
  if (!packed) {
    uint32_t *to = (uint32_t *)sp_scratch(0, sp_bf16_pairs(p->k, p->n));
    SP_NAME(pack_bf16)(to, p->b, p->b_row, p->b_transposed, p->k, p->n);
    packed = to;
  }
  destination d = {p->c, p->c_row, p->accumulate, {0}};
  if (e) d.last = *e;
  for (ptrdiff_t i = 0; i < p->m; i++)
    for (ptrdiff_t j = 0; j < p->n; j += SP_PANEL)
      for (ptrdiff_t c = j; c < least(j + SP_PANEL, p->n); c += V) {
        const uint32_t *b = packed + j * pairs + (c - j);
        float sums[V] = {0};
        for (ptrdiff_t l = 0; l < V; l++)
          for (ptrdiff_t t = 0; t < p->k; t++) {
            const uint32_t pair = b[t / 2 * SP_PANEL + l];
            const vu y = t & 1 ? pair & 0xFFFF0000 : pair << 16;
            sums[l] += ((vf)rounded((vf)p->a[i * p->a_row + t * p->a_column]))[0] * ((vf)y)[0];
          }
        const float one = 1;  // A product of depth 1 finishes the sums like any other tile.
        tile(1, 1, 1, &one, 1, 1, sums, V, advanced(d, i, c), least(V, p->n - c));
      }
}
