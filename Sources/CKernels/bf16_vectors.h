// The bf16 product with vectors. VDPBF16PS (SP_DOT) does two multiply-adds a lane. Elsewhere pairs
// are widened to float32 again and added in its order, the second product first. A product of two
// bf16 is exact in float32, so all of these paths have the same sums to the bit.

enum { TILE_ROWS = V == 16 ? 8 : 4 };
_Static_assert(TILE_ROWS <= MOST_ROWS && SP_ROWS <= MOST_ROWS, "tiles fit into finish_tile");

#ifdef SP_DOT
typedef uint32_t factor;  // a pair of A, which one instruction hands to all lanes
#else
typedef struct { float first, second; } factor;  // or widened beforehand
#endif

/// A block of A as the tiles read it: rows of so many pairs, `row` apart, or in panels like B's if
/// it is `turned`.
typedef struct { ptrdiff_t rows, pairs, row; bool turned; const factor *factors; } left;

static left pack_left(given a, bool turned, ptrdiff_t rows, ptrdiff_t k) {
  const ptrdiff_t pairs = (k + 1) / 2;
  ptrdiff_t row = pairs;
  uint32_t *to = (uint32_t *)sp_scratch(7, ROWS_BF16 * DEPTH_BF16 / 2);
  const uint32_t *from = to;
  if (turned) {
    pack_panels(to, pairs * SP_PANEL, a, false, k, rows, 2 * pairs);
  } else if (a.rounded) {
    from = (const uint32_t *)a.rounded;
    row = a.row / 2;
  } else {
    for (ptrdiff_t i = 0; i < rows; i++) pack_row(to + i * pairs, a.floats + i * a.row, k, pairs);
  }
#ifdef SP_DOT
  return (left){rows, pairs, row, turned, from};
#else
  factor *wide = (factor *)sp_scratch(8, ROWS_BF16 * DEPTH_BF16);
  uint32_t *bits = (uint32_t *)wide;
  for (ptrdiff_t i = 0; i < (turned ? (rows + 15) / 16 * 16 : rows); i++, from += row)
    for (ptrdiff_t t = 0; t < pairs; t++) {
      *bits++ = from[t] << 16;
      *bits++ = from[t] & 0xFFFF0000;
    }
  return (left){rows, pairs, pairs, turned, wide};
#endif
}

/// One tile: C [rows, vectors * V] (+)= A B; of the last vector only `tail` columns exist.
INLINE void tile_bf16(int rows, int vectors, ptrdiff_t pairs, const factor *a, ptrdiff_t a_row,
                      ptrdiff_t a_column, const uint32_t *b, ptrdiff_t panel, destination d,
                      ptrdiff_t tail) {
  vf s[TILE_ROWS][SP_VECTORS];
  begin_tile(rows, vectors, s, d, tail);
  for (ptrdiff_t t = 0; t < pairs; t++, a += a_column, b += SP_PANEL) {
    vu row[SP_VECTORS];
    UNROLL for (int j = 0; j < vectors; j++)
      row[j] = *(const vu *)(b + j * V / SP_PANEL * panel + j * V % SP_PANEL);
    UNROLL for (int i = 0; i < rows; i++) {
#ifdef SP_DOT
      const vu x = a[i * a_row];
      UNROLL for (int j = 0; j < vectors; j++)
        s[i][j] = _mm512_dpbf16_ps(s[i][j], (__m512bh)x, (__m512bh)row[j]);
#else
      const vf first = a[i * a_row].first, second = a[i * a_row].second;
      UNROLL for (int j = 0; j < vectors; j++) s[i][j] += second * (vf)(row[j] & 0xFFFF0000);
      UNROLL for (int j = 0; j < vectors; j++) s[i][j] += first * (vf)(row[j] << 16);
#endif
    }
  }
  finish_tile(rows, vectors, s, d, tail);
}

/// C [rows, n] (+)= A B for the first n columns of panels that lie `panel` pairs apart.
static void multiply_bf16(left a, const uint32_t *b, ptrdiff_t panel, ptrdiff_t n, destination d) {
  const ptrdiff_t row = a.turned ? 1 : a.row, column = a.turned ? SP_PANEL : 1;
  for (ptrdiff_t j = 0; j < n; j += PANEL) {
    const ptrdiff_t used = least(PANEL, n - j);
    const int vectors = (int)((used + V - 1) / V);
    const ptrdiff_t tail = used - (vectors - 1) * V;
    const uint32_t *right = b + j / SP_PANEL * panel + j % SP_PANEL;
    for (ptrdiff_t i = 0; i < a.rows;) {
      int rows = TILE_ROWS;
      while (rows > a.rows - i) rows /= 2;
      const factor *at = a.factors + (a.turned ? i / 16 * 16 * a.pairs + i % 16 : i * a.row);
      const destination to = advanced(d, i, j);
#define CASE(r, v) \
  case (r) * 4 + (v): tile_bf16(r, v, a.pairs, at, row, column, right, panel, to, tail); break
      switch (rows * 4 + vectors) {
#if SP_VECTORS == 3
        CASE(8, 3); CASE(8, 2); CASE(8, 1); CASE(4, 3); CASE(2, 3); CASE(1, 3);
#endif
        CASE(4, 2); CASE(2, 2); CASE(1, 2); CASE(4, 1); CASE(2, 1); CASE(1, 1);
      }
#undef CASE
      i += rows;
    }
  }
}
