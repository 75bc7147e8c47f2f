// What a path could do at most: independent multiply-adds, measured beside its kernels.

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
