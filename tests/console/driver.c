/* SPDX-License-Identifier: PostgreSQL
 *
 * A terminal for tests: starts a program in a pty, presses keys, and reads the screen as a person
 * would see it, through libvterm. Speaks a line a step, from stdin:
 *
 *   spawn WORDS...         the program, in a window of `size`
 *   size ROWS COLS         before spawn; resize ROWS COLS: while it runs
 *   key NAMES...           Enter Esc Tab Up Down Left Right PgUp PgDn Home End BS Space C-x, or one
 *                          character
 *   type TEXT              the rest of the line
 *   wait [SECONDS] TEXT    until the screen holds the text (20 s)
 *   gone [SECONDS] TEXT    until it does not
 *   quiet MS               until nothing comes for so long
 *   screen                 prints it as text
 *   cells FILE             writes it as JSON, with colours
 *   has TEXT, lacks TEXT   now
 *   sent TEXT              the program has sent these bytes, \e is Esc
 *   look TEXT              prints the colours and attributes of the text's first cell
 *   bytes                  prints how many bytes came since it was last asked
 *   clock                  prints the milliseconds since it was last asked, or since spawn
 *   cpu                    prints the milliseconds of CPU that the program used so far
 *   random SEED COUNT      presses keys at random
 *   signal NUMBER [PID]    to the program, or another; hangup: closes the terminal
 *   exits [CODE]           waits for the end; prints nothing, or fails where the code differs
 *   settings               prints "same" or "changed": the terminal's, against those before spawn
 *   run COMMAND            of the shell, meanwhile
 *   sleep SECONDS
 *
 * What fails is said with the screen as it is, and the exit code is 1.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <locale.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include <utmp.h>
#include <vterm.h>

enum { WAIT_MS = 20000, WORDS_MAX = 64 };

static struct {
    VTerm *vt;
    VTermScreen *screen;
    int rows, cols;
    int fd, slave; /* slave: kept open, to look at its settings */
    pid_t pid;
    bool ended;
    int status;
    struct termios found;
    char *raw; /* all that came */
    size_t raw_len, raw_cap, asked;
    int64_t clock_us;
    int line;
} t = {.rows = 24, .cols = 80, .fd = -1, .slave = -1};

static int64_t now_us(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static int64_t now_ms(void)
{
    return now_us() / 1000;
}

/* --- the screen --- */

static size_t put_utf8(char *out, uint32_t c)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xc0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xe0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3f));
        out[2] = (char)(0x80 | (c & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3f));
    out[2] = (char)(0x80 | (c >> 6 & 0x3f));
    out[3] = (char)(0x80 | (c & 0x3f));
    return 4;
}

static void read_cell(int row, int col, VTermScreenCell *cell)
{
    vterm_screen_get_cell(t.screen, (VTermPos){row, col}, cell);
}

/* One row, without the blanks at its end. The right half of a wide character is left out. */
static void read_row(int row, char *ret)
{
    size_t len = 0, end = 0;

    for (int col = 0; col < t.cols; col++) {
        VTermScreenCell cell;
        read_cell(row, col, &cell);
        if (cell.chars[0] == (uint32_t)-1)
            continue;
        if (cell.chars[0] == 0)
            ret[len++] = ' ';
        for (int i = 0; i < VTERM_MAX_CHARS_PER_CELL && cell.chars[i]; i++)
            len += put_utf8(ret + len, cell.chars[i]);
        if (cell.chars[0] != 0 && cell.chars[0] != ' ')
            end = len;
        if (cell.width == 2)
            col++;
    }
    ret[end] = '\0';
}

static size_t row_size(void)
{
    return (size_t)t.cols * VTERM_MAX_CHARS_PER_CELL * 4 + 1;
}

static void print_screen(FILE *out)
{
    char *row = malloc(row_size());

    for (int i = 0; i < t.rows; i++) {
        read_row(i, row);
        fprintf(out, "%s\n", row);
    }
    free(row);
}

static bool on_screen(const char *text)
{
    char *row = malloc(row_size());
    bool found = false;

    for (int i = 0; i < t.rows && !found; i++) {
        read_row(i, row);
        found = strstr(row, text) != NULL;
    }
    free(row);
    return found;
}

__attribute__((format(printf, 1, 2))) static void fail(const char *format, ...)
{
    va_list args;

    fflush(stdout);
    fprintf(stderr, "line %d: ", t.line);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputs("\n", stderr);
    if (t.screen)
        print_screen(stderr);
    if (t.pid > 0 && !t.ended)
        kill(t.pid, SIGKILL);
    exit(1);
}

/* --- the program --- */

static void answer(void)
{
    char bytes[256];
    size_t n;

    while ((n = vterm_output_read(t.vt, bytes, sizeof(bytes))) > 0) {
        if (write(t.fd, bytes, n) < 0)
            return;
    }
}

/* False: nothing came within the time. */
static bool take(int timeout_ms)
{
    struct pollfd fd = {.fd = t.fd, .events = POLLIN};
    char bytes[65536];

    if (t.fd < 0 || poll(&fd, 1, timeout_ms) <= 0)
        return false;
    ssize_t n = read(t.fd, bytes, sizeof(bytes));
    if (n <= 0)
        return false;
    if (t.raw_len + (size_t)n > t.raw_cap) {
        t.raw_cap = (t.raw_len + (size_t)n) * 2;
        t.raw = realloc(t.raw, t.raw_cap);
    }
    memcpy(t.raw + t.raw_len, bytes, (size_t)n);
    t.raw_len += (size_t)n;
    vterm_input_write(t.vt, bytes, (size_t)n);
    answer();
    return true;
}

static void look_after(void)
{
    if (t.pid > 0 && !t.ended && waitpid(t.pid, &t.status, WNOHANG) == t.pid)
        t.ended = true;
}

static int split(char *text, char **words)
{
    int n = 0;

    for (char *word = strtok(text, " "); word && n < WORDS_MAX; word = strtok(NULL, " "))
        words[n++] = word;
    words[n] = NULL;
    return n;
}

static void spawn(char *text)
{
    struct winsize size = {.ws_row = (unsigned short)t.rows, .ws_col = (unsigned short)t.cols};
    char *words[WORDS_MAX + 1];

    split(text, words);
    t.vt = vterm_new(t.rows, t.cols);
    vterm_set_utf8(t.vt, 1);
    t.screen = vterm_obtain_screen(t.vt);
    vterm_screen_enable_altscreen(t.screen, 1);
    vterm_screen_reset(t.screen, 1);
    if (openpty(&t.fd, &t.slave, NULL, NULL, &size) != 0)
        fail("no pty: %s", strerror(errno));
    tcgetattr(t.slave, &t.found);
    fcntl(t.fd, F_SETFD, FD_CLOEXEC);
    t.clock_us = now_us();
    t.pid = fork();
    if (t.pid == 0) {
        close(t.fd);
        login_tty(t.slave);
        execvp(words[0], words);
        _exit(127);
    }
}

static void send_bytes(const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = write(t.fd, bytes, len);
        if (n <= 0)
            return; /* it may have ended */
        bytes += n;
        len -= (size_t)n;
        take(0);
    }
}

/* --- keys --- */

static const struct {
    const char *name, *bytes;
} keys[] = {
    {"Enter", "\r"},     {"Esc", "\033"},     {"Tab", "\t"},      {"Up", "\033[A"},
    {"Down", "\033[B"},  {"Right", "\033[C"}, {"Left", "\033[D"}, {"PgUp", "\033[5~"},
    {"PgDn", "\033[6~"}, {"Home", "\033[H"},  {"End", "\033[F"},  {"BS", "\177"},
    {"Space", " "},      {"S-Tab", "\033[Z"},
};

/* In application mode, which curses asks for, cursor keys are others. */
static void press(const char *name)
{
    char bytes[8];

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        if (strcmp(keys[i].name, name) != 0)
            continue;
        snprintf(bytes, sizeof(bytes), "%s", keys[i].bytes);
        if (bytes[0] == '\033' && bytes[1] == '[' && isupper(bytes[2]) && bytes[2] != 'Z')
            bytes[1] = 'O';
        send_bytes(bytes, strlen(bytes));
        return;
    }
    if (strncmp(name, "C-", 2) == 0 && name[2]) {
        bytes[0] = name[2] & 0x1f;
        send_bytes(bytes, 1);
        return;
    }
    send_bytes(name, strlen(name));
}

static void press_random(unsigned seed, long count)
{
    /* Not among them: Q and q, Ctrl-C and Ctrl-Z, which end or stop it, and y, which says yes. */
    static const char *const pool[] = {
        "Enter",
        "Esc",
        "Esc",
        "Tab",
        "Up",
        "Down",
        "Left",
        "Right",
        "PgUp",
        "PgDn",
        "Home",
        "End",
        "BS",
        "Space",
        "j",
        "k",
        "g",
        "G",
        "h",
        "l",
        "/",
        "\\",
        ":",
        "?",
        "n",
        "N",
        "v",
        "1",
        "2",
        "3",
        "4",
        "5",
        "6",
        "t",
        "L",
        "M",
        "a",
        "d",
        "r",
        "p",
        "s",
        "X",
        "+",
        "-",
        "0",
        "e",
        "o",
        "T",
        "E",
        "R",
        "B",
        "*",
        "x",
        "C-l",
        "C-b",
        "C-f",
        "C-u",
        "C-w",
        "m",
        "c",
        "\303\251",
        "\346\274\242",
        "\033[<0;10;5M",
        "\033[<64;10;5M",
        "\033[<0;3;4M",
    };

    for (long i = 0; i < count; i++) {
        seed = seed * 1103515245 + 12345;
        press(pool[(seed >> 16) % (sizeof(pool) / sizeof(pool[0]))]);
        /* Now and then it gets the time that a person takes. */
        if (i % 16 == 0)
            take(5);
        look_after();
        if (t.ended)
            fail("it ended with status %d after %ld keys", t.status, i + 1);
    }
}

/* --- steps --- */

/* "[SECONDS] TEXT" */
static const char *time_limit(const char *text, int *ret_ms)
{
    char *end;
    double seconds = strtod(text, &end);

    *ret_ms = WAIT_MS;
    if (end == text || *end != ' ')
        return text;
    *ret_ms = (int)(seconds * 1000);
    return end + 1;
}

static void wait_for(const char *text, bool there)
{
    int limit_ms;
    const char *what = time_limit(text, &limit_ms);
    int64_t until = now_ms() + limit_ms;

    while (on_screen(what) != there) {
        if (now_ms() >= until)
            fail("%s: \"%s\"", there ? "did not come" : "did not go", what);
        look_after();
        if (!take(50) && t.ended && on_screen(what) != there)
            fail("it ended with status %d before \"%s\"", t.status, what);
    }
}

static void wait_quiet(int ms)
{
    int64_t until = now_ms() + WAIT_MS;

    while (take(ms) && now_ms() < until)
        ;
}

static void resize(int rows, int cols)
{
    struct winsize size = {.ws_row = (unsigned short)rows, .ws_col = (unsigned short)cols};

    t.rows = rows;
    t.cols = cols;
    if (!t.vt)
        return;
    vterm_set_size(t.vt, rows, cols);
    ioctl(t.fd, TIOCSWINSZ, &size);
    take(0);
}

static void check_sent(const char *text)
{
    char bytes[512];
    size_t len = 0;

    for (; *text && len < sizeof(bytes); text++) {
        bool esc = text[0] == '\\' && text[1] == 'e';
        bytes[len++] = esc ? '\033' : *text;
        text += esc;
    }
    wait_quiet(200);
    if (!memmem(t.raw, t.raw_len, bytes, len))
        fail("it has not sent that");
}

static void wait_exit(const char *text)
{
    int64_t until = now_ms() + WAIT_MS;

    while (!t.ended && now_ms() < until) {
        take(50);
        look_after();
    }
    if (!t.ended)
        fail("it goes on");
    wait_quiet(50);
    int code = WIFEXITED(t.status) ? WEXITSTATUS(t.status) : 128 + WTERMSIG(t.status);
    if (*text && code != atoi(text))
        fail("exit code %d", code);
}

static void print_settings(void)
{
    struct termios settings;

    wait_quiet(100);
    tcgetattr(t.slave, &settings);
    bool same = settings.c_iflag == t.found.c_iflag && settings.c_oflag == t.found.c_oflag &&
                settings.c_lflag == t.found.c_lflag && settings.c_cflag == t.found.c_cflag;
    puts(same ? "same" : "changed");
}

static void print_cpu(void)
{
    char path[64], line[1024] = "";
    unsigned long user = 0, system = 0;

    snprintf(path, sizeof(path), "/proc/%d/stat", (int)t.pid);
    FILE *file = fopen(path, "r");
    if (file && fgets(line, sizeof(line), file)) {
        const char *rest = strrchr(line, ')');
        sscanf(rest ? rest + 2 : "", "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
               &system);
    }
    if (file)
        fclose(file);
    printf("%ld\n", (long)((user + system) * 1000 / (unsigned long)sysconf(_SC_CLK_TCK)));
}

/* --- colours --- */

static void print_color(FILE *out, const char *name, VTermColor color)
{
    if (VTERM_COLOR_IS_DEFAULT_FG(&color) || VTERM_COLOR_IS_DEFAULT_BG(&color)) {
        fprintf(out, "\"%s\":null", name);
        return;
    }
    vterm_screen_convert_color_to_rgb(t.screen, &color);
    fprintf(out, "\"%s\":\"#%02x%02x%02x\"", name, color.rgb.red, color.rgb.green, color.rgb.blue);
}

static void write_cell(FILE *out, const VTermScreenCell *cell)
{
    char text[VTERM_MAX_CHARS_PER_CELL * 4 + 1];
    size_t len = 0;

    for (int i = 0; i < VTERM_MAX_CHARS_PER_CELL && cell->chars[i]; i++)
        len += put_utf8(text + len, cell->chars[i]);
    text[len] = '\0';
    if (len == 0)
        strcpy(text, " ");
    fputs("{\"text\":\"", out);
    for (const char *p = text; *p; p++)
        fprintf(out, *p == '"' || *p == '\\' ? "\\%c" : "%c", *p);
    fprintf(out, "\",\"width\":%d,\"bold\":%d,\"reverse\":%d,\"underline\":%d,", cell->width,
            cell->attrs.bold, cell->attrs.reverse, cell->attrs.underline != 0);
    print_color(out, "fg", cell->fg);
    fputs(",", out);
    print_color(out, "bg", cell->bg);
    fputs("}", out);
}

static void write_cells(const char *path)
{
    FILE *out = fopen(path, "w");

    if (!out)
        fail("cannot write %s", path);
    fprintf(out, "{\"rows\":%d,\"cols\":%d,\"cells\":[", t.rows, t.cols);
    for (int row = 0; row < t.rows; row++) {
        fputs(row ? ",\n[" : "\n[", out);
        for (int col = 0; col < t.cols; col++) {
            VTermScreenCell cell;
            read_cell(row, col, &cell);
            fputs(col ? "," : "", out);
            write_cell(out, &cell);
        }
        fputs("]", out);
    }
    fputs("]}\n", out);
    fclose(out);
}

static void print_look(const char *text)
{
    char *row = malloc(row_size());

    for (int i = 0; i < t.rows; i++) {
        read_row(i, row);
        const char *at = strstr(row, text);
        if (!at)
            continue;
        int col = 0; /* columns before it, if none of them is wide */
        for (const char *p = row; p < at; p++)
            col += ((unsigned char)*p & 0xc0) != 0x80;
        VTermScreenCell cell;
        read_cell(i, col, &cell);
        printf("bold %d reverse %d underline %d ", cell.attrs.bold, cell.attrs.reverse,
               cell.attrs.underline != 0);
        print_color(stdout, "fg", cell.fg);
        fputs(" ", stdout);
        print_color(stdout, "bg", cell.bg);
        fputs("\n", stdout);
        free(row);
        return;
    }
    free(row);
    fail("not on the screen: \"%s\"", text);
}

/* --- the script --- */

static void two_numbers(const char *text, long *a, long *b)
{
    if (sscanf(text, "%ld %ld", a, b) != 2)
        fail("two numbers are expected");
}

static void step(const char *verb, char *rest)
{
    long a = 0, b = 0;

    if (strcmp(verb, "spawn") == 0) {
        spawn(rest);
    } else if (strcmp(verb, "size") == 0 || strcmp(verb, "resize") == 0) {
        two_numbers(rest, &a, &b);
        resize((int)a, (int)b);
    } else if (strcmp(verb, "key") == 0) {
        char *names[WORDS_MAX + 1];
        int n = split(rest, names);
        for (int i = 0; i < n; i++) {
            press(names[i]);
            take(strcmp(names[i], "Esc") == 0 ? 60 : 2); /* apart from what follows */
        }
    } else if (strcmp(verb, "type") == 0) {
        send_bytes(rest, strlen(rest));
    } else if (strcmp(verb, "wait") == 0) {
        wait_for(rest, true);
    } else if (strcmp(verb, "gone") == 0) {
        wait_for(rest, false);
    } else if (strcmp(verb, "has") == 0 || strcmp(verb, "lacks") == 0) {
        wait_quiet(30); /* what has begun to come */
        if (on_screen(rest) != (verb[0] == 'h'))
            fail("%s: \"%s\"", verb, rest);
    } else if (strcmp(verb, "quiet") == 0) {
        wait_quiet(atoi(rest));
    } else if (strcmp(verb, "screen") == 0) {
        print_screen(stdout);
    } else if (strcmp(verb, "cells") == 0) {
        write_cells(rest);
    } else if (strcmp(verb, "look") == 0) {
        print_look(rest);
    } else if (strcmp(verb, "sent") == 0) {
        check_sent(rest);
    } else if (strcmp(verb, "bytes") == 0) {
        printf("%zu\n", t.raw_len - t.asked);
        t.asked = t.raw_len;
    } else if (strcmp(verb, "clock") == 0) {
        int64_t now = now_us();
        printf("%.1f\n", (double)(now - t.clock_us) / 1000);
        t.clock_us = now;
    } else if (strcmp(verb, "cpu") == 0) {
        print_cpu();
    } else if (strcmp(verb, "random") == 0) {
        two_numbers(rest, &a, &b);
        press_random((unsigned)a, b);
    } else if (strcmp(verb, "signal") == 0) {
        int numbers = sscanf(rest, "%ld %ld", &a, &b);
        kill(numbers == 2 ? (pid_t)b : t.pid, (int)a);
    } else if (strcmp(verb, "hangup") == 0) {
        close(t.slave);
        close(t.fd);
        t.fd = t.slave = -1;
    } else if (strcmp(verb, "exits") == 0) {
        wait_exit(rest);
    } else if (strcmp(verb, "settings") == 0) {
        print_settings();
    } else if (strcmp(verb, "run") == 0) {
        if (system(rest) != 0)
            fail("it failed: %s", rest);
    } else if (strcmp(verb, "sleep") == 0) {
        int64_t until = now_ms() + (int64_t)(atof(rest) * 1000);
        for (int64_t left; (left = until - now_ms()) > 0;) {
            if (t.fd < 0)
                usleep((useconds_t)left * 1000);
            else
                take((int)left);
        }
    } else {
        fail("no such step: %s", verb);
    }
}

int main(void)
{
    char line[4096];

    setlocale(LC_ALL, "C.UTF-8");
    signal(SIGPIPE, SIG_IGN);
    while (fgets(line, sizeof(line), stdin)) {
        t.line++;
        line[strcspn(line, "\n")] = '\0';
        char *verb = line + strspn(line, " ");
        if (!*verb || *verb == '#')
            continue;
        size_t len = strcspn(verb, " ");
        char *rest = verb + len + (verb[len] == ' ');
        verb[len] = '\0';
        step(verb, rest);
    }
    look_after();
    if (t.pid > 0 && !t.ended) {
        kill(t.pid, SIGKILL);
        waitpid(t.pid, &t.status, 0);
    }
    fflush(stdout);
    return 0;
}
