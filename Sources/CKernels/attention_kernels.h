// ---- attention ----------------------------------------------------------------------------------
// Blocks of rows; of a block only the columns between its first and last key are touched, so masked
// blocks cost nothing. Backward recomputes the weights from lse (Dao et al. 2022).

enum { BLOCK = 16 };

#define LOG2_E 1.44269504f

/// The scores of a row become e^(scale (s - their largest)) in the places first ..< last, and 0 in
/// the others, up to the end of a vector.
typedef struct { float largest, sum; } softened;
INLINE softened soften(float *s, ptrdiff_t first, ptrdiff_t last, ptrdiff_t width, float scale) {
  vf top = -INFINITY, total = 0;
  for (ptrdiff_t j = 0; j < width; j += V) {
    const vf x = inside(load(s + j), j, first, last, -INFINITY);
    top = x > top ? x : top;
  }
  const float most = highest(top), k = scale * LOG2_E;
  for (ptrdiff_t j = 0; j < width; j += V) {
    const vf e = inside(vexp2((load(s + j) - most) * k), j, first, last, 0);
    store(s + j, e);
    total += e;
  }
  return (softened){most * scale, sum(total)};
}

/// Of one query row: scores become weights, and the gradients of weights those of scores.
INLINE void soften_backward(const sp_attention_t *a, ptrdiff_t h, ptrdiff_t i, ptrdiff_t from,
                            ptrdiff_t width, const float *dout, float *s, float *ds) {
  const float shift = a->lse[h * a->queries + i] * LOG2_E, scale = a->scale;
  const ptrdiff_t first = a->first[i] - from, last = a->last[i] - from;
  // The sum of weights times their gradients is that of outputs times theirs.
  const float delta = dot(dout, a->out + i * a->out_row + h * a->width, a->width);
  const uint64_t at = ((uint64_t)h * a->queries + i) * a->keys + from;
  for (ptrdiff_t j = 0; j < width; j += V) {
    const vf w = inside(vexp2(load(s + j) * (scale * LOG2_E) - shift), j, first, last, 0);
    const vf k = a->dropout.rate > 0 ? keep(a->dropout, at + j) : (vf)1;
    store(ds + j, w * (load(ds + j) * k - delta) * scale);
    store(s + j, w * k);
  }
}

/// The columns from..<to that the rows i ..< i + rows may see, `from` at the edge of a panel.
typedef struct { ptrdiff_t from, to; } span;
INLINE span seen(const sp_attention_t *a, ptrdiff_t i, ptrdiff_t rows) {
  span s = {a->keys, 0};
  for (ptrdiff_t r = i; r < i + rows; r++) {
    s.from = least(s.from, a->first[r]);
    if (a->last[r] > s.to) s.to = a->last[r];
  }
  s.from = s.from / PANEL * PANEL;
  return s;
}

#include "vector_attention.h"

#include "short_attention_kernels.h"

static void SP_NAME(attention)(const sp_attention_t *a) {
  if (is_short(a)) return attend_short(a);
  if (a->queries < 4 && a->dropout.rate == 0) {
    for (ptrdiff_t h = 0; h < a->heads; h++)
      for (ptrdiff_t i = 0; i < a->queries; i++) attend_row(a, h, i);
    return;
  }
  const ptrdiff_t width = a->width, stride = padded(a->keys);
  float *s = sp_scratch(3, BLOCK * stride);
  packing keys = {0}, values = {0};
  for (ptrdiff_t h = 0; h < a->heads; h++) {
    const ptrdiff_t group = a->heads / a->key_heads, column = h / group * width;
    if (h % group == 0) {
      keys = packed(1, a->k + column, a->k_row, true, width, a->keys);
      values = packed(2, a->v + column, a->k_row, false, a->keys, width);
    }
    for (ptrdiff_t i = 0; i < a->queries; i += BLOCK) {
      const ptrdiff_t rows = least(BLOCK, a->queries - i);
      const span c = seen(a, i, rows);
      multiply(rows, c.to - c.from, width, a->q + i * a->q_row + h * width, a->q_row, 1,
               from_column(keys, c.from), (destination){s, stride, false, {0}});
      float inverse[BLOCK];
      for (ptrdiff_t r = 0; r < rows; r++) {
        float *row = s + r * stride;
        const softened w =
            soften(row, a->first[i + r] - c.from, a->last[i + r] - c.from, c.to - c.from, a->scale);
        a->lse[h * a->queries + i + r] = w.largest + logf(w.sum);
        inverse[r] = 1 / w.sum;
        if (a->dropout.rate > 0) {
          const uint64_t at = ((uint64_t)h * a->queries + i + r) * a->keys + c.from;
          SP_NAME(dropout)(row, row, a->dropout, at, false, c.to - c.from);
        }
      }
      float *out = a->out + i * a->out_row + h * width;
      multiply(rows, width, c.to - c.from, s, stride, 1, from_row(values, c.from),
               (destination){out, a->out_row, false, {0}});
      for (ptrdiff_t r = 0; r < rows; r++)
        EACH(width, STORE(out + r * a->out_row, LOAD(out + r * a->out_row) * inverse[r]););
    }
  }
}

static void SP_NAME(attention_backward)(const sp_attention_t *a,
                                        const sp_attention_gradients_t *g) {
  if (is_short(a)) return attend_short_backward(a, g);
  const ptrdiff_t width = a->width, stride = padded(a->keys);
  float *s = sp_scratch(3, BLOCK * stride), *ds = sp_scratch(6, BLOCK * stride);
  packing keys = {0}, values = {0}, key_rows = {0};
  for (ptrdiff_t h = 0; h < a->heads; h++) {
    const ptrdiff_t group = a->heads / a->key_heads, column = h / group * width;
    if (h % group == 0) {
      keys = packed(1, a->k + column, a->k_row, true, width, a->keys);
      values = packed(2, a->v + column, a->k_row, true, width, a->keys);
      key_rows = packed(4, a->k + column, a->k_row, false, a->keys, width);
      for (ptrdiff_t j = 0; j < a->keys; j++) {
        EACH(width, STORE(g->dk + j * a->k_row + column, (vf)0);
             STORE(g->dv + j * a->k_row + column, (vf)0););
      }
    }
    for (ptrdiff_t i = 0; i < a->queries; i += BLOCK) {
      const ptrdiff_t rows = least(BLOCK, a->queries - i);
      const span c = seen(a, i, rows);
      const ptrdiff_t n = c.to - c.from;
      const float *q = a->q + i * a->q_row + h * width;
      const ptrdiff_t place = i * a->out_row + h * width;
      const float *dout = g->dout + place;
      multiply(rows, n, width, q, a->q_row, 1, from_column(keys, c.from),
               (destination){s, stride, false, {0}});
      multiply(rows, n, width, dout, a->out_row, 1, from_column(values, c.from),
               (destination){ds, stride, false, {0}});
      for (ptrdiff_t r = 0; r < rows; r++)
        soften_backward(a, h, i + r, c.from, n, dout + r * a->out_row, s + r * stride,
                        ds + r * stride);
      const ptrdiff_t at = c.from * a->k_row + column;
      multiply(n, width, rows, s, 1, stride, packed(5, dout, a->out_row, false, rows, width),
               (destination){g->dv + at, a->k_row, true, {0}});
      multiply(n, width, rows, ds, 1, stride, packed(5, q, a->q_row, false, rows, width),
               (destination){g->dk + at, a->k_row, true, {0}});
      multiply(rows, width, n, ds, stride, 1, from_row(key_rows, c.from),
               (destination){g->dq + i * a->q_row + h * width, a->q_row, false, {0}});
    }
  }
}
