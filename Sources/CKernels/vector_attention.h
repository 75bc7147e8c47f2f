// Attention of one query row, straight from the cache: what decoding does.

/// out [width] = total of s[j] v[j] over n rows v, divided by `total`.
INLINE void blend(int vectors, const float *s, const float *v, ptrdiff_t v_row, ptrdiff_t n,
                  float total, float *out) {
  vf even[4], odd[4];
  UNROLL for (int c = 0; c < vectors; c++) even[c] = odd[c] = 0;
  ptrdiff_t j = 0;
  for (; j + 2 <= n; j += 2, v += 2 * v_row) {
    const vf x = s[j], y = s[j + 1];
    UNROLL for (int c = 0; c < vectors; c++) {
      even[c] += x * load(v + c * V);
      odd[c] += y * load(v + v_row + c * V);
    }
  }
  if (j < n) {
    const vf x = s[j];
    UNROLL for (int c = 0; c < vectors; c++) even[c] += x * load(v + c * V);
  }
  UNROLL for (int c = 0; c < vectors; c++) store(out + c * V, (even[c] + odd[c]) / total);
}

static void attend_row(const sp_attention_t *a, ptrdiff_t h, ptrdiff_t i) {
  const ptrdiff_t width = a->width, from = a->first[i], n = a->last[i] - from;
  const ptrdiff_t column = h / (a->heads / a->key_heads) * width;
  float *s = sp_scratch(3, n + V), *out = a->out + i * a->out_row + h * width;
  const float *q = a->q + i * a->q_row + h * width;
  all_dots(q, a->k + from * a->k_row + column, a->k_row, width, n, s);
  const softened w = soften(s, 0, n, n, a->scale);
  const float *v = a->v + from * a->k_row + column;
  ptrdiff_t c = 0;
  for (; c + 4 * V <= width; c += 4 * V) blend(4, s, v + c, a->k_row, n, w.sum, out + c);
  for (; c + V <= width; c += V) blend(1, s, v + c, a->k_row, n, w.sum, out + c);
  if (c < width) {
    vf o = 0;
    for (ptrdiff_t j = 0; j < n; j++) o += s[j] * load_part(v + j * a->k_row + c, width - c);
    store_part(out + c, o / w.sum, width - c);
  }
  a->lse[h * a->queries + i] = w.scaled + vlog(w.sum)[0];
}
