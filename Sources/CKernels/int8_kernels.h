// Products whose weights are 8-bit integers times a scale a column, for decoding. Compiled once a
// path, behind portable_kernels.h.
//
// A number x of a row is rounded to (256 h + l) times the row's scale, with two signed bytes, so
// that the sums are sums of integers: exact, and the same on every path. Reading a weight costs
// more than the second byte does.
//
// A panel is 16 scales and then, for every four rows of B, 16 columns of four bytes w + 128: what
// VPDPBUSD takes, its first factor being unsigned.

enum { DIGITS = 32639 };  // 127 * 256 + 127: what two digits reach.

/// Packs B [k, n], or the transpose of what lies at b, into whole panels at `to`.
static void SP_NAME(pack_int8)(float *to, const float *b, ptrdiff_t b_row, bool transposed,
                               ptrdiff_t k, ptrdiff_t n) {
  const ptrdiff_t row = transposed ? 1 : b_row, column = transposed ? b_row : 1;
  for (ptrdiff_t j = 0; j < n; j += SP_PANEL, to += sp_int8_floats(k, 1)) {
    uint8_t *bytes = (uint8_t *)(to + SP_PANEL);
    memset(bytes, 128, SP_PANEL * sp_int8_depth(k));
    memset(to, 0, SP_PANEL * sizeof(float));
    for (ptrdiff_t c = 0; c < least(SP_PANEL, n - j); c++) {
      const float *from = b + (j + c) * column;
      float top = 0, bad = 0;
      for (ptrdiff_t t = 0; t < k; t++) {
        const float x = fabsf(from[t * row]);
        top = x > top ? x : top;
        bad += x - x;  // NaN when x is not finite, and then so is all that it takes part in.
      }
      to[c] = top / 127 + bad;
      const float inverse = top > 1e-30f && bad == 0 ? 127 / top : 0;
      for (ptrdiff_t t = 0; t < k; t++) {
        float x = from[t * row] * inverse;
        x += TO_INTEGER;
        x -= TO_INTEGER;
        bytes[t / 4 * 64 + c * 4 + t % 4] = (uint8_t)(bad == 0 ? (int)x + 128 : 128);
      }
    }
  }
}

/// Writes the two digits of n numbers, and zeros up to `depth`, behind one another at `to`.
static sp_digits_t digits(int8_t *to, const float *x, ptrdiff_t n, ptrdiff_t depth) {
  typedef int8_t vb __attribute__((ext_vector_type(V), aligned(1)));
  int8_t *high = to, *low = to + depth;
  vf top = 0, bad = 0;
  vi high_sum = 0, low_sum = 0;
  EACH(n, vf y = LOAD(x); bad += y - y; y = y < 0 ? -y : y; top = y > top ? y : top;);
  float tops[V];
  store(tops, top);
  const float most = largest(tops, V), flaw = sum(bad);
  const float inverse = most > 1e-30f && flaw == 0 ? DIGITS / most : 0;
  memset(high + n, 0, depth - n);
  memset(low + n, 0, depth - n);
  EACH(n, vf y = LOAD(x) * inverse; y += TO_INTEGER; y -= TO_INTEGER;
       vi q = inverse == 0 ? (vi)0 : __builtin_convertvector(y, vi); vi h = (q + 128) >> 8;
       vi l = q - h * 256; high_sum += h; low_sum += l;
       vb hb = __builtin_convertvector(h, vb); vb lb = __builtin_convertvector(l, vb);
       if (n_ == V) { *(vb *)(high + i_) = hb; *(vb *)(low + i_) = lb; }
       else { memcpy(high + i_, &hb, n_); memcpy(low + i_, &lb, n_); });
  sp_digits_t d = {high, low, 0, 0, most / DIGITS + flaw};
  for (int l = 0; l < V; l++) {
    d.high_sum += high_sum[l];
    d.low_sum += low_sum[l];
  }
  return d;
}

typedef int16_t vh __attribute__((ext_vector_type(2 * V)));
typedef uint16_t vuh __attribute__((ext_vector_type(2 * V)));

/// x[2i] y[2i] + x[2i + 1] y[2i + 1] of 16-bit integers.
INLINE vi pairs(vh x, vh y) {
#if !defined(__x86_64__)
  const vi a = (vi)x, b = (vi)y;
  return (a << 16 >> 16) * (b << 16 >> 16) + (a >> 16) * (b >> 16);
#elif SP_LANES == 16
  return (vi)_mm512_madd_epi16((__m512i)x, (__m512i)y);
#elif SP_LANES == 8
  return (vi)_mm256_madd_epi16((__m256i)x, (__m256i)y);
#else
  return (vi)_mm_madd_epi16((__m128i)x, (__m128i)y);
#endif
}

/// Sums of a panel's bytes times the digits of each row: [rows][high, low][16].
static void quads(const sp_digits_t *x, int rows, const uint8_t *panel, ptrdiff_t depth,
                  int32_t *sums) {
  enum { PARTS = SP_PANEL / V };
  for (int r = 0; r < rows; r++, sums += 2 * SP_PANEL) {
    const int8_t *digits[2] = {x[r].high, x[r].low};
    vi s[2][PARTS];
    UNROLL for (int c = 0; c < PARTS; c++) s[0][c] = s[1][c] = 0;
    for (ptrdiff_t t = 0; t < depth; t += 4) {
      vh even[2], odd[2];
      UNROLL for (int digit = 0; digit < 2; digit++) {
        int32_t four;
        memcpy(&four, digits[digit] + t, 4);
        const vh all = (vh)(vi)four;
        even[digit] = all << 8 >> 8;
        odd[digit] = all >> 8;
      }
      UNROLL for (int c = 0; c < PARTS; c++) {
        vuh w;
        memcpy(&w, panel + t * SP_PANEL + c * sizeof w, sizeof w);
        const vh low = (vh)(w & 0xFF), high = (vh)(w >> 8);
        UNROLL for (int digit = 0; digit < 2; digit++)
          s[digit][c] += pairs(low, even[digit]) + pairs(high, odd[digit]);
      }
    }
    memcpy(sums, s, sizeof s);
  }
}

static void SP_NAME(gemm_int8)(const sp_product_t *p, const sp_epilogue_t *e) {
  enum { ROWS = 32, GROUP = 4 };  // Rows whose digits stay in L2; rows that share a reading.
  const ptrdiff_t depth = sp_int8_depth(p->k), stride = sp_int8_floats(p->k, 1);
  const destination d = {p->c, p->c_row, p->accumulate, e ? *e : (sp_epilogue_t){0}};
  int8_t *bytes = (int8_t *)sp_scratch(0, ROWS * depth / 2);
  sp_quads_f *multiply_quads = quads;
#if SP_LANES == 16
  if (__builtin_cpu_supports("avx512vnni")) multiply_quads = sp_quads_vnni;
#endif
  for (ptrdiff_t i = 0; i < p->m; i += ROWS) {
    const int rows = (int)least(ROWS, p->m - i);
    sp_digits_t x[ROWS];
    for (int r = 0; r < rows; r++)
      x[r] = digits(bytes + 2 * r * depth, p->a + (i + r) * p->a_row, p->k, depth);
    const float *panel = p->packed;
    for (ptrdiff_t j = 0; j < p->n; j += SP_PANEL, panel += stride)
      for (int r = 0; r < rows; r += GROUP) {
        int32_t sums[GROUP][2][SP_PANEL];
        const int group = (int)least(GROUP, rows - r);
        multiply_quads(x + r, group, (const uint8_t *)(panel + SP_PANEL), depth, &sums[0][0][0]);
        for (int g = 0; g < group; g++)
          for (ptrdiff_t c = 0; c < least(SP_PANEL, p->n - j); c += V) {
            vi high, low;
            memcpy(&high, &sums[g][0][c], sizeof high);
            memcpy(&low, &sums[g][1][c], sizeof low);
            high -= 128 * x[r + g].high_sum;  // What the + 128 of the weights has added.
            low -= 128 * x[r + g].low_sum;
            const vf scale = x[r + g].scale * load(panel + c);
            const vf whole =
                __builtin_convertvector(high, vf) * 256 + __builtin_convertvector(low, vf);
            finish(whole * scale, d, i + r + g, j + c, least(V, p->n - j - c));
          }
      }
  }
}
