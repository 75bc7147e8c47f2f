// Entropies of rows of scores; part of portable_kernels.h. No probability is stored.

/// With d = x - the row's largest and s = sum e^d, H = ln s - (sum d e^d) / s: one pass for both.
static void SP_NAME(entropies)(float *out, const float *x, ptrdiff_t rows, ptrdiff_t n) {
  for (ptrdiff_t r = 0; r < rows; r++, x += n) {
    const float top = largest(x, n);
    vf total = 0, along = 0;
    // Below -87.3 e^d is 0, and 0 times an infinite d must not count either.
    EACH(n, vf d = within(-88, LOAD(x) - top, 0); vf e = THERE(vexp(d)); total += e;
         along += e * d;);
    const float s = sum(total);
    out[r] = logf(s) - sum(along) / s;
  }
}
