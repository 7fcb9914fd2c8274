/* SPDX-License-Identifier: PostgreSQL */
#include "base/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <strings.h>

#include "base/json.h"
#include "base/text.h"

/* Lines kept until log_open says where they go. */
#define EARLY_LINES 64

static struct {
    pthread_mutex_t lock;
    enum log_level level;
    bool json, opened;
    FILE *out;
    char run_id[40];
    char *early[EARLY_LINES];
    size_t early_count;
    void (*before)(void);
    void (*after)(void);
    log_tap tap;
    void *tap_state;
} logger = {.lock = PTHREAD_MUTEX_INITIALIZER, .level = LOG_INFO};

static const char *const names[] = {"ERROR", "WARN", "INFO", "DEBUG", "TRACE"};
static const char *const json_names[] = {"error", "warn", "info", "debug", "trace"};

static void write_line(const char *line)
{
    FILE *out = logger.out ? logger.out : stderr;

    if (out == stderr && logger.before)
        logger.before();
    fputs(line, out);
    fflush(out);
    if (out == stderr && logger.after)
        logger.after();
}

static void keep_or_write(struct buf *line)
{
    buf_addc(line, '\n');
    if (logger.opened)
        write_line(buf_str(line));
    else if (logger.early_count < EARLY_LINES)
        logger.early[logger.early_count++] = buf_steal(line);
}

static void log_json(enum log_level level, const char *message, const struct err *err,
                     struct buf *line)
{
    struct buf now = BUF_INIT;
    struct json_out j = json_out(line, 0);

    text_add_time(&now, text_now_us());
    json_begin_object(&j);
    json_put_str(&j, "ts", buf_str(&now));
    json_put_str(&j, "level", json_names[level]);
    if (logger.run_id[0])
        json_put_str(&j, "run_id", logger.run_id);
    json_put_str(&j, "message", message);
    if (err) {
        json_put_str(&j, "code", err_code(err->kind));
        json_put_str(&j, "where", err->where);
        json_put_str(&j, "why", err->why);
        json_put_str(&j, "hint", err->hint);
    }
    json_end(&j);
    buf_done(&now);
}

static void log_text(enum log_level level, const char *message, struct buf *line)
{
    struct buf now = BUF_INIT;

    text_add_time(&now, text_now_us());
    buf_addf(line, "%.19sZ %-5s ", buf_str(&now), names[level]);
    /* One event, one line: data may hold anything. */
    for (const char *c = message; *c; c++)
        buf_addc(line, (unsigned char)*c < 0x20 || *c == 0x7f ? ' ' : *c);
    buf_done(&now);
}

static void emit(enum log_level level, const char *message, const struct err *err)
{
    struct buf line = BUF_INIT;

    pthread_mutex_lock(&logger.lock);
    if (logger.tap && level <= LOG_INFO)
        logger.tap(level, message, logger.tap_state);
    if (level > logger.level) {
        pthread_mutex_unlock(&logger.lock);
        return;
    }
    if (logger.opened && logger.json)
        log_json(level, err ? err->what : message, err, &line);
    else
        log_text(level, message, &line);
    keep_or_write(&line);
    pthread_mutex_unlock(&logger.lock);
    buf_done(&line);
}

bool log_open(const struct log_params *params, struct err *err)
{
    FILE *out = NULL;

    if (params->file) {
        out = fopen(params->file, "ae");
        if (!out)
            return err_sys(err, ERR_CONFIG, errno, "cannot open the log file %s", params->file);
    }
    pthread_mutex_lock(&logger.lock);
    logger.out = out;
    logger.level = params->level;
    logger.json = params->json;
    logger.opened = true;
    if (params->run_id)
        snprintf(logger.run_id, sizeof(logger.run_id), "%s", params->run_id);
    for (size_t i = 0; i < logger.early_count; i++) {
        write_line(logger.early[i]);
        free(logger.early[i]);
    }
    logger.early_count = 0;
    pthread_mutex_unlock(&logger.lock);
    return true;
}

void log_set_run(const char *run_id)
{
    pthread_mutex_lock(&logger.lock);
    snprintf(logger.run_id, sizeof(logger.run_id), "%s", run_id);
    pthread_mutex_unlock(&logger.lock);
}

void log_close(void)
{
    pthread_mutex_lock(&logger.lock);
    logger.opened = true;
    for (size_t i = 0; i < logger.early_count; i++) {
        write_line(logger.early[i]);
        free(logger.early[i]);
    }
    logger.early_count = 0;
    if (logger.out)
        fclose(logger.out);
    logger.out = NULL;
    pthread_mutex_unlock(&logger.lock);
}

bool log_level_from(const char *name, enum log_level *ret_level)
{
    static const struct {
        const char *name;
        enum log_level level;
    } levels[] = {{"error", LOG_ERROR},  {"critical", LOG_ERROR}, {"warn", LOG_WARN},
                  {"warning", LOG_WARN}, {"info", LOG_INFO},      {"debug", LOG_DEBUG},
                  {"trace", LOG_TRACE}};

    for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
        if (strcasecmp(name, levels[i].name) == 0) {
            *ret_level = levels[i].level;
            return true;
        }
    }
    return false;
}

bool log_on(enum log_level level)
{
    pthread_mutex_lock(&logger.lock);
    bool on = level <= logger.level || (logger.tap && level <= LOG_INFO);
    pthread_mutex_unlock(&logger.lock);
    return on;
}

void log_msg(enum log_level level, const char *format, ...)
{
    va_list args;
    char *message = NULL;

    if (!log_on(level))
        return;
    va_start(args, format);
    if (vasprintf(&message, format, args) >= 0)
        emit(level, message, NULL);
    va_end(args);
    free(message);
}

void log_err(enum log_level level, const struct err *err)
{
    char line[1024];

    if (!log_on(level))
        return;
    err_line(err, line, sizeof(line));
    emit(level, line, err);
}

void log_tap_set(log_tap tap, void *state)
{
    pthread_mutex_lock(&logger.lock);
    logger.tap = tap;
    logger.tap_state = state;
    pthread_mutex_unlock(&logger.lock);
}

void log_on_write(void (*before)(void), void (*after)(void))
{
    pthread_mutex_lock(&logger.lock);
    logger.before = before;
    logger.after = after;
    pthread_mutex_unlock(&logger.lock);
}
