/* SPDX-License-Identifier: PostgreSQL
 *
 * watch: live runs of this host, until they end. On a terminal a few lines a run, repainted; else a
 * line now and then; with --json each snapshot as it comes.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/text.h"
#include "command.h"
#include "control_client.h"
#include "output.h"
#include "progress_json.h"

enum { EVERY_MS = 1000, EVERY_MS_PLAIN = 5000 };

struct watched {
    struct control_run run;
    struct control_client *client; /* NULL: it has ended */
    struct control_message message;
    bool seen; /* a snapshot came */
};

struct watch {
    const struct call *call;
    struct watched *runs;
    size_t count;
    bool terminal;
    unsigned painted; /* lines on the screen */
};

/* --- words --- */

static void add_share(int64_t done, int64_t total, struct buf *text)
{
    if (total <= 0) {
        buf_adds(text, "      ");
        return;
    }
    double share = done >= total ? 1 : (double)done / (double)total;
    buf_addf(text, "%3.0f%%  ", share * 100);
}

static void add_pace(double rate, double left, struct buf *text)
{
    if (rate >= 1) {
        buf_adds(text, "  ");
        text_add_count(text, (uint64_t)rate);
        buf_adds(text, " rows/s");
    }
    if (left > 0) {
        buf_adds(text, "  ");
        text_add_duration(text, left);
        buf_adds(text, " left");
    }
}

static void add_rows(int64_t done, int64_t total, struct buf *text)
{
    text_add_count(text, (uint64_t)done);
    if (total > 0) {
        buf_adds(text, "/~");
        text_add_count(text, (uint64_t)total);
    }
    buf_adds(text, " rows");
}

static void compose_run(const struct progress_snapshot *s, struct buf *text)
{
    buf_addf(text, "%s  %s %s  ", s->run_id, s->kind, s->status[0] ? s->status : s->state);
    text_add_duration(text, s->seconds);
    buf_adds(text, "  ");
    add_share(s->rows_done, s->rows_total, text);
    add_rows(s->rows_done, s->rows_total, text);
    add_pace(s->rows_per_second, s->exit_code >= 0 ? -1 : s->seconds_left, text);
}

static void compose_table(const struct progress_table *t, struct buf *text)
{
    buf_addf(text, "  %-8s", t->wait[0] ? "waits" : progress_state_name(t->state));
    buf_addf(text, "%s.%s  ", t->database, t->table);
    if (t->error[0]) {
        buf_adds(text, t->error);
        return;
    }
    if (t->wait[0]) {
        buf_adds(text, t->why);
        return;
    }
    if (t->state == TABLE_WAITING || t->state == TABLE_SKIPPED)
        return;
    int64_t done = t->rows_done + t->rows_in_flight;
    add_share(done, t->state == TABLE_RUNNING ? t->rows_total : 0, text);
    add_rows(done, t->state == TABLE_RUNNING ? t->rows_total : 0, text);
    if (t->state == TABLE_RUNNING) {
        add_pace(t->rows_per_second, t->seconds_left, text);
        buf_adds(text, "  ");
        if (strcmp(t->phase, "vacuum") != 0)
            buf_addf(text, "batch %" PRId64 " ", t->batches + 1);
        progress_doing(t, text);
    }
}

static void compose_server(const struct progress_server *s, struct buf *text)
{
    buf_addf(text, "  server  %s  ", s->database);
    if (s->asked > 5) {
        buf_adds(text, "does not answer since ");
        text_add_duration(text, s->asked);
        return;
    }
    buf_addf(text, "backends %" PRId64 "/%" PRId64 "  blocked by us %" PRId64, s->backends,
             s->backends_max, s->blocked);
    if (s->blocked_seconds >= 0)
        buf_addf(text, " (%.0f s)", s->blocked_seconds);
    if (s->active >= 0)
        buf_addf(text, "  active %" PRId64, s->active);
    if (s->lag >= 0)
        buf_addf(text, "  lag %.1f s", s->lag);
    if (s->transaction_age >= 0)
        buf_addf(text, "  transaction %.1f s", s->transaction_age);
    if (s->wal_per_second >= 0) {
        buf_adds(text, "  WAL ");
        text_add_bytes(text, (uint64_t)s->wal_per_second);
        buf_adds(text, "/s");
    }
}

/* --- on a terminal --- */

static void window(unsigned *ret_rows, unsigned *ret_columns)
{
    struct winsize size;
    bool known =
        ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 20 && size.ws_row > 2;

    *ret_rows = known ? size.ws_row : 24;
    *ret_columns = known ? size.ws_col : 80;
}

/* One line, cut at a whole character where it is too wide; the last row of the window stays free.
 */
static void put(struct watch *w, struct buf *line, unsigned rows, unsigned columns)
{
    if (w->painted + 1 < rows) {
        size_t len = line->len;
        while (text_width(buf_str(line)) >= columns) {
            len--;
            while (len > 0 && ((unsigned char)line->data[len] & 0xc0) == 0x80)
                len--;
            line->data[len] = '\0';
            line->len = len;
        }
        printf("%s\033[K\n", buf_str(line));
        w->painted++;
    }
    buf_reset(line);
}

static bool is_worth_a_line(const struct progress_table *t)
{
    return t->state != TABLE_WAITING && t->state != TABLE_DONE;
}

static void paint(struct watch *w)
{
    struct buf line = BUF_INIT;
    unsigned rows, columns;

    window(&rows, &columns);
    if (w->painted > 0)
        printf("\033[%uA\r", w->painted);
    unsigned before = w->painted;
    w->painted = 0;
    for (size_t i = 0; i < w->count; i++) {
        const struct progress_snapshot *s = &w->runs[i].message.snapshot;
        if (!w->runs[i].seen)
            continue;
        compose_run(s, &line);
        put(w, &line, rows, columns);
        for (size_t t = 0; t < s->table_count; t++) {
            if (!is_worth_a_line(&s->tables[t]))
                continue;
            compose_table(&s->tables[t], &line);
            put(w, &line, rows, columns);
        }
        if (s->server.database[0] && s->exit_code < 0) {
            compose_server(&s->server, &line);
            put(w, &line, rows, columns);
        }
    }
    if (w->painted < before)
        fputs("\033[J", stdout);
    fflush(stdout);
    buf_done(&line);
}

/* --- everywhere --- */

static void print_plain(const struct progress_snapshot *s)
{
    struct buf line = BUF_INIT;

    compose_run(s, &line);
    for (size_t i = 0; i < s->table_count; i++) {
        if (s->tables[i].state == TABLE_RUNNING) {
            buf_adds(&line, "  ");
            compose_table(&s->tables[i], &line);
        }
    }
    puts(buf_str(&line));
    fflush(stdout);
    buf_done(&line);
}

static void print_snapshot(struct watch *w, const struct progress_snapshot *s)
{
    struct buf json = BUF_INIT;
    struct json_out j = json_out(&json, 0);

    if (w->terminal) {
        paint(w);
    } else if (w->call->options.json) {
        progress_json_write(s, &j);
        output_json(&json);
        fflush(stdout);
    } else {
        print_plain(s);
    }
}

/* What came of one run; its end closes the client. */
static bool take(struct watch *w, struct watched *r, struct err *err)
{
    for (;;) {
        if (!control_next(r->client, 0, &r->message, err))
            return false;
        if (r->message.event == CONTROL_NOTHING)
            return true;
        if (r->message.event == CONTROL_SNAPSHOT) {
            r->seen = true;
            print_snapshot(w, &r->message.snapshot);
        }
        if (r->message.event == CONTROL_END) {
            control_disconnect(r->client);
            r->client = NULL;
            return true;
        }
    }
}

static bool watch_all(struct watch *w, struct err *err)
{
    struct pollfd *fds = mem_alloc((w->count + 1) * sizeof(*fds));
    size_t left = w->count;
    bool ok = true;

    while (ok && left > 0 && !stop_asked(w->call->stop) && !ferror(stdout)) {
        fds[0] = (struct pollfd){.fd = stop_fd(w->call->stop), .events = POLLIN};
        for (size_t i = 0; i < w->count; i++)
            fds[i + 1] =
                (struct pollfd){.fd = w->runs[i].client ? control_fd(w->runs[i].client) : -1,
                                .events = POLLIN};
        if (poll(fds, w->count + 1, -1) < 0 && errno != EINTR)
            ok = err_sys(err, ERR_RESOURCE, errno, "cannot wait for the runs");
        left = 0;
        for (size_t i = 0; ok && i < w->count; i++) {
            if (w->runs[i].client && fds[i + 1].revents)
                ok = take(w, &w->runs[i], err);
            left += w->runs[i].client != NULL;
        }
    }
    free(fds);
    return ok;
}

/* --- which --- */

static bool choose(const struct call *call, struct control_runs *runs, struct err *err)
{
    struct control_run one;

    if (call->arg_count == 0) {
        control_list(runs);
        if (runs->count > 0)
            return true;
        return control_find(NULL, &one, err); /* says that there is none */
    }
    if (!control_find(call->args[0], &one, err))
        return false;
    *runs = (struct control_runs){.items = mem_alloc(sizeof(one)), .count = 1};
    runs->items[0] = one;
    return true;
}

static bool attach(struct watch *w, const struct control_runs *runs, struct err *err)
{
    int64_t every = w->terminal || w->call->options.json ? EVERY_MS : EVERY_MS_PLAIN;

    w->runs = mem_alloc(runs->count * sizeof(*w->runs));
    for (size_t i = 0; i < runs->count; i++) {
        struct watched *r = &w->runs[w->count];
        r->run = runs->items[i];
        r->client = control_connect(&r->run, err);
        if (r->client && control_subscribe(r->client, every, -1, err))
            w->count++;
        else
            control_disconnect(r->client);
    }
    return w->count > 0;
}

/* Of one run its own; a run that was killed has none. */
static int exit_code(const struct watch *w)
{
    const struct watched *r = &w->runs[0];

    if (w->call->arg_count == 0 || r->client)
        return 0;
    return r->seen && r->message.snapshot.exit_code >= 0 ? r->message.snapshot.exit_code
                                                         : err_exit_code(ERR_DATABASE);
}

static int run(const struct call *call, struct err *err)
{
    struct watch w = {.call = call, .terminal = isatty(STDOUT_FILENO) && !call->options.json};
    struct control_runs runs = {0};
    bool ok = choose(call, &runs, err) && attach(&w, &runs, err) && watch_all(&w, err);
    int code = ok ? exit_code(&w) : err_exit_code(err->kind);

    for (size_t i = 0; i < w.count; i++) {
        control_disconnect(w.runs[i].client);
        control_message_done(&w.runs[i].message);
    }
    free(w.runs);
    control_runs_done(&runs);
    return code;
}

const struct command cmd_watch = {
    .name = "watch",
    .summary = "look at live runs of this host until they end",
    .usage = "[RUN] [FLAGS]",
    .details = "RUN is an id or its end behind the '-'; without one, all that go on now. Ctrl-C\n"
               "ends the watching, never the run. With RUN, the exit code is the run's.\n"
               "--json prints a snapshot a line (doc/control.md).\n\n"
               "Examples:\n"
               "  archiver-tui watch\n"
               "  archiver-tui watch 7f3a --json\n",
    .args_max = 1,
    .run = run,
};
