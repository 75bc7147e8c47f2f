// OpenBLAS, found at run time: the program starts without it, and where it is missing our tiles do.
#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include "table.h"

enum { ROW_MAJOR = 101, AS_IS = 111, TRANSPOSED = 112 };
typedef void sgemm_f(int order, int a_form, int b_form, int m, int n, int k, float alpha,
                     const float *a, int a_row, const float *b, int b_row, float beta, float *c,
                     int c_row);

static sgemm_f *sgemm;
static const char *name;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void find(void) {
  if (getenv("SPECOLA_NO_OPENBLAS")) return;  // To measure and to test our own tiles.
  void *library = dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL);
  if (!library) return;
  // One thread a call: lanes are our threads.
  void (*set_threads)(int) = (void (*)(int))dlsym(library, "openblas_set_num_threads");
  char *(*configuration)(void) = (char *(*)(void))dlsym(library, "openblas_get_config");
  if (set_threads) set_threads(1);
  sgemm = (sgemm_f *)dlsym(library, "cblas_sgemm");
  name = configuration ? configuration() : "OpenBLAS";
}

const char *sp_blas_name(void) {
  pthread_once(&once, find);
  return sgemm ? name : NULL;
}

bool sp_blas_product(const sp_product_t *p) {
  const ptrdiff_t a_row = p->a_column == 1 ? p->a_row : p->a_column;
  const ptrdiff_t largest = 0x7fffffff;
  if (!sp_blas_name() || p->m > largest || p->n > largest || p->k > largest || a_row > largest ||
      p->b_row > largest || p->c_row > largest)
    return false;
  sgemm(ROW_MAJOR, p->a_column == 1 ? AS_IS : TRANSPOSED, p->b_transposed ? TRANSPOSED : AS_IS,
        (int)p->m, (int)p->n, (int)p->k, 1, p->a, (int)a_row, p->b, (int)p->b_row,
        p->accumulate ? 1 : 0, p->c, (int)p->c_row);
  return true;
}
