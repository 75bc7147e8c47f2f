// What the Terminal target needs of ncurses, whose own interface is mostly macros, and of signals,
// whose handlers must not run Swift. One terminal a process; all but the handlers: one thread.
#ifndef CNCURSES_H
#define CNCURSES_H

// Stress of a cell, as the bits of Screen's Flags.
enum { nc_bold = 1, nc_underline = 2, nc_reverse = 4 };

// Sets LC_CTYPE alone, so that numbers keep their point. Whether text is UTF-8.
int nc_locale_is_utf8(void);

// Looks the terminal up in terminfo: 1 found, 0 unknown, -1 no database.
int nc_find(const char *term);
// A number or text of the terminal found; -1 and NULL if it has none.
int nc_number(const char *name);
const char *nc_text(const char *name);

// Opens the screen in raw mode, 0 if that fails. `on` and `off` switch mouse and paste marks,
// `leave` goes back to the shell's screen in a crash. Standard error goes to the file `log`.
// `wake` receives the end of a pipe that yields a byte, its number, for every signal caught, and
// 0 for every nc_wake.
int nc_open(const char *on, const char *off, const char *leave, const char *log,
            int *wake);
// Puts a 0 into that pipe; any thread.
void nc_wake(void);
// Puts everything back: modes, screen, terminal settings, standard error with what it said.
void nc_close(void);
// Stops the process as Ctrl-Z does; returns when it goes on, with the screen blank.
void nc_suspend(void);

int nc_rows(void);
int nc_columns(void);
// Takes over the terminal's present size.
void nc_resize(void);
// Everything is sent anew with the next refresh.
void nc_clear(void);
// Puts one glyph of `width` columns; colours are indices, -1 the terminal's own.
void nc_put(int row, int column, const char *utf8, int width, int flags, int front, int back);
// Sends what changed; the cursor goes to a cell, or is hidden for -1.
void nc_refresh(int row, int column);
// Switches mouse and paste marks otherwise, now and whenever the program goes on.
void nc_modes(const char *on);

#endif
