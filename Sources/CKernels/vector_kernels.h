// A few rows times a matrix: what decoding does. The matrix is read once, so memory is the limit:
// nothing is packed, each loop runs along memory, and eight sums or more hide the latency of an
// addition. The order of a sum depends on k alone, so columns may be shared out over threads.

enum { STRIP = 12 };

/// Some vectors of columns of a B [k, n], long enough that the next row's are fetched ahead.
INLINE void strip(int vectors, ptrdiff_t k, const float *a, const float *b, ptrdiff_t b_row,
                  destination d) {
  vf s[STRIP];
  UNROLL for (int j = 0; j < vectors; j++) s[j] = 0;
  for (ptrdiff_t t = 0; t < k; t++, b += b_row) {
    const vf x = a[t];
    UNROLL for (int j = 0; j < vectors; j++) s[j] += x * load(b + j * V);
  }
  UNROLL for (int j = 0; j < vectors; j++) finish(s[j], d, 0, j * V, V);
}

/// x y of some rows y of length n, each summed in the order in which it is summed alone.
INLINE void dots(int rows, const float *x, const float *y, ptrdiff_t y_row, ptrdiff_t n,
                 float *sums) {
  vf s[4][2];
  UNROLL for (int r = 0; r < rows; r++) s[r][0] = s[r][1] = 0;
  ptrdiff_t t = 0;
  for (; t + 2 * V <= n; t += 2 * V) {
    const vf x0 = load(x + t), x1 = load(x + t + V);
    UNROLL for (int r = 0; r < rows; r++) {
      s[r][0] += x0 * load(y + r * y_row + t);
      s[r][1] += x1 * load(y + r * y_row + t + V);
    }
  }
  for (; t < n; t += V) {
    const ptrdiff_t left = least(V, n - t);
    const vf x0 = left == V ? load(x + t) : load_part(x + t, left);
    UNROLL for (int r = 0; r < rows; r++) {
      const float *from = y + r * y_row + t;
      s[r][0] += x0 * (left == V ? load(from) : load_part(from, left));
    }
  }
  UNROLL for (int r = 0; r < rows; r++) sums[r] = sum(s[r][0] + s[r][1]);
}

static float dot(const float *x, const float *y, ptrdiff_t n) {
  float s;
  dots(1, x, y, 0, n, &s);
  return s;
}

/// x y of `count` rows y.
static void all_dots(const float *x, const float *y, ptrdiff_t y_row, ptrdiff_t n, ptrdiff_t count,
                     float *sums) {
  ptrdiff_t r = 0;
  for (; r + 4 <= count; r += 4) dots(4, x, y + r * y_row, y_row, n, sums + r);
  for (; r < count; r++) dots(1, x, y + r * y_row, y_row, n, sums + r);
}

static void few_rows(const sp_product_t *p, destination d) {
  for (ptrdiff_t i = 0; i < p->m; i++) {
    const float *a = p->a + i * p->a_row;
    const destination row = advanced(d, i, 0);
    // Lines that another thread has written are slow to come: ask for all of them at once.
    for (ptrdiff_t t = 0; t < p->k; t += 64 / sizeof(float)) __builtin_prefetch(a + t);
    ptrdiff_t j = 0;
    if (p->b_transposed) {
      for (; j < p->n; j += V) {
        float sums[V] = {0};
        const ptrdiff_t used = least(V, p->n - j);
        all_dots(a, p->b + j * p->b_row, p->b_row, p->k, used, sums);
        finish(load(sums), row, 0, j, used);
      }
      continue;
    }
    for (; j + STRIP * V <= p->n; j += STRIP * V)
      strip(STRIP, p->k, a, p->b + j, p->b_row, advanced(row, 0, j));
    for (; j + 4 * V <= p->n; j += 4 * V)
      strip(4, p->k, a, p->b + j, p->b_row, advanced(row, 0, j));
    for (; j + V <= p->n; j += V) strip(1, p->k, a, p->b + j, p->b_row, advanced(row, 0, j));
    if (j < p->n) {
      float *edge = sp_scratch(0, p->k * V);
      pack(edge, p->b + j, p->b_row, false, p->k, p->n - j);
      tile(1, 1, p->k, a, 1, 1, edge, V, advanced(row, 0, j), p->n - j);
    }
  }
}
