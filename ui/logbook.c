/* SPDX-License-Identifier: PostgreSQL */
#include "logbook.h"

#include <pthread.h>

#include "base/log.h"
#include "base/text.h"

enum { LINES = 500 };

/* The log is the process's own, and so is this. */
static struct {
    pthread_mutex_t lock;
    char lines[LINES][400];
    size_t count; /* ever */
} book = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void take(enum log_level level, const char *text, void *state)
{
    static const char *const names[] = {"error", "warn", "info"};
    struct buf at = BUF_INIT;

    (void)state;
    text_add_time(&at, text_now_us() / 1000000 * 1000000);
    pthread_mutex_lock(&book.lock);
    char *line = book.lines[book.count++ % LINES];
    snprintf(line, sizeof(book.lines[0]), "%.19s %-5s %s", buf_str(&at),
             names[level < LOG_INFO ? level : LOG_INFO], text);
    pthread_mutex_unlock(&book.lock);
    buf_done(&at);
}

void logbook_open(void)
{
    log_tap_set(take, NULL);
}

void logbook_close(void)
{
    log_tap_set(NULL, NULL);
}

void logbook_read(struct buf *ret_text)
{
    pthread_mutex_lock(&book.lock);
    for (size_t i = book.count > LINES ? book.count - LINES : 0; i < book.count; i++)
        buf_addf(ret_text, "%s\n", book.lines[i % LINES]);
    pthread_mutex_unlock(&book.lock);
}
