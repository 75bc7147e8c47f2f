// What a path could do at most, measured beside its kernels: independent multiply-adds, and reads.

static double SP_NAME(multiply_add_rounds)(int64_t rounds) {
  vf s[12];
  for (int j = 0; j < 12; j++) s[j] = (float)j;
  for (int64_t t = 0; t < rounds; t++)
    UNROLL for (int j = 0; j < 12; j++) {
      s[j] = s[j] * 0.999f + 0.001f;
      __asm__ volatile("" : "+v"(s[j]));
    }
  return (double)rounds * 12 * V * 2;
}

static float SP_NAME(sum)(const float *x, ptrdiff_t n) {
  vf s[8] = {0};
  ptrdiff_t i = 0;
  for (; i + 8 * V <= n; i += 8 * V)
    UNROLL for (int j = 0; j < 8; j++) s[j] += load(x + i + j * V);
  EACH(n - i, s[0] += LOAD(x + i););
  return sum(((s[0] + s[1]) + (s[2] + s[3])) + ((s[4] + s[5]) + (s[6] + s[7])));
}
