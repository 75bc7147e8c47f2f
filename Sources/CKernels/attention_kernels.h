// ---- attention ----------------------------------------------------------------------------------
// Blocks of rows; of a block only the columns between its first and last key are touched, so masked
// blocks cost nothing. Backward recomputes the weights from lse (Dao et al. 2022).

enum { BLOCK = 16, BLOCK_BF16 = 32 };  // Queries; views speak of blocks of 16.
enum { MOST_QUERIES = BLOCK_BF16 };  // of a block
enum { GRAIN_BF16 = 32 };  // Keys: whole tiles of k, and whole panels.

/// The n scores of a row become e^(scale (s - their largest)) in the places first ..< last, and 0
/// in the others; what lies behind them, up to the end of a vector, may be anything and becomes 0.
/// Gives the largest, scaled, and the sum.
typedef struct { float scaled, sum; } softened;
INLINE softened soften(float *s, ptrdiff_t first, ptrdiff_t last, ptrdiff_t n, float scale) {
  const ptrdiff_t end = least(n, padded(last));
  vf top = -INFINITY, total = 0;
  for (ptrdiff_t j = 0; j < end; j += V) {
    const vf x = inside(load(s + j), j, first, last, -INFINITY);
    top = LARGER(x, top);
  }
  const float largest = highest(top);
  for (ptrdiff_t j = 0; j < end; j += V) {
    const vf x = (load(s + j) - largest) * (scale * LOG2_E);
    const vf e = inside(vexp2(x), j, first, last, 0);
    store(s + j, e);
    total += e;
  }
  for (ptrdiff_t j = end; j < n; j += V) store(s + j, (vf)0);
  return (softened){largest * scale, sum(total)};
}

/// Of query i: its n scores from a key on become weights, and the gradients of weights those of
/// scores.
INLINE void soften_backward(const sp_attention_t *a, ptrdiff_t h, ptrdiff_t i, ptrdiff_t from,
                            ptrdiff_t n, const float *dout, float *s, float *ds) {
  const float lse = a->lse[h * a->queries + i], scale = a->scale;
  const ptrdiff_t first = a->first[i] - from, last = a->last[i] - from;
  // The sum of weights times their gradients is that of outputs times theirs.
  const float delta = dot(dout, a->out + i * a->out_row + h * a->width, a->width);
  const uint64_t at = ((uint64_t)h * a->queries + i) * a->keys + from;
  const ptrdiff_t end = least(n, padded(last));
  for (ptrdiff_t j = 0; j < end; j += V) {
    const vf x = (load(s + j) * scale - lse) * LOG2_E;
    const vf w = inside(vexp2(x), j, first, last, 0);
    const vf k = a->dropout.rate > 0 ? keep(a->dropout, at + j) : (vf)1;
    store(ds + j, w * (load(ds + j) * k - delta) * scale);
    store(s + j, w * k);
  }
  for (ptrdiff_t j = end; j < n; j += V) {
    store(s + j, (vf)0);
    store(ds + j, (vf)0);
  }
}

/// The columns from..<to that the rows i ..< i + rows may see, `from` a multiple of `grain`.
typedef struct { ptrdiff_t from, to; } span;
INLINE span seen(const sp_attention_t *a, ptrdiff_t i, ptrdiff_t rows, ptrdiff_t grain) {
  span s = {a->keys, 0};
  for (ptrdiff_t r = i; r < i + rows; r++) {
    s.from = least(s.from, a->first[r]);
    if (a->last[r] > s.to) s.to = a->last[r];
  }
  s.from = s.from / grain * grain;
  return s;
}

/// Scores of the columns c of the queries i ..< i + rows become weights, yet to be multiplied by
/// `inverse`; their rows stand `stride` apart.
INLINE void soften_rows(const sp_attention_t *a, ptrdiff_t h, ptrdiff_t i, ptrdiff_t rows, span c,
                        float *s, ptrdiff_t stride, float *inverse) {
  float scaled[MOST_QUERIES], *lse = a->lse + h * a->queries + i;
  for (ptrdiff_t r = 0; r < rows; r++) {
    const softened w = soften(s + r * stride, a->first[i + r] - c.from, a->last[i + r] - c.from,
                              c.to - c.from, a->scale);
    scaled[r] = w.scaled;
    inverse[r] = w.sum;
  }
  EACH(rows, STORE(lse, LOAD(scaled) + vlog(LOAD(inverse))); STORE(inverse, 1 / LOAD(inverse)););
}

/// The right factor of a product, in float32 or, if there are pairs, in bf16.
typedef struct { packing floats; const uint32_t *pairs; ptrdiff_t panel; } right_factor;

INLINE right_factor right(bool bf16, int slot, const float *b, ptrdiff_t b_row, bool transposed,
                          ptrdiff_t k, ptrdiff_t n) {
  if (!bf16) return (right_factor){packed(slot, b, b_row, transposed, k, n), NULL, 0};
  uint32_t *pairs = (uint32_t *)sp_scratch(slot, sp_bf16_pairs(k, n));
  const ptrdiff_t panel = sp_bf16_pairs(k, SP_PANEL);
  SP_NAME(pack_bf16)(pairs, panel, b, b_row, transposed, k, n);
  return (right_factor){{0}, pairs, panel};
}

/// C [m, n] = A [m, k] B for the part of B that begins at a row and a column, one of them 0, the
/// other a multiple of the grain.
INLINE void partial(ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, const float *a, ptrdiff_t a_row,
                    ptrdiff_t a_column, right_factor b, ptrdiff_t row, ptrdiff_t column,
                    destination d) {
  if (b.pairs) {
    const uint32_t *part = b.pairs + column / SP_PANEL * b.panel + row / 2 * SP_PANEL;
    const bool turned = a_column != 1;
    const given rows = {a, NULL, turned ? a_column : a_row};
    return product_bf16(m, n, k, rows, turned, part, b.panel, d);
  }
  b.floats.floats += column * (b.floats.row ? 1 : b.floats.depth);
  b.floats.columns -= column;
  b.floats.skip += row;
  multiply(m, n, k, a, a_row, a_column, b.floats, d);
}

/// A few queries are read straight from the cache, without dropout: what decoding does.
INLINE bool is_few(const sp_attention_t *a) { return a->queries < 4 && a->dropout.rate == 0; }

#include "vector_attention.h"

#include "short_attention_kernels.h"

static void attend(const sp_attention_t *a) {
  const bool bf16 = a->bf16;
  const ptrdiff_t block = bf16 ? BLOCK_BF16 : BLOCK, grain = bf16 ? GRAIN_BF16 : PANEL;
  const ptrdiff_t width = a->width, stride = padded(a->keys);
  float *s = sp_scratch(3, block * stride);
  right_factor keys = {0}, values = {0};
  for (ptrdiff_t h = 0; h < a->heads; h++) {
    const ptrdiff_t group = a->heads / a->key_heads, column = h / group * width;
    if (h % group == 0) {
      keys = right(bf16, 1, a->k + column, a->k_row, true, width, a->keys);
      values = right(bf16, 2, a->v + column, a->k_row, false, a->keys, width);
    }
    for (ptrdiff_t i = 0; i < a->queries; i += block) {
      const ptrdiff_t rows = least(block, a->queries - i);
      const span c = seen(a, i, rows, grain);
      const ptrdiff_t n = c.to - c.from;
      partial(rows, n, width, a->q + i * a->q_row + h * width, a->q_row, 1, keys, 0, c.from,
              (destination){s, stride, false, {0}});
      float inverse[MOST_QUERIES];
      soften_rows(a, h, i, rows, c, s, stride, inverse);
      for (ptrdiff_t r = 0; a->dropout.rate > 0 && r < rows; r++) {
        const uint64_t at = ((uint64_t)h * a->queries + i + r) * a->keys + c.from;
        SP_NAME(dropout)(s + r * stride, s + r * stride, a->dropout, at, false, n);
      }
      float *out = a->out + i * a->out_row + h * width;
      partial(rows, width, n, s, stride, 1, values, c.from, 0,
              (destination){out, a->out_row, false, {0}});
      for (ptrdiff_t r = 0; r < rows; r++)
        EACH(width, STORE(out + r * a->out_row, LOAD(out + r * a->out_row) * inverse[r]););
    }
  }
}

static void SP_NAME(attention)(const sp_attention_t *a) {
  if (is_short(a)) return attend_short(a);
  if (is_few(a)) {
    for (ptrdiff_t h = 0; h < a->heads; h++)
      for (ptrdiff_t i = 0; i < a->queries; i++) attend_row(a, h, i);
    return;
  }
  attend(a);
}

static void SP_NAME(attention_backward)(const sp_attention_t *a,
                                        const sp_attention_gradients_t *g) {
  if (is_short(a)) return attend_short_backward(a, g);
  const bool bf16 = a->bf16 && !is_few(a);
  const ptrdiff_t block = bf16 ? BLOCK_BF16 : BLOCK, grain = bf16 ? GRAIN_BF16 : PANEL;
  const ptrdiff_t width = a->width, stride = padded(a->keys);
  float *s = sp_scratch(3, block * stride), *ds = sp_scratch(6, block * stride);
  right_factor keys = {0}, values = {0}, key_rows = {0};
  for (ptrdiff_t h = 0; h < a->heads; h++) {
    const ptrdiff_t group = a->heads / a->key_heads, column = h / group * width;
    if (h % group == 0) {
      keys = right(bf16, 1, a->k + column, a->k_row, true, width, a->keys);
      values = right(bf16, 2, a->v + column, a->k_row, true, width, a->keys);
      key_rows = right(bf16, 4, a->k + column, a->k_row, false, a->keys, width);
      for (ptrdiff_t j = 0; j < a->keys; j++) {
        EACH(width, STORE(g->dk + j * a->k_row + column, (vf)0);
             STORE(g->dv + j * a->k_row + column, (vf)0););
      }
    }
    for (ptrdiff_t i = 0; i < a->queries; i += block) {
      const ptrdiff_t rows = least(block, a->queries - i);
      const span c = seen(a, i, rows, grain);
      const ptrdiff_t n = c.to - c.from, at = c.from * a->k_row + column;
      const float *q = a->q + i * a->q_row + h * width;
      const float *dout = g->dout + i * a->out_row + h * width;
      partial(rows, n, width, q, a->q_row, 1, keys, 0, c.from,
              (destination){s, stride, false, {0}});
      partial(rows, n, width, dout, a->out_row, 1, values, 0, c.from,
              (destination){ds, stride, false, {0}});
      for (ptrdiff_t r = 0; r < rows; r++)
        soften_backward(a, h, i + r, c.from, n, dout + r * a->out_row, s + r * stride,
                        ds + r * stride);
      right_factor b = right(bf16, 5, dout, a->out_row, false, rows, width);
      partial(n, width, rows, s, 1, stride, b, 0, 0,
              (destination){g->dv + at, a->k_row, true, {0}});
      b = right(bf16, 5, q, a->q_row, false, rows, width);
      partial(n, width, rows, ds, 1, stride, b, 0, 0,
              (destination){g->dk + at, a->k_row, true, {0}});
      partial(rows, width, n, ds, stride, 1, key_rows, c.from, 0,
              (destination){g->dq + i * a->q_row + h * width, a->q_row, false, {0}});
    }
  }
}
