// The tiles of AMX in plain C, after the pseudo-code of Intel's Software Developer's Manual
// (LDTILECFG, TILEZERO, TILELOADD, TILESTORED, TDPBF16PS): packing, blocking, edges and epilogues
// of bf16_tiles.h can be tested on any machine. Never chosen by itself.
#include <string.h>
#include "amx.h"

static _Thread_local struct {
  tile_config config;
  uint8_t rows[8][16][64];
} tiles;

static inline float bf16(const uint8_t *p) {
  float x;
  memcpy(&x, (const uint8_t[]){0, 0, p[0], p[1]}, 4);
  return x;
}

static void begin(void) {
  memset(&tiles, 0, sizeof tiles);
  tiles.config = eight_tiles;
}

static void load_tile(int t, const void *from, long stride) {
  memset(tiles.rows[t], 0, sizeof tiles.rows[t]);
  for (int r = 0; r < tiles.config.rows[t]; r++)
    memcpy(tiles.rows[t][r], (const char *)from + r * stride, tiles.config.row_bytes[t]);
}

static void store_tile(int t, void *to, long stride) {
  for (int r = 0; r < tiles.config.rows[t]; r++)
    memcpy((char *)to + r * stride, tiles.rows[t][r], tiles.config.row_bytes[t]);
}

/// TDPBF16PS: the even and the odd products of all pairs are summed apart, and added at the end.
static void multiply_tiles(int c, int a, int b) {
  for (int m = 0; m < tiles.config.rows[c]; m++) {
    float sums[32] = {0};
    for (int k = 0; k < tiles.config.row_bytes[a] / 4; k++)
      for (int n = 0; n < tiles.config.row_bytes[c] / 4; n++)
        for (int half = 0; half < 2; half++)
          sums[2 * n + half] += bf16(tiles.rows[a][m] + 4 * k + 2 * half) *
                                bf16(tiles.rows[b][k] + 4 * n + 2 * half);
    for (int n = 0; n < tiles.config.row_bytes[c] / 4; n++) {
      float x;
      memcpy(&x, tiles.rows[c][m] + 4 * n, 4);
      x += sums[2 * n] + sums[2 * n + 1];
      memcpy(tiles.rows[c][m] + 4 * n, &x, 4);
    }
  }
}

#define TILE_BEGIN() begin()
#define TILE_END() memset(&tiles, 0, sizeof tiles)  // without shapes nothing is multiplied
#define TILE_ZERO(t) memset(tiles.rows[t], 0, sizeof tiles.rows[t])
#define TILE_LOAD(t, from, row) load_tile(t, from, row)
#define TILE_STORE(t, to, row) store_tile(t, to, row)
#define TILE_MULTIPLY(c, a, b) multiply_tiles(c, a, b)
#define SP_TILES
#define SP_LANES 4
#define SP_ROWS 6
#define SP_VECTORS 2
#define SP_NAME(x) x##_amx_emulation
#include "portable_kernels.h"
