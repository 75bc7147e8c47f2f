// Picks the kernels: the widest vectors that the CPU runs, unless a path is forced.
#include <stdlib.h>
#include "table.h"

extern const sp_table sp_table_portable;
#if defined(__x86_64__)
extern const sp_table sp_table_avx2, sp_table_avx512;
#endif

static const sp_table *table_of(sp_path_t path) {
  if (path == SP_PORTABLE) return &sp_table_portable;
#if defined(__x86_64__)
  __builtin_cpu_init();
  bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (path == SP_AVX2 && avx2) return &sp_table_avx2;
  if (path == SP_AVX512 && avx2 && __builtin_cpu_supports("avx512f") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512vl"))
    return &sp_table_avx512;
#endif
  return NULL;
}

static const sp_table *selected;  // Written before any worker starts, or between steps by a test.
static sp_path_t selected_path;

bool sp_available(sp_path_t path) { return table_of(path) != NULL; }

bool sp_select(sp_path_t path) {
  const sp_table *table = table_of(path);
  if (!table) return false;
  selected_path = path;
  __atomic_store_n(&selected, table, __ATOMIC_RELEASE);
  return true;
}

static const sp_table *current(void) {
  const sp_table *table = __atomic_load_n(&selected, __ATOMIC_ACQUIRE);
  if (table) return table;
  for (sp_path_t path = SP_PATHS - 1; !sp_select(path); path--) {}
  return selected;
}

sp_path_t sp_selected(void) {
  current();
  return selected_path;
}

#define SP_FORWARD(name, parameters, arguments) \
  void sp_##name parameters { current()->name arguments; }
SP_KERNELS(SP_FORWARD)

double sp_multiply_add_rounds(int64_t rounds) { return current()->multiply_add_rounds(rounds); }
float sp_sum(const float *x, ptrdiff_t n) { return current()->sum(x, n); }

double sp_sum_of_squares(const float *x, ptrdiff_t n) {
  double lanes[8] = {0};  // Fixed lanes: the order of summation does not depend on the path.
  ptrdiff_t i = 0;
  for (; i + 8 <= n; i += 8)
    for (int j = 0; j < 8; j++) lanes[j] += (double)x[i + j] * x[i + j];
  for (; i < n; i++) lanes[i & 7] += (double)x[i] * x[i];
  return ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) +
         ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
}

enum { SLOTS = 8 };
static _Thread_local struct { float *floats; ptrdiff_t count; } scratch[SLOTS];

float *sp_scratch(int slot, ptrdiff_t count) {
  if (scratch[slot].count < count) {
    free(scratch[slot].floats);
    const ptrdiff_t rounded = (count * 5 / 4 + 1023) / 1024 * 1024;
    scratch[slot].floats = aligned_alloc(64, sizeof(float) * rounded);
    if (!scratch[slot].floats) abort();
    scratch[slot].count = rounded;
  }
  return scratch[slot].floats;
}
