// A few rows times a matrix packed as bf16: a panel at a time, which lies in one piece.

/// Sums of a panel: x [k], of which each number is a bf16, times 16 columns of pairs.
INLINE void panel_sums(const float *x, const uint32_t *panel, ptrdiff_t k, float *sums) {
  // Eight sums, or as many vectors as 16 columns have.
  enum { PARTS = SP_PANEL / V, FOLD = V / 4 };
  typedef uint32_t vuu __attribute__((ext_vector_type(V), aligned(4)));
  vf even[FOLD][PARTS], odd[FOLD][PARTS];
  UNROLL for (int f = 0; f < FOLD; f++)
    UNROLL for (int c = 0; c < PARTS; c++) even[f][c] = odd[f][c] = 0;
#define PAIR(f, low, high)                                      \
  UNROLL for (int c = 0; c < PARTS; c++) {                      \
    const vu y = *(const vuu *)(panel + (f) * SP_PANEL + c * V); \
    even[f][c] += (low) * (vf)(y << 16);                        \
    odd[f][c] += (high) * (vf)(y & 0xFFFF0000);                 \
  }
  ptrdiff_t t = 0;
  for (; t + 2 * FOLD <= k; t += 2 * FOLD, panel += FOLD * SP_PANEL)
    UNROLL for (int f = 0; f < FOLD; f++) PAIR(f, x[t + 2 * f], x[t + 2 * f + 1]);
  for (; t < k; t += 2, panel += SP_PANEL) PAIR(0, x[t], t + 1 < k ? x[t + 1] : 0);
#undef PAIR
  UNROLL for (int c = 0; c < PARTS; c++) {
    vf s = even[0][c] + odd[0][c];
    UNROLL for (int f = 1; f < FOLD; f++) s += even[f][c] + odd[f][c];
    store(sums + c * V, s);
  }
}

/// A packed B is read once for all rows: a panel stays in the cache.
static void few_rows_bf16(const sp_product_t *p, destination d) {
  const ptrdiff_t pairs = sp_bf16_depth(p->k) / 2, stride = padded(p->k);
  float *x = sp_scratch(0, p->m * stride);
  for (ptrdiff_t i = 0; i < p->m; i++) {
    float *row = x + i * stride;
    EACH(p->k, STORE(row, (vf)rounded(LOAD(p->a + i * p->a_row))););
  }
  const uint32_t *panel = p->packed;
  for (ptrdiff_t j = 0; j < p->n; j += SP_PANEL, panel += SP_PANEL * pairs)
    for (ptrdiff_t i = 0; i < p->m; i++) {
      float sums[SP_PANEL];
      panel_sums(x + i * stride, panel, p->k, sums);
      for (ptrdiff_t c = 0; c < least(SP_PANEL, p->n - j); c += V)
        finish(load(sums + c), d, i, j + c, least(V, p->n - j - c));
    }
}
