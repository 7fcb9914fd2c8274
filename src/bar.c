/* SPDX-License-Identifier: PostgreSQL
 *
 * The progress of a run while it goes on. The bar owns the last line of stderr: the log takes it
 * off before a line and puts it back after, under one lock, so that nothing tears.
 */
#include "bar.h"

#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"

#define REDRAW_MS 250
#define BAR_MAX   24

struct bar {
    struct progress *progress;
    double interval_s;
    bool terminal;
    int stop_fd;
    pthread_t thread;
};

/* One bar a process, as there is one stderr: what the log's hooks know of it. */
static struct {
    pthread_mutex_t lock;
    char line[512];
    bool shown;
} screen = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void wipe(void)
{
    if (screen.shown)
        fputs("\r\033[K", stderr);
    screen.shown = false;
}

static void draw(void)
{
    if (!screen.line[0]) {
        wipe(); /* between tables: nothing of the last one stays */
        fflush(stderr);
        return;
    }
    fprintf(stderr, "\r%s\033[K", screen.line);
    fflush(stderr);
    screen.shown = true;
}

static void before_log(void)
{
    pthread_mutex_lock(&screen.lock);
    wipe();
}

static void after_log(void)
{
    draw();
    pthread_mutex_unlock(&screen.lock);
}

/* --- what it says --- */

static unsigned terminal_width(void)
{
    struct winsize size;

    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 20 ? size.ws_col : 80;
}

static double share_done(const struct progress_table *t)
{
    int64_t done = t->rows_done + t->rows_in_flight;

    if (t->rows_total <= 0)
        return -1;
    return done >= t->rows_total ? 1 : (double)done / (double)t->rows_total;
}

static void add_doing(const struct progress_table *t, struct buf *text)
{
    buf_adds(text, "  ");
    if (strcmp(t->phase, "vacuum") != 0)
        buf_addf(text, "batch %" PRId64 " ", t->batches + 1);
    progress_doing(t, text);
}

static void add_numbers(const struct progress_table *t, struct buf *text)
{
    text_add_count(text, (uint64_t)(t->rows_done + t->rows_in_flight));
    if (t->rows_total > 0) {
        buf_adds(text, "/~");
        text_add_count(text, (uint64_t)t->rows_total);
    }
    buf_adds(text, " rows");
    if (t->rows_per_second >= 1) {
        buf_adds(text, "  ");
        text_add_count(text, (uint64_t)t->rows_per_second);
        buf_adds(text, " rows/s");
    }
    if (t->seconds_left >= 0 && t->rows_total > 0) {
        buf_adds(text, "  ");
        text_add_duration(text, t->seconds_left);
        buf_adds(text, " left");
    }
    if (t->wait[0])
        buf_addf(text, "  waits: %s", t->why);
    else
        add_doing(t, text);
}

static void add_bar(double share, size_t width, struct buf *text)
{
    buf_addc(text, '[');
    for (size_t i = 0; i < width; i++)
        buf_addc(text, (double)i < share * (double)width ? '#' : '.');
    buf_addf(text, "] %3.0f%%  ", share * 100);
}

/* What is shown: the table in work, or all of them together where there are several at a time.
 * False: none is. */
static bool subject_of(struct progress_snapshot *s, struct progress_table *ret, struct buf *name)
{
    size_t running = 0, over = 0;

    for (size_t i = 0; i < s->table_count; i++) {
        running += s->tables[i].state == TABLE_RUNNING;
        over += s->tables[i].state > TABLE_RUNNING;
    }
    if (!progress_now(s))
        return false;
    *ret = *progress_now(s);
    buf_addf(name, "%s.%s  ", ret->database, ret->table);
    if (running < 2)
        return true;
    buf_reset(name);
    buf_addf(name, "%zu tables at work, %zu of %zu done  ", running, over, s->table_count);
    *ret = (struct progress_table){.rows_done = s->rows_done,
                                   .rows_total = s->rows_total,
                                   .batches = s->batches,
                                   .rows_per_second = s->rows_per_second,
                                   .seconds_left = s->seconds_left};
    for (size_t i = 0; i < s->table_count; i++)
        ret->rows_in_flight += s->tables[i].rows_in_flight;
    return true;
}

/* The bar takes what the words leave. */
static void compose(struct progress_snapshot *s, unsigned width, struct buf *line)
{
    struct buf numbers = BUF_INIT, name = BUF_INIT;
    struct progress_table t;

    buf_reset(line);
    if (subject_of(s, &t, &name)) {
        double share = share_done(&t);
        add_numbers(&t, &numbers);
        buf_adds(line, buf_str(&name));
        size_t words = text_width(buf_str(line)) + text_width(buf_str(&numbers)) + 10;
        if (share >= 0 && words + 5 < width)
            add_bar(share, width - words < BAR_MAX ? width - words : BAR_MAX, line);
        buf_adds(line, buf_str(&numbers));
    }
    if (line->len >= width) { /* numbers and names of people's own: cut at a whole character */
        line->len = width - 1;
        while (line->len > 0 && ((unsigned char)line->data[line->len] & 0xc0) == 0x80)
            line->len--;
        line->data[line->len] = '\0';
    }
    buf_done(&numbers);
    buf_done(&name);
}

static void show(struct bar *bar, struct buf *line)
{
    struct progress_snapshot snapshot = {0};

    progress_read(bar->progress, &snapshot);
    compose(&snapshot, bar->terminal ? terminal_width() : 400, line);
    progress_snapshot_done(&snapshot);
    if (!bar->terminal) {
        if (line->len > 0)
            log_msg(LOG_INFO, "progress: %s", buf_str(line));
        return;
    }
    pthread_mutex_lock(&screen.lock);
    snprintf(screen.line, sizeof(screen.line), "%s", buf_str(line));
    draw();
    pthread_mutex_unlock(&screen.lock);
}

static void *bar_thread(void *arg)
{
    struct bar *bar = arg;
    struct pollfd fd = {.fd = bar->stop_fd, .events = POLLIN};
    int wait_ms = bar->terminal ? REDRAW_MS : (int)(bar->interval_s * 1000);
    struct buf line = BUF_INIT;

    pthread_setname_np(pthread_self(), "progress");
    while (poll(&fd, 1, wait_ms) == 0)
        show(bar, &line);
    buf_done(&line);
    return NULL;
}

struct bar *bar_start(struct progress *progress, double interval_s)
{
    struct bar *bar = mem_alloc(sizeof(*bar));

    bar->progress = progress;
    bar->interval_s = interval_s >= 0.1 ? interval_s : 5;
    bar->terminal = isatty(STDERR_FILENO);
    bar->stop_fd = eventfd(0, EFD_CLOEXEC);
    if (bar->stop_fd < 0 || pthread_create(&bar->thread, NULL, bar_thread, bar) != 0) {
        if (bar->stop_fd >= 0)
            close(bar->stop_fd);
        free(bar);
        return NULL; /* a run goes on without its bar */
    }
    if (bar->terminal)
        log_on_write(before_log, after_log);
    return bar;
}

void bar_stop(struct bar *bar)
{
    if (!bar)
        return;
    eventfd_write(bar->stop_fd, 1);
    pthread_join(bar->thread, NULL);
    log_on_write(NULL, NULL);
    wipe();
    fflush(stderr);
    screen.line[0] = '\0';
    close(bar->stop_fd);
    free(bar);
}
