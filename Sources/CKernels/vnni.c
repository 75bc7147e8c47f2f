// Integer products of AVX-512's VNNI, which not every CPU of the avx512 path has.
#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>
#include "table.h"

#define UNROLL _Pragma("clang loop unroll(full)")
#define INLINE \
  static inline __attribute__((always_inline, target("avx512f,avx512vnni")))

/// Adds `count` quads from t on to the sums of each row, [row][quad][digit].
INLINE void add(int rows, int count, int fold, const sp_digits_t *x, const uint8_t *panel,
                ptrdiff_t t, __m512i (*s)[2]) {
  UNROLL for (int f = 0; f < count; f++, t += 4) {
    const __m512i w = _mm512_loadu_si512(panel + t * SP_PANEL);
    UNROLL for (int r = 0; r < rows; r++) {
      int32_t high, low;
      memcpy(&high, x[r].high + t, 4);
      memcpy(&low, x[r].low + t, 4);
      __m512i *sum = s[r * fold + f];
      sum[0] = _mm512_dpbusd_epi32(sum[0], w, _mm512_set1_epi32(high));
      sum[1] = _mm512_dpbusd_epi32(sum[1], w, _mm512_set1_epi32(low));
    }
  }
}

/// Some rows, `fold` quads at a time in sums of their own: eight hide the latency.
INLINE void some(int rows, int fold, const sp_digits_t *x, const uint8_t *panel, ptrdiff_t depth,
                 int32_t *sums) {
  __m512i s[8][2];
  UNROLL for (int i = 0; i < rows * fold; i++) s[i][0] = s[i][1] = _mm512_setzero_si512();
  ptrdiff_t t = 0;
  for (; t + 4 * fold <= depth; t += 4 * fold) add(rows, fold, fold, x, panel, t, s);
  for (; t < depth; t += 4) add(rows, 1, fold, x, panel, t, s);
  UNROLL for (int r = 0; r < rows; r++)
    UNROLL for (int digit = 0; digit < 2; digit++) {
      __m512i total = s[r * fold][digit];
      UNROLL for (int f = 1; f < fold; f++)
        total = _mm512_add_epi32(total, s[r * fold + f][digit]);
      _mm512_storeu_si512(sums + (2 * r + digit) * SP_PANEL, total);
    }
}

__attribute__((target("avx512f,avx512vnni"))) void sp_quads_vnni(
    const sp_digits_t *x, int rows, const uint8_t *panel, ptrdiff_t depth, int32_t *sums) {
  switch (rows) {
    case 1: some(1, 4, x, panel, depth, sums); break;
    case 2: some(2, 2, x, panel, depth, sums); break;
    case 3: some(3, 1, x, panel, depth, sums); break;
    default: some(4, 1, x, panel, depth, sums);
  }
}
#endif
