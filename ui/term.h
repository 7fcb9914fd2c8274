/* SPDX-License-Identifier: PostgreSQL
 *
 * The terminal, by ncurses: shows a canvas, gives keys. The only place that knows curses.
 *
 *   term_open -> { term_size -> term_show -> (poll term_fd, term_signal_fd) -> term_key ... } ->
 *   term_close
 *
 * However the process ends, but for kill -9, the terminal is as it was found: by term_close, at
 * exit, and from the handlers of the signals that a crash raises. A shell gets it back meanwhile
 * (term_suspend), also by SIGTSTP from outside.
 *
 * Threads: one thread, the one that paints; one terminal a process.
 */
#ifndef ARCHIVER_UI_TERM_H
#define ARCHIVER_UI_TERM_H

#include "canvas.h"

/* What stands for itself is its Unicode number (Enter '\r', Tab '\t', Esc 27, Ctrl-X 'x' & 31). */
enum term_code {
    K_UP = 0x110000,
    K_DOWN,
    K_LEFT,
    K_RIGHT,
    K_PAGE_UP,
    K_PAGE_DOWN,
    K_HOME,
    K_END,
    K_BACKSPACE,
    K_DELETE,
    K_BACKTAB,
    K_F1,
    K_WHEEL_UP,
    K_WHEEL_DOWN,
    K_CLICK,
    K_NONE, /* one that has no meaning here */
};
#define K_CTRL(letter) ((letter)&0x1f)
#define K_ESC          27

struct term_key {
    int code;     /* Unicode or enum term_code */
    int row, col; /* of the mouse */
};

enum term_event { TERM_NOTHING, TERM_KEY, TERM_LOST /* the terminal is gone */ };

/* ERR_USAGE where stdin or stdout is no terminal, or TERM is not known. */
bool term_open(bool no_color, struct err *err);
void term_close(void);
/* Could it be opened? */
bool term_is_fit(void);
const struct glyphs *term_glyphs(void);
int term_fd(void); /* readable: keys */
/* Readable: the window has another size, or the process goes on after a stop. term_woken takes that
 * notice; true: everything is to be painted again, in the size of now. */
int term_signal_fd(void);
bool term_woken(void);
void term_size(int *ret_rows, int *ret_cols);
enum term_event term_key(struct term_key *ret_key);
/* Sends what differs from what is there. */
void term_show(const struct canvas *canvas);
void term_repaint(void); /* the next term_show sends all of it */
/* The shell's turn: comes back when the process is told to go on. */
void term_suspend(void);
/* Copies to the clipboard of the terminal's own host (OSC 52). False: too long for what terminals
 * take. */
bool term_copy(const char *text);
void term_mouse(bool on);
#endif
