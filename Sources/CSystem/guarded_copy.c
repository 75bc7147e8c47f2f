// A read of a mapped page that its file no longer has raises SIGBUS. The handler, installed once
// for the process, jumps back into the copy that the faulting thread is in; any other SIGBUS goes
// to the handler that was there before.
#include "CSystem.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>

static _Thread_local sigjmp_buf escape;
static _Thread_local volatile sig_atomic_t copying;
static struct sigaction previous;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void on_bus_error(int number, siginfo_t *info, void *context) {
  if (copying) {
    copying = 0;
    siglongjmp(escape, 1);
  }
  if ((previous.sa_flags & SA_SIGINFO) && previous.sa_sigaction) {
    previous.sa_sigaction(number, info, context);
  } else if (previous.sa_handler != SIG_DFL && previous.sa_handler != SIG_IGN) {
    previous.sa_handler(number);
  } else {
    signal(number, SIG_DFL);  // the faulting instruction runs again and ends the process
  }
}

static void install(void) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_sigaction = on_bus_error;
  action.sa_flags = SA_SIGINFO | SA_NODEFER;  // not blocked after the jump, so no mask to restore
  sigemptyset(&action.sa_mask);
  sigaction(SIGBUS, &action, &previous);
}

bool guarded_copy(void *destination, const void *source, size_t count) {
  pthread_once(&once, install);
  if (sigsetjmp(escape, 0)) return false;
  copying = 1;
  memcpy(destination, source, count);
  copying = 0;
  return true;
}
