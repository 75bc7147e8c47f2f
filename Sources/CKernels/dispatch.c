// Picks the kernels: the widest vectors that the CPU runs, unless a path is forced.
#include <math.h>
#include <stdlib.h>
#include "table.h"
#if defined(__linux__) && defined(__x86_64__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

extern const sp_table sp_table_portable, sp_table_amx_emulation;
#if defined(__x86_64__)
extern const sp_table sp_table_avx2, sp_table_avx512, sp_table_avx512bf16, sp_table_amx;

static bool has_avx512(void) {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
}
#endif

/// Whether a table's bf16 product is what plain loops make of it: rows, columns and depth that no
/// tile divides, A as it lies, transposed and rounded beforehand.
static bool multiplies(const sp_table *table) {
  enum { M = 37, N = 41, K = 75, DEPTH = 96 };
  static uint16_t rows[48 * DEPTH];  // M and K in whole tiles
  float a[M * K], b[K * N], c[M * N];
  for (int i = 0; i < M * K; i++) a[i] = (float)(i * 37 % 31 - 15) / 16;  // exact in bf16
  for (int i = 0; i < K * N; i++) b[i] = (float)(i * 29 % 23 - 11) / 16;
  table->round_rows(rows, a, K, NULL, M, K);
  for (int round = 0; round < 3; round++) {
    const int row = round == 1 ? 1 : K, column = round == 1 ? M : 1;
    sp_product_t p = {.m = M, .n = N, .k = K, .a = a, .a_row = row, .a_column = column,
                      .b = b, .b_row = N, .c = c, .c_row = N};
    if (round == 2) {
      p.a_rounded = rows;
      p.a_row = DEPTH;
    }
    table->gemm_bf16(&p, NULL);
    for (int i = 0; i < M; i++)
      for (int j = 0; j < N; j++) {
        float sum = 0;  // multiples of 1 / 256 below 128: exact
        for (int t = 0; t < K; t++) sum += a[i * row + t * column] * b[t * N + j];
        if (!(fabsf(sum - c[i * N + j]) == 0)) return false;
      }
  }
  return true;
}

/// Whether there are matrix tiles, Linux lets this process use them, and they multiply: nobody has
/// seen this path on every CPU to come, so it answers for itself once.
static bool has_tiles(void) {
#if defined(__linux__) && defined(__x86_64__)
  enum { ARCH_REQ_XCOMP_PERM = 0x1023, XFEATURE_XTILEDATA = 18 };
  return __builtin_cpu_supports("amx-tile") && __builtin_cpu_supports("amx-bf16") &&
         __builtin_cpu_supports("avx512bf16") &&
         syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0 &&
         multiplies(&sp_table_amx);
#else
  return false;
#endif
}

static const sp_table *table_of(sp_path_t path) {
  if (path == SP_PORTABLE) return &sp_table_portable;
  if (path == SP_AMX_EMULATED) return &sp_table_amx_emulation;
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return NULL;
  if (path == SP_AVX2) return &sp_table_avx2;
  if (!has_avx512()) return NULL;
  if (path == SP_AVX512_WIDENED) return &sp_table_avx512;
  if (path == SP_AVX512)
    return __builtin_cpu_supports("avx512bf16") ? &sp_table_avx512bf16 : &sp_table_avx512;
  if (path == SP_AMX && has_tiles()) return &sp_table_amx;
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

double sp_sum_of_squares(float *y, const float *x, ptrdiff_t n) {
  return current()->sum_of_squares(y, x, n);
}

enum { SLOTS = 9 };
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
