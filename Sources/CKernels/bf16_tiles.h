// The bf16 product with the matrix tiles of AMX: 2 by 2 accumulators of 16 by 16 float32, fed by
// two tiles of A (16 rows of 16 pairs) and two of B (16 pairs of 16 columns, a panel's part as it
// lies). Written over what the file that includes it defines, the instructions or an emulation:
//
//   TILE_BEGIN() TILE_END()    all eight tiles of 16 rows of 64 bytes; and back
//   TILE_ZERO(t)  TILE_LOAD(t, from, bytes a row)  TILE_STORE(t, to, bytes a row)
//   TILE_MULTIPLY(c, a, b)     c += a b over 32 numbers of k

/// A block of A: rows of so many pairs, whole tiles of them, `row` apart.
typedef struct { ptrdiff_t rows, pairs, row; const uint32_t *factors; } left;

static left pack_left(given a, bool turned, ptrdiff_t rows, ptrdiff_t k) {
  const ptrdiff_t pairs = sp_bf16_depth(k) / 2;
  if (a.rounded && !turned) return (left){rows, pairs, a.row / 2, (const uint32_t *)a.rounded};
  uint32_t *to = (uint32_t *)sp_scratch(7, ROWS_BF16 * DEPTH_BF16 / 2);
  const left block = {rows, pairs, pairs, to};
  if (!turned) {
    for (ptrdiff_t i = 0; i < rows; i++) pack_row(to + i * pairs, a.floats + i * a.row, k, pairs);
    return block;
  }
  uint32_t *panels = (uint32_t *)sp_scratch(8, ROWS_BF16 * DEPTH_BF16 / 2);
  pack_panels(panels, pairs * SP_PANEL, a, false, k, rows, 2 * pairs);
  for (ptrdiff_t i = 0; i < rows; i += 16)
    for (ptrdiff_t t = 0; t < pairs; t += 16)
      turn16(to + i * pairs + t, pairs, panels + i * pairs + t * SP_PANEL, SP_PANEL);
  return block;
}

/// Finishes an accumulator of 16 by 16, which began with zeros.
static void finish_sums(float *sums, destination d, ptrdiff_t rows, ptrdiff_t columns) {
  const bool begins = d.accumulate || d.last.bias || d.last.residual;
  for (ptrdiff_t i = 0; begins && i < rows; i++)
    for (ptrdiff_t j = 0; j < columns; j += V) {
      float *at = sums + i * 16 + j;
      store(at, load(at) + beginning(d, i, j, least(V, columns - j)));
    }
  finish_block(sums, 16, d, rows, columns);
}

/// C [rows, n] (+)= A B for the first n columns of panels that lie `panel` pairs apart.
///
/// Where one tile is left over, its neighbour is the same once more, and is not stored.
static void multiply_bf16(left a, const uint32_t *b, ptrdiff_t panel, ptrdiff_t n, destination d) {
  const ptrdiff_t row = a.row * 4;
  float sums[16 * 16];
  TILE_BEGIN();
  for (ptrdiff_t j = 0; j < n; j += 32) {
    const uint32_t *b0 = b + j / 16 * panel, *b1 = j + 16 < n ? b0 + panel : b0;
    for (ptrdiff_t i = 0; i < a.rows; i += 32) {
      const uint32_t *a0 = a.factors + i * a.row;
      const uint32_t *a1 = i + 16 < a.rows ? a0 + 16 * a.row : a0;
      TILE_ZERO(0); TILE_ZERO(1); TILE_ZERO(2); TILE_ZERO(3);
      for (ptrdiff_t t = 0; t < a.pairs; t += 16) {
        TILE_LOAD(4, a0 + t, row);
        TILE_LOAD(6, b0 + t * SP_PANEL, 64);
        TILE_MULTIPLY(0, 4, 6);
        TILE_LOAD(7, b1 + t * SP_PANEL, 64);
        TILE_MULTIPLY(1, 4, 7);
        TILE_LOAD(5, a1 + t, row);
        TILE_MULTIPLY(2, 5, 6);
        TILE_MULTIPLY(3, 5, 7);
      }
      const ptrdiff_t rows = a.rows - i, columns = n - j;
#define FINISH(t, down, right)                                                              \
  if (rows > down && columns > right) {                                                     \
    TILE_STORE(t, sums, 64);                                                                \
    finish_sums(sums, advanced(d, i + down, j + right), least(rows - down, 16),             \
                least(columns - right, 16));                                                \
  }
      FINISH(0, 0, 0) FINISH(1, 0, 16) FINISH(2, 16, 0) FINISH(3, 16, 16)
#undef FINISH
    }
  }
  TILE_END();
}
