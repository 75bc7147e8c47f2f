#define _GNU_SOURCE
#define _XOPEN_SOURCE_EXTENDED 1
#define NCURSES_WIDECHAR 1
#include "CNcurses.h"

#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <ncurses.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <term.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>

// What must be put back, written before the handlers are set and read by them.
static struct {
  volatile sig_atomic_t open;
  struct termios settings;
  char on[128], off[128], leave[256];
  int log, error, pipe[2];
  off_t said;
  volatile sig_atomic_t caught[65];
} state;

static void send(const char *text) {
  size_t left = strlen(text);
  while (left > 0) {
    ssize_t n = write(STDOUT_FILENO, text, left);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;
    text += n;
    left -= (size_t)n;
  }
}

// Standard error is itself again and says what it said meanwhile. Safe in a signal handler.
static void give_back_errors(void) {
  if (state.error < 0) return;
  dup2(state.error, STDERR_FILENO);
  char block[4096];
  ssize_t n;
  while ((n = pread(state.log, block, sizeof block, state.said)) > 0) {
    if (write(STDERR_FILENO, block, (size_t)n) < 0) break;
    state.said += n;
  }
}

// The way out that a signal handler may take.
static void leave_at_once(void) {
  if (!state.open) return;
  state.open = 0;
  send(state.off);
  send(state.leave);
  tcsetattr(STDIN_FILENO, TCSANOW, &state.settings);
  give_back_errors();
}

static void die_of(int number) {
  leave_at_once();
  signal(number, SIG_DFL);
  raise(number);
}

// A signal to be told to the program; the second of those that end it ends it here.
static void on_signal(int number) {
  int error = errno;
  int ends = number == SIGINT || number == SIGTERM || number == SIGHUP;
  if (ends && state.caught[number]++) die_of(number);
  char byte = (char)number;
  if (write(state.pipe[1], &byte, 1) < 0) errno = error;  // a full pipe has news enough
  errno = error;
}

static void catch_signal(int number, void (*handler)(int), int flags) {
  struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
  sigemptyset(&action.sa_mask);
  sigaction(number, &action, NULL);
}

static const int told[] = {SIGINT, SIGTERM, SIGHUP, SIGWINCH, SIGTSTP};
static const int crashes[] = {SIGSEGV, SIGILL, SIGTRAP, SIGABRT, SIGFPE, SIGQUIT};

static void catch_signals(void) {
  // A stack of its own, or an overflow of the main thread's could not be handled.
  static char stack[1 << 16];
  stack_t alternate = {.ss_sp = stack, .ss_size = sizeof stack};
  sigaltstack(&alternate, NULL);
  for (size_t i = 0; i < sizeof told / sizeof *told; i++)
    catch_signal(told[i], on_signal, SA_RESTART);
  for (size_t i = 0; i < sizeof crashes / sizeof *crashes; i++)
    catch_signal(crashes[i], die_of, SA_ONSTACK | SA_NODEFER);
}

static void release_signals(void) {
  for (size_t i = 0; i < sizeof told / sizeof *told; i++) signal(told[i], SIG_DFL);
  for (size_t i = 0; i < sizeof crashes / sizeof *crashes; i++) signal(crashes[i], SIG_DFL);
}

int nc_locale_is_utf8(void) {
  setlocale(LC_CTYPE, "");
  return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

int nc_find(const char *term) {
  int result = -1;
  setupterm(term, STDOUT_FILENO, &result);
  return result;
}

int nc_number(const char *name) { return tigetnum(name); }

const char *nc_text(const char *name) {
  const char *text = tigetstr(name);
  return text == (char *)-1 ? NULL : text;
}

void nc_wake(void) {
  if (state.open && write(state.pipe[1], "", 1) < 0) return;  // a full pipe has news enough
}

int nc_open(const char *on, const char *off, const char *leave, const char *log, int *wake) {
  static int at_exit;
  if (state.open || tcgetattr(STDIN_FILENO, &state.settings) != 0) return 0;
  if (pipe2(state.pipe, O_CLOEXEC | O_NONBLOCK) != 0) return 0;
  strncpy(state.on, on, sizeof state.on - 1);
  strncpy(state.off, off, sizeof state.off - 1);
  strncpy(state.leave, leave, sizeof state.leave - 1);
  memset((void *)state.caught, 0, sizeof state.caught);
  catch_signals();  // before newterm, which leaves handlers alone that are set
  if (newterm(NULL, stdout, stdin) == NULL) {
    release_signals();
    close(state.pipe[0]);
    close(state.pipe[1]);
    return 0;
  }
  raw();
  noecho();
  nonl();
  if (has_colors()) {
    start_color();
    use_default_colors();
  }
  state.log = open(log, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (state.log < 0) state.log = memfd_create("errors", MFD_CLOEXEC);  // no folder, a full disk
  state.said = lseek(state.log, 0, SEEK_END);
  state.error = state.log < 0 ? -1 : fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
  if (state.error >= 0) dup2(state.log, STDERR_FILENO);
  state.open = 1;
  if (!at_exit++) atexit(nc_close);
  refresh();
  send(state.on);
  *wake = state.pipe[0];
  return 1;
}

void nc_close(void) {
  if (!state.open) return;
  send(state.off);
  endwin();
  tcsetattr(STDIN_FILENO, TCSADRAIN, &state.settings);
  state.open = 0;
  release_signals();
  give_back_errors();
  if (state.error >= 0) close(state.error);
  if (state.log >= 0) close(state.log);
  close(state.pipe[0]);
  close(state.pipe[1]);
}

void nc_suspend(void) {
  send(state.off);
  endwin();
  signal(SIGTSTP, SIG_DFL);
  kill(0, SIGTSTP);  // the whole job, a script that runs us too
  catch_signal(SIGTSTP, on_signal, SA_RESTART);
  nc_resize();
  nc_clear();
  send(state.on);
}

int nc_rows(void) { return getmaxy(stdscr); }
int nc_columns(void) { return getmaxx(stdscr); }

void nc_resize(void) {
  struct winsize size;
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0 || size.ws_col == 0) return;
  resize_term(size.ws_row, size.ws_col);
}

void nc_clear(void) {
  erase();
  clearok(curscr, TRUE);
  refresh();
}

void nc_put(int row, int column, const char *utf8, int width, int flags, int front, int back) {
  wchar_t text[CCHARW_MAX + 1];
  size_t count = mbstowcs(text, utf8, CCHARW_MAX);
  // What the locale cannot write, or counts otherwise than we do, must not shift the row.
  if (count == (size_t)-1 || count == 0 || wcwidth(text[0]) != width) {
    text[0] = L'?';
    count = 1;
    if (width == 2) nc_put(row, column + 1, "?", 1, flags, front, back);
  }
  text[count] = 0;
  attr_t attributes = (flags & nc_bold ? A_BOLD : 0) | (flags & nc_underline ? A_UNDERLINE : 0) |
                      (flags & nc_reverse ? A_REVERSE : 0);
  int pair = front < 0 && back < 0 ? 0 : alloc_pair(front, back);
  if (pair < 0) pair = 0;
  cchar_t cell;
  if (setcchar(&cell, text, attributes, 0, &pair) == OK) mvadd_wch(row, column, &cell);
}

void nc_refresh(int row, int column) {
  int shown = row >= 0 && column >= 0;
  curs_set(shown);
  // A terminal that cannot hide its cursor keeps it where it disturbs least.
  move(shown ? row : LINES - 1, shown ? column : COLS - 1);
  refresh();
}

void nc_modes(const char *on) {
  strncpy(state.on, on, sizeof state.on - 1);
  send(state.off);
  send(state.on);
}
