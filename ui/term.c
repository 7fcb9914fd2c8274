/* SPDX-License-Identifier: PostgreSQL */
#include "term.h"

#include <curses.h>
#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <term.h>
#include <termios.h>
#include <unistd.h>

#include "base/text.h"

enum {
    ESC_MS = 25,
    COPY_BYTES_MAX = 74994, /* what xterm takes, and what others took over from it */
    STYLES = STYLE_SELECTED << 1,
};

/* What signal handlers touch is the process's own, like the terminal itself. */
static struct {
    bool open, painting; /* painting: curses has the terminal */
    bool no_color;
    enum theme_depth depth;
    const struct glyphs *glyphs;
    SCREEN *screen;
    int signal_fd;
    struct termios found;
    char leave[256]; /* the bytes that give the terminal back, for a handler */
    size_t leave_len;
    attr_t attrs[STYLES];
    short pairs[STYLES];
    struct canvas shown; /* what the terminal shows */
    bool repaint, mouse;
    volatile sig_atomic_t stop_asked;
} term = {.signal_fd = -1};

/* --- signals --- */

static const int crashes[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
#define CRASH_COUNT (sizeof(crashes) / sizeof(crashes[0]))
static struct sigaction before[CRASH_COUNT];

/* Async-signal-safe: write and tcsetattr are. */
static void give_back(void)
{
    if (!term.painting)
        return;
    term.painting = false;
    ssize_t ignored = write(STDOUT_FILENO, term.leave, term.leave_len);
    (void)ignored;
    tcsetattr(STDIN_FILENO, TCSANOW, &term.found);
}

/* Puts things right and lets happen what would have happened. */
static void on_crash(int number)
{
    give_back();
    for (size_t i = 0; i < CRASH_COUNT; i++) {
        if (crashes[i] == number)
            sigaction(number, &before[i], NULL);
    }
    raise(number);
}

static void on_signal(int number)
{
    uint64_t one = 1;
    int failure = errno;

    if (number == SIGTSTP)
        term.stop_asked = 1;
    ssize_t ignored = write(term.signal_fd, &one, sizeof(one));
    (void)ignored;
    errno = failure;
}

static void take_signals(void)
{
    struct sigaction crash = {.sa_handler = on_crash, .sa_flags = (int)SA_RESETHAND};
    struct sigaction plain = {.sa_handler = on_signal, .sa_flags = SA_RESTART};

    for (size_t i = 0; i < CRASH_COUNT; i++)
        sigaction(crashes[i], &crash, &before[i]);
    sigaction(SIGWINCH, &plain, NULL);
    sigaction(SIGTSTP, &plain, NULL);
    signal(SIGTTOU, SIG_IGN); /* so that a terminal can be put right from the background */
}

int term_signal_fd(void)
{
    return term.signal_fd;
}

bool term_woken(void)
{
    uint64_t count;
    struct winsize size;

    ssize_t ignored = read(term.signal_fd, &count, sizeof(count));
    (void)ignored;
    if (term.stop_asked) {
        term.stop_asked = 0;
        term_suspend();
    }
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 && size.ws_col > 0 &&
        (size.ws_row != LINES || size.ws_col != COLS))
        resizeterm(size.ws_row, size.ws_col);
    term.repaint = true;
    return true;
}

/* --- opening --- */

static void add_capability(const char *name)
{
    const char *bytes = tigetstr(name);

    if (!bytes || bytes == (const char *)-1)
        return;
    size_t len = strlen(bytes);
    if (term.leave_len + len >= sizeof(term.leave))
        return;
    memcpy(term.leave + term.leave_len, bytes, len);
    term.leave_len += len;
}

static void note_way_back(void)
{
    static const char mouse_off[] = "\033[?1006l\033[?1002l\033[?1000l";

    term.leave_len = 0;
    add_capability("sgr0");
    add_capability("cnorm");
    add_capability("rmkx");
    if (tigetstr("kmous") && tigetstr("kmous") != (const char *)-1) {
        memcpy(term.leave + term.leave_len, mouse_off, sizeof(mouse_off) - 1);
        term.leave_len += sizeof(mouse_off) - 1;
    }
    add_capability("rmcup");
}

static attr_t attributes(const struct theme_look *look)
{
    return (look->bold ? A_BOLD : 0) | (look->dim ? A_DIM : 0) | (look->reverse ? A_REVERSE : 0) |
           (look->underline ? A_UNDERLINE : 0);
}

static short color_pair(short fg, short bg, short *next)
{
    short have_fg, have_bg;

    for (short pair = 1; pair < *next; pair++) {
        if (pair_content(pair, &have_fg, &have_bg) != ERR && have_fg == fg && have_bg == bg)
            return pair;
    }
    if (*next >= COLOR_PAIRS || init_pair(*next, fg, bg) == ERR)
        return 0;
    return (*next)++;
}

static void prepare_colors(void)
{
    bool own = false;
    short next = 1;
    int colors = 0;

    if (has_colors() && start_color() == OK) {
        own = use_default_colors() == OK;
        colors = COLORS;
    }
    term.depth = theme_depth_of(colors, term.no_color);
    for (int style = 0; style < STYLES; style++) {
        if ((style & ~STYLE_SELECTED) >= STYLE_COUNT)
            continue;
        struct theme_look look = theme_look(term.depth, style);
        term.attrs[style] = attributes(&look);
        term.pairs[style] = 0;
        if (term.depth == THEME_MONO || (look.fg < 0 && look.bg < 0))
            continue;
        if (!own && look.fg < 0)
            look.fg = COLOR_WHITE;
        if (!own && look.bg < 0)
            look.bg = COLOR_BLACK;
        term.pairs[style] = color_pair(look.fg, look.bg, &next);
    }
}

/* The line discipline stays out of it: Ctrl-C, Ctrl-Z and the like are keys. */
static void begin_painting(void)
{
    raw();
    noecho();
    nonl();
    keypad(stdscr, TRUE);
    nodelay(stdscr, TRUE);
    meta(stdscr, TRUE);
    intrflush(stdscr, FALSE);
    curs_set(0);
    term_mouse(term.mouse);
    term.painting = true;
    term.repaint = true;
}

bool term_is_fit(void)
{
    const char *name = getenv("TERM");

    return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && name && *name &&
           strcmp(name, "dumb") != 0;
}

bool term_open(bool no_color, struct err *err)
{
    const char *charset;
    const char *asked = getenv("NO_COLOR");

    if (!term_is_fit()) {
        err_set(err, ERR_USAGE, "the console needs a terminal");
        return err_hint(err, "archiver-tui help: the commands do the same without one");
    }
    setlocale(LC_CTYPE, "");
    charset = nl_langinfo(CODESET);
    term.glyphs = glyphs_of(strcmp(charset, "UTF-8") == 0);
    term.no_color = no_color || (asked && *asked);
    tcgetattr(STDIN_FILENO, &term.found);
    set_escdelay(ESC_MS);
    term.screen = newterm(NULL, stdout, stdin);
    if (!term.screen) {
        err_set(err, ERR_USAGE, "TERM=%s is not known on this host", getenv("TERM"));
        return err_hint(err, "TERM=xterm or TERM=vt100 may do");
    }
    term.signal_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    term.mouse = true;
    term.shown = (struct canvas){.glyphs = term.glyphs};
    note_way_back();
    take_signals();
    prepare_colors();
    begin_painting();
    if (!term.open)
        atexit(term_close);
    term.open = true;
    return true;
}

void term_close(void)
{
    if (!term.open)
        return;
    term.open = false;
    if (term.painting) {
        term_mouse(false);
        term.painting = false;
        endwin();
    }
    for (size_t i = 0; i < CRASH_COUNT; i++)
        sigaction(crashes[i], &before[i], NULL);
    signal(SIGWINCH, SIG_DFL);
    signal(SIGTSTP, SIG_DFL);
    delscreen(term.screen);
    canvas_done(&term.shown);
    close(term.signal_fd);
    term.signal_fd = -1;
}

/* --- to and fro --- */

static void leave(void)
{
    bool mouse = term.mouse;

    term_mouse(false);
    term.mouse = mouse;
    term.painting = false;
    endwin();
}

static void come_back(void)
{
    refresh();
    begin_painting();
}

void term_suspend(void)
{
    leave();
    signal(SIGTSTP, SIG_DFL);
    kill(0, SIGTSTP); /* as the terminal would: the whole job */
    /* --- here the shell has its turn --- */
    struct sigaction plain = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigaction(SIGTSTP, &plain, NULL);
    term.stop_asked = 0;
    come_back();
    uint64_t one = 1; /* the window may have changed meanwhile */
    ssize_t ignored = write(term.signal_fd, &one, sizeof(one));
    (void)ignored;
}

void term_mouse(bool on)
{
    term.mouse = on;
    mouseinterval(0);
    mousemask(on ? BUTTON1_PRESSED | BUTTON4_PRESSED | BUTTON5_PRESSED : 0, NULL);
}

/* --- showing --- */

static bool same_cell(const struct cell *a, const struct cell *b)
{
    return a->style == b->style && a->width == b->width && a->ch[0] == b->ch[0] &&
           a->ch[1] == b->ch[1] && a->ch[2] == b->ch[2];
}

static void show_cell(int row, int col, const struct cell *cell)
{
    wchar_t text[4] = {(wchar_t)cell->ch[0], (wchar_t)cell->ch[1], (wchar_t)cell->ch[2], 0};
    cchar_t wide;

    if (setcchar(&wide, text, term.attrs[cell->style], term.pairs[cell->style], NULL) == OK)
        mvadd_wch(row, col, &wide);
}

void term_show(const struct canvas *canvas)
{
    bool all = term.repaint || canvas->rows != term.shown.rows || canvas->cols != term.shown.cols;

    if (all) {
        canvas_resize(&term.shown, canvas->rows, canvas->cols);
        clearok(curscr, TRUE);
        erase();
        term.repaint = false;
    }
    for (int row = 0; row < canvas->rows; row++) {
        for (int col = 0; col < canvas->cols; col++) {
            const struct cell *cell = canvas_cell(canvas, row, col);
            if (cell->width > 0 && (all || !same_cell(cell, canvas_cell(&term.shown, row, col))))
                show_cell(row, col, cell);
        }
    }
    memcpy(term.shown.cells, canvas->cells,
           (size_t)(canvas->rows * canvas->cols) * sizeof(*canvas->cells));
    bool cursor = canvas->cursor_row >= 0;
    if (cursor)
        move(canvas->cursor_row, canvas->cursor_col);
    curs_set(cursor ? 1 : 0);
    refresh();
}

void term_repaint(void)
{
    term.repaint = true;
}

void term_size(int *ret_rows, int *ret_cols)
{
    *ret_rows = LINES;
    *ret_cols = COLS;
}

const struct glyphs *term_glyphs(void)
{
    return term.glyphs;
}

/* --- keys --- */

int term_fd(void)
{
    return STDIN_FILENO;
}

static int code_of(int key)
{
    static const struct {
        int curses, code;
    } codes[] = {
        {KEY_UP, K_UP},
        {KEY_DOWN, K_DOWN},
        {KEY_LEFT, K_LEFT},
        {KEY_RIGHT, K_RIGHT},
        {KEY_PPAGE, K_PAGE_UP},
        {KEY_NPAGE, K_PAGE_DOWN},
        {KEY_HOME, K_HOME},
        {KEY_END, K_END},
        {KEY_FIND, K_HOME},
        {KEY_SELECT, K_END},
        {KEY_BACKSPACE, K_BACKSPACE},
        {KEY_DC, K_DELETE},
        {KEY_BTAB, K_BACKTAB},
        {KEY_ENTER, '\r'},
        {KEY_F(1), K_F1},
    };

    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        if (codes[i].curses == key)
            return codes[i].code;
    }
    return K_NONE;
}

static void take_mouse(struct term_key *ret_key)
{
    MEVENT event;

    ret_key->code = K_NONE;
    if (getmouse(&event) != OK)
        return;
    ret_key->row = event.y;
    ret_key->col = event.x;
    if (event.bstate & BUTTON4_PRESSED)
        ret_key->code = K_WHEEL_UP;
    else if (event.bstate & BUTTON5_PRESSED)
        ret_key->code = K_WHEEL_DOWN;
    else if (event.bstate & BUTTON1_PRESSED)
        ret_key->code = K_CLICK;
}

/* poll tells a terminal that is gone from one where nobody types. */
static bool is_lost(void)
{
    struct pollfd fd = {.fd = STDIN_FILENO, .events = POLLIN};
    int waiting = 0;

    if (poll(&fd, 1, 0) <= 0)
        return false;
    if (fd.revents & (POLLHUP | POLLERR | POLLNVAL))
        return true;
    return (fd.revents & POLLIN) && (ioctl(STDIN_FILENO, FIONREAD, &waiting) != 0 || waiting == 0);
}

enum term_event term_key(struct term_key *ret_key)
{
    wint_t key;
    int kind = get_wch(&key);

    *ret_key = (struct term_key){0};
    if (kind == ERR)
        return is_lost() ? TERM_LOST : TERM_NOTHING;
    if (kind != KEY_CODE_YES)
        ret_key->code = key == '\n' ? '\r' : key == 127 || key == 8 ? K_BACKSPACE : (int)key;
    else if (key == KEY_MOUSE)
        take_mouse(ret_key);
    else
        ret_key->code = code_of((int)key);
    return TERM_KEY;
}

/* --- the clipboard --- */

bool term_copy(const char *text)
{
    struct buf bytes = BUF_INIT;
    size_t len = strlen(text);

    if (len > COPY_BYTES_MAX)
        return false;
    buf_adds(&bytes, "\033]52;c;");
    text_base64(&bytes, (const uint8_t *)text, len);
    buf_adds(&bytes, "\a");
    ssize_t ignored = write(STDOUT_FILENO, bytes.data, bytes.len);
    (void)ignored;
    buf_done(&bytes);
    return true;
}
