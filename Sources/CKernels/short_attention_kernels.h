// Attention of short sequences without dropout: a row of scores is one or two vectors, so a head
// is worked on in registers, and of queries, keys and values nothing is packed but one transpose.

enum { SHORT = 2 * V };
_Static_assert(SHORT <= MOST_QUERIES, "the queries of a short sequence are one block");

INLINE bool is_short(const sp_attention_t *a) {
  return a->keys <= SHORT && a->queries <= SHORT && a->queries >= 4 && a->width % V == 0 &&
         a->dropout.rate == 0;
}

/// C [m, columns] = A [m, k] B [k, columns], of whole vectors; B's rows stand `b_row` apart.
static void small(ptrdiff_t m, ptrdiff_t columns, ptrdiff_t k, const float *a, ptrdiff_t a_row,
                  ptrdiff_t a_column, const float *b, ptrdiff_t b_row, destination d) {
  for (ptrdiff_t j = 0; j < columns;) {
    const ptrdiff_t vectors = columns - j > V ? 2 : 1;
    for (ptrdiff_t i = 0; i < m;) {
      int rows = SP_ROWS;
      while (rows > m - i) rows = rows > 4 ? 4 : rows / 2;
      const float *from = a + i * a_row;
      const destination to = advanced(d, i, j);
#define CASE(r, v) \
  case (r) * 4 + (v): tile(r, v, k, from, a_row, a_column, b + j, b_row, to, V); break
      switch (rows * 4 + vectors) {
        CASE(SP_ROWS, 2); CASE(4, 2); CASE(2, 2); CASE(1, 2);
        CASE(SP_ROWS, 1); CASE(4, 1); CASE(2, 1); CASE(1, 1);
      }
#undef CASE
      i += rows;
    }
    j += vectors * V;
  }
}

static void attend_short(const sp_attention_t *a) {
  const ptrdiff_t w = a->width, n = a->queries, stride = padded(a->keys);
  float *keys = sp_scratch(1, a->key_heads * w * stride), s[SHORT * SHORT];
  float inverse[SHORT];
  pack(keys, a->k, a->k_row, true, a->key_heads * w, a->keys);
  for (ptrdiff_t h = 0; h < a->heads; h++) {
    const ptrdiff_t column = h / (a->heads / a->key_heads) * w;
    small(n, stride, w, a->q + h * w, a->q_row, 1, keys + column * stride, stride,
          (destination){s, stride, false, {0}});
    soften_rows(a, h, 0, n, (span){0, stride}, s, stride, inverse);
    for (ptrdiff_t i = 0; i < n; i++)
      for (float *x = s + i * stride; x < s + (i + 1) * stride; x += V)
        store(x, load(x) * inverse[i]);
    small(n, w, a->keys, s, stride, 1, a->v + column, a->k_row,
          (destination){a->out + h * w, a->out_row, false, {0}});
  }
}

static void attend_short_backward(const sp_attention_t *a, const sp_attention_gradients_t *g) {
  const ptrdiff_t w = a->width, n = a->queries, stride = padded(a->keys);
  const ptrdiff_t group = a->heads / a->key_heads;
  float *keys = sp_scratch(1, a->key_heads * w * stride);
  float *values = sp_scratch(2, a->key_heads * w * stride);
  float p[SHORT * SHORT], ds[SHORT * SHORT];
  pack(keys, a->k, a->k_row, true, a->key_heads * w, a->keys);
  pack(values, a->v, a->k_row, true, a->key_heads * w, a->keys);
  for (ptrdiff_t h = 0; h < a->heads; h++) {
    const ptrdiff_t column = h / group * w;
    const float *q = a->q + h * w, *dout = g->dout + h * w;
    small(n, stride, w, q, a->q_row, 1, keys + column * stride, stride,
          (destination){p, stride, false, {0}});
    small(n, stride, w, dout, a->out_row, 1, values + column * stride, stride,
          (destination){ds, stride, false, {0}});
    for (ptrdiff_t i = 0; i < n; i++)
      soften_backward(a, h, i, 0, stride, dout + i * a->out_row, p + i * stride, ds + i * stride);
    const bool adds = h % group > 0;
    small(n, w, a->keys, ds, stride, 1, a->k + column, a->k_row,
          (destination){g->dq + h * w, a->q_row, false, {0}});
    small(a->keys, w, n, ds, 1, stride, q, a->q_row,
          (destination){g->dk + column, a->k_row, adds, {0}});
    small(a->keys, w, n, p, 1, stride, dout, a->out_row,
          (destination){g->dv + column, a->k_row, adds, {0}});
  }
}
