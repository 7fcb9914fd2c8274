/* SPDX-License-Identifier: PostgreSQL */
#include "control_client.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/json.h"
#include "base/text.h"
#include "control_dir.h"
#include "progress_json.h"

#define SUFFIX ".sock"

enum {
    PROTOCOL = 1,
    HELLO_MS = 2000,
    LINE_BYTES_MAX = 64 << 20, /* a snapshot of some ten thousand tables */
};

struct control_client {
    int fd;
    char run_id[40];
    struct buf in;
    size_t taken; /* of in */
};

/* --- who lives --- */

static int connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (strlen(path) >= sizeof(address.sun_path))
        errno = ENAMETOOLONG;
    else if (fd >= 0) {
        memcpy(address.sun_path, path, strlen(path));
        if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
            return fd;
    }
    int failure = errno;
    if (fd >= 0)
        close(fd);
    errno = failure;
    return -1;
}

static void list_one(const char *dir, const char *name, struct control_runs *runs)
{
    struct control_run run = {0};
    size_t len = strlen(name);

    if (*name == '.' || len <= sizeof(SUFFIX) - 1 ||
        len - (sizeof(SUFFIX) - 1) >= sizeof(run.run_id) ||
        strcmp(name + len - (sizeof(SUFFIX) - 1), SUFFIX) != 0)
        return;
    memcpy(run.run_id, name, len - (sizeof(SUFFIX) - 1));
    int n = snprintf(run.path, sizeof(run.path), "%s/%s", dir, name);
    if (n < 0 || (size_t)n >= sizeof(run.path))
        return;
    int fd = connect_to(run.path);
    if (fd < 0) {
        /* Nobody listens, and a socket is only there while somebody does: its run was killed. */
        if (errno == ECONNREFUSED)
            unlink(run.path);
        return;
    }
    struct ucred peer;
    socklen_t size = sizeof(peer);
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0)
        run.pid = peer.pid;
    close(fd);
    runs->items = mem_grow(runs->items, (runs->count + 1) * sizeof(*runs->items));
    runs->items[runs->count++] = run;
}

static void list_dir(const char *path, void *state)
{
    DIR *dir = opendir(path);
    const struct dirent *entry;

    if (!dir)
        return;
    while ((entry = readdir(dir)))
        list_one(path, entry->d_name, state);
    closedir(dir);
}

static int by_id(const void *a, const void *b)
{
    return strcmp(((const struct control_run *)a)->run_id, ((const struct control_run *)b)->run_id);
}

void control_list(struct control_runs *ret_runs)
{
    *ret_runs = (struct control_runs){0};
    control_dirs(list_dir, ret_runs);
    if (ret_runs->count > 1)
        qsort(ret_runs->items, ret_runs->count, sizeof(*ret_runs->items), by_id);
}

void control_runs_done(struct control_runs *runs)
{
    free(runs->items);
    *runs = (struct control_runs){0};
}

static bool is_called(const struct control_run *run, const char *name)
{
    const char *dash = strrchr(run->run_id, '-');

    return strncmp(run->run_id, name, strlen(name)) == 0 || (dash && strcmp(dash + 1, name) == 0);
}

bool control_find(const char *name, struct control_run *ret_run, struct err *err)
{
    struct control_runs runs;
    size_t matches = 0;

    control_list(&runs);
    for (size_t i = 0; i < runs.count; i++) {
        if (name && !is_called(&runs.items[i], name))
            continue;
        *ret_run = runs.items[i];
        if (matches++ > 0)
            break;
    }
    control_runs_done(&runs);
    if (matches == 1)
        return true;
    if (matches > 1) {
        err_set(err, ERR_USAGE, name ? "%s is several runs" : "there are several runs", name);
        return err_hint(err, "say which one: `archiver-tui runs`");
    }
    err_set(err, ERR_NOT_FOUND, name ? "no such run goes on here: %s" : "no run goes on here",
            name);
    return err_hint(err, "`archiver-tui runs` shows those of this host, and past ones");
}

/* --- talking --- */

static bool lost(struct control_client *c, const char *why, struct err *err)
{
    err_set(err, ERR_RESOURCE, "cannot talk to the run");
    err_in(err, "run %s", c->run_id);
    return err_why(err, "%s", why);
}

static bool send_all(struct control_client *c, const struct buf *line, struct err *err)
{
    size_t sent = 0;

    while (sent < line->len) {
        ssize_t n = send(c->fd, line->data + sent, line->len - sent, MSG_NOSIGNAL);
        struct pollfd fd = {.fd = c->fd, .events = POLLOUT};
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            return lost(c, strerror(errno), err);
        sent += n > 0 ? (size_t)n : 0;
        if (n < 0 && poll(&fd, 1, HELLO_MS) == 0)
            return lost(c, "it does not listen", err);
    }
    return true;
}

/* True with *ret_len: a whole line begins at `taken`. */
static bool whole_line(const struct control_client *c, size_t *ret_len)
{
    const char *start = buf_str(&c->in) + c->taken;
    const char *end = c->in.len > c->taken ? memchr(start, '\n', c->in.len - c->taken) : NULL;

    *ret_len = end ? (size_t)(end - start) : 0;
    return end != NULL;
}

/* What is there, without waiting. *ret_end: the other side has closed. */
static bool receive(struct control_client *c, bool *ret_end, struct err *err)
{
    char bytes[65536];
    ssize_t n = recv(c->fd, bytes, sizeof(bytes), 0);

    *ret_end = n == 0 || (n < 0 && errno == ECONNRESET);
    if (n < 0 && errno != EAGAIN && errno != EINTR && errno != ECONNRESET)
        return lost(c, strerror(errno), err);
    if (c->taken == c->in.len) {
        buf_reset(&c->in);
        c->taken = 0;
    }
    if (c->in.len - c->taken > LINE_BYTES_MAX)
        return lost(c, "a line without end", err);
    if (n > 0)
        buf_add(&c->in, bytes, (size_t)n);
    return true;
}

static bool take_message(struct json_object *o, struct control_message *m, struct err *err)
{
    const char *type = json_opt_str(o, "type", "");

    if (strcmp(type, "snapshot") == 0) {
        m->event = CONTROL_SNAPSHOT;
        return progress_json_read(json_opt(o, "snapshot"), &m->snapshot, err);
    }
    if (strcmp(type, "log") == 0) {
        const char *at = json_opt_str(o, "at", "");
        m->event = CONTROL_LOG;
        m->level = LOG_INFO;
        log_level_from(json_opt_str(o, "level", "info"), &m->level);
        text_to_time(at, strlen(at), &m->at_us);
        PROGRESS_SET(m->text, json_opt_str(o, "text", ""));
    } else if (strcmp(type, "missed") == 0) {
        m->event = CONTROL_MISSED;
        m->missed = json_opt_int(o, "lines", 0);
    } else if (strcmp(type, "error") == 0) {
        m->event = CONTROL_REFUSED;
        PROGRESS_SET(m->text, json_opt_str(o, "error", ""));
    } else {
        m->event = strcmp(type, "ok") == 0 ? CONTROL_DONE : CONTROL_NOTHING;
    }
    return true;
}

static bool take_line(struct control_client *c, size_t len, struct control_message *m,
                      struct err *err)
{
    struct json_object *o = json_parse(c->in.data + c->taken, len, "the run's message", err);

    c->taken += len + 1;
    bool ok = o && take_message(o, m, err);
    json_object_put(o);
    return ok || err_in(err, "run %s", c->run_id);
}

bool control_next(struct control_client *c, int timeout_ms, struct control_message *m,
                  struct err *err)
{
    int64_t until_us = text_monotonic_us() + (int64_t)timeout_ms * 1000;
    size_t len;

    m->event = CONTROL_NOTHING;
    for (;;) {
        while (m->event == CONTROL_NOTHING && whole_line(c, &len)) {
            if (!take_line(c, len, m, err))
                return false;
        }
        if (m->event != CONTROL_NOTHING)
            return true;
        struct pollfd fd = {.fd = c->fd, .events = POLLIN};
        int64_t left_ms = (until_us - text_monotonic_us() + 999) / 1000;
        int wait_ms = timeout_ms < 0 ? -1 : left_ms > 0 ? (int)left_ms : 0;
        bool end = false;
        int ready = poll(&fd, 1, wait_ms);
        if (ready < 0 && errno != EINTR)
            return lost(c, strerror(errno), err);
        if (ready <= 0) /* a signal ends the wait, too: the caller has something to look at */
            return true;
        if (!receive(c, &end, err))
            return false;
        if (end) {
            m->event = CONTROL_END;
            return true;
        }
    }
}

void control_message_done(struct control_message *message)
{
    progress_snapshot_done(&message->snapshot);
}

/* The first line says what the other side speaks. */
static bool hello(struct control_client *c, struct err *err)
{
    struct pollfd fd = {.fd = c->fd, .events = POLLIN};
    bool end = false;
    size_t len;

    while (!whole_line(c, &len)) {
        if (poll(&fd, 1, HELLO_MS) <= 0)
            return lost(c, "it does not answer", err);
        if (!receive(c, &end, err))
            return false;
        if (end)
            return lost(c, "it is another user's, or has just ended", err);
    }
    struct json_object *o = json_parse(c->in.data + c->taken, len, "the run's greeting", err);
    int64_t version = json_opt_int(o, "version", 0);
    c->taken += len + 1;
    json_object_put(o);
    if (version == PROTOCOL)
        return true;
    lost(c, "it speaks another version of the protocol", err);
    return err_hint(err, "use the archiver-tui that started it");
}

struct control_client *control_connect(const struct control_run *run, struct err *err)
{
    struct control_client *c = mem_alloc(sizeof(*c));

    PROGRESS_SET(c->run_id, run->run_id);
    c->fd = connect_to(run->path);
    if (c->fd < 0)
        lost(c, strerror(errno), err);
    else if (hello(c, err))
        return c;
    control_disconnect(c);
    return NULL;
}

void control_disconnect(struct control_client *client)
{
    if (!client)
        return;
    if (client->fd >= 0)
        close(client->fd);
    buf_done(&client->in);
    free(client);
}

int control_fd(const struct control_client *client)
{
    return client->fd;
}

static bool send_request(struct control_client *c, struct json_out *j, struct buf *line,
                         struct err *err)
{
    json_end(j);
    buf_addc(line, '\n');
    bool ok = send_all(c, line, err);
    buf_done(line);
    return ok;
}

bool control_ask(struct control_client *c, const char *what, struct err *err)
{
    struct buf line = BUF_INIT;
    struct json_out j = json_out(&line, 0);
    bool now = strcmp(what, "stop now") == 0;

    json_begin_object(&j);
    json_put_str(&j, "do", now ? "stop" : what);
    if (now)
        json_put_bool(&j, "now", true);
    return send_request(c, &j, &line, err);
}

bool control_subscribe(struct control_client *c, int64_t every_ms, int log_level, struct err *err)
{
    static const char *const names[] = {"error", "warn", "info"};
    struct buf line = BUF_INIT;
    struct json_out j = json_out(&line, 0);

    json_begin_object(&j);
    json_put_str(&j, "do", "subscribe");
    json_put_int(&j, "every_ms", every_ms);
    if (log_level >= 0)
        json_put_str(&j, "log", names[log_level < LOG_INFO ? log_level : LOG_INFO]);
    return send_request(c, &j, &line, err);
}

bool control_throttle(struct control_client *c, double rows, double mb, struct err *err)
{
    struct buf line = BUF_INIT;
    struct json_out j = json_out(&line, 0);

    json_begin_object(&j);
    json_put_str(&j, "do", "throttle");
    if (rows >= 0)
        json_put_real(&j, "rows_per_second", rows, 3);
    if (mb >= 0)
        json_put_real(&j, "mb_per_second", mb, 3);
    return send_request(c, &j, &line, err);
}
