/* SPDX-License-Identifier: PostgreSQL */
#include "control.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "control_dir.h"
#include "progress_json.h"

enum {
    PROTOCOL = 1,
    PEERS_MAX = 32,
    REQUEST_BYTES = 16 * 1024, /* a longer line is no request of ours */
    LINES_MAX = 500,           /* of the log, kept for those who come later */
    LINE_BYTES = 400,
    EVERY_MS_LEAST = 50,
    EVERY_MS_MOST = 3600 * 1000,
    GOODBYE_MS = 500, /* a peer that does not read by then goes without */
};

struct line {
    int64_t at_us;
    enum log_level level;
    char text[LINE_BYTES];
};

struct peer {
    int fd; /* -1: free */
    struct buf in, out;
    size_t sent;      /* of out */
    int64_t every_us; /* 0: not subscribed */
    int64_t due_us;
    bool logs; /* wants lines of the log, at this level and above */
    enum log_level level;
    uint64_t next_line;
    bool closing; /* once out is sent */
};

struct control {
    struct control_params params;
    char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
    int listen_fd, wake_fd;
    atomic_bool over;
    pthread_t thread;
    pthread_mutex_t lock; /* of the lines */
    struct line lines[LINES_MAX];
    uint64_t line_count; /* since the start; the ring holds the newest */
    /* the thread's own */
    struct peer peers[PEERS_MAX];
    struct progress_snapshot snapshot;
};

static const char *const level_names[] = {"error", "warn", "info", "debug", "trace"};

static void keep_line(enum log_level level, const char *text, void *state)
{
    struct control *c = state;

    pthread_mutex_lock(&c->lock);
    struct line *line = &c->lines[c->line_count++ % LINES_MAX];
    line->at_us = text_now_us();
    line->level = level;
    PROGRESS_SET(line->text, text);
    pthread_mutex_unlock(&c->lock);
    eventfd_write(c->wake_fd, 1);
}

/* --- what is said --- */

static void add_hello(struct control *c, struct buf *out)
{
    struct json_out j = json_out(out, 0);

    json_begin_object(&j);
    json_put_str(&j, "type", "hello");
    json_put_int(&j, "version", PROTOCOL);
    json_put_str(&j, "program", "archiver-tui " PACKAGE_VERSION);
    json_put_str(&j, "run_id", c->params.run_id);
    json_put_int(&j, "pid", getpid());
    json_end(&j);
    buf_addc(out, '\n');
}

static void add_snapshot(struct control *c, struct buf *out)
{
    struct json_out j = json_out(out, 0);

    progress_read(c->params.progress, &c->snapshot);
    json_begin_object(&j);
    json_put_str(&j, "type", "snapshot");
    json_key(&j, "snapshot");
    progress_json_write(&c->snapshot, &j);
    json_end(&j);
    buf_addc(out, '\n');
}

static void add_line(const struct line *line, struct buf *out)
{
    struct json_out j = json_out(out, 0);

    json_begin_object(&j);
    json_put_str(&j, "type", "log");
    json_put_time(&j, "at", line->at_us);
    json_put_str(&j, "level", level_names[line->level]);
    json_put_str(&j, "text", line->text);
    json_end(&j);
    buf_addc(out, '\n');
}

static void add_missed(uint64_t count, struct buf *out)
{
    struct json_out j = json_out(out, 0);

    json_begin_object(&j);
    json_put_str(&j, "type", "missed");
    json_put_int(&j, "lines", (int64_t)count);
    json_end(&j);
    buf_addc(out, '\n');
}

static void add_answer(const char *error, const char *hint, struct buf *out)
{
    struct json_out j = json_out(out, 0);

    json_begin_object(&j);
    json_put_str(&j, "type", error ? "error" : "ok");
    if (error)
        json_put_str(&j, "error", error);
    if (hint)
        json_put_str(&j, "hint", hint);
    json_end(&j);
    buf_addc(out, '\n');
}

/* The lines of the log that the peer has not had, in one go. */
static void add_log(struct control *c, struct peer *p)
{
    pthread_mutex_lock(&c->lock);
    uint64_t oldest = c->line_count > LINES_MAX ? c->line_count - LINES_MAX : 0;
    if (p->next_line < oldest) {
        add_missed(oldest - p->next_line, &p->out);
        p->next_line = oldest;
    }
    for (; p->next_line < c->line_count; p->next_line++) {
        const struct line *line = &c->lines[p->next_line % LINES_MAX];
        if (line->level <= p->level)
            add_line(line, &p->out);
    }
    pthread_mutex_unlock(&c->lock);
}

/* --- what is asked --- */

static void subscribe(struct peer *p, struct json_object *request)
{
    int64_t ms = json_opt_int(request, "every_ms", 1000);

    ms = ms < EVERY_MS_LEAST ? EVERY_MS_LEAST : ms > EVERY_MS_MOST ? EVERY_MS_MOST : ms;
    p->every_us = ms * 1000;
    p->due_us = text_monotonic_us();
    p->logs = log_level_from(json_opt_str(request, "log", ""), &p->level);
}

static void show_stop(struct progress_snapshot *s, const void *arg)
{
    (void)arg;
    s->stop_asked = true;
}

static void stop(struct control *c, struct json_object *request)
{
    bool now = json_opt_bool(request, "now", false);

    log_msg(LOG_WARN, now ? "an operator stops the run at once: the batch in work is rolled back"
                          : "an operator stops the run after the batch in work");
    progress_change(c->params.progress, show_stop, NULL);
    stop_ask(c->params.stop, now);
}

static const char not_pausable[] = "only an archive run can wait between batches";

static double ceiling(struct json_object *request, const char *name)
{
    struct json_object *value = json_opt(request, name);
    bool number =
        json_object_is_type(value, json_type_double) || json_object_is_type(value, json_type_int);

    return number ? json_object_get_double(value) : -1;
}

static void pause_or_resume(struct control *c, bool pause, struct buf *out)
{
    if (!c->params.throttle) {
        add_answer(not_pausable, "stop ends it", out);
        return;
    }
    if (throttle_pause(c->params.throttle, pause))
        log_msg(LOG_INFO, pause ? "an operator pauses the run" : "an operator resumes the run");
    add_answer(NULL, NULL, out);
}

static void set_throttle(struct control *c, struct json_object *request, struct buf *out)
{
    if (!c->params.throttle) {
        add_answer(not_pausable, NULL, out);
        return;
    }
    throttle_set(c->params.throttle, ceiling(request, "rows_per_second"),
                 ceiling(request, "mb_per_second"));
    add_answer(NULL, NULL, out);
}

static void answer(struct control *c, struct peer *p, const char *line, size_t len)
{
    struct err err;
    struct json_object *request = json_parse(line, len, "request", &err);
    const char *what =
        json_object_is_type(request, json_type_object) ? json_opt_str(request, "do", "") : "";

    if (strcmp(what, "snapshot") == 0) {
        add_snapshot(c, &p->out);
    } else if (strcmp(what, "subscribe") == 0) {
        subscribe(p, request);
        add_answer(NULL, NULL, &p->out);
    } else if (strcmp(what, "pause") == 0 || strcmp(what, "resume") == 0) {
        pause_or_resume(c, what[0] == 'p', &p->out);
    } else if (strcmp(what, "throttle") == 0) {
        set_throttle(c, request, &p->out);
    } else if (strcmp(what, "stop") == 0) {
        stop(c, request);
        add_answer(NULL, NULL, &p->out);
    } else {
        add_answer("not understood",
                   "{\"do\": snapshot, subscribe, pause, resume, throttle or stop}", &p->out);
    }
    json_object_put(request);
}

/* --- peers --- */

static void peer_close(struct peer *p)
{
    close(p->fd);
    buf_done(&p->in);
    buf_done(&p->out);
    *p = (struct peer){.fd = -1};
}

static void answer_lines(struct control *c, struct peer *p)
{
    char *end;

    while (!p->closing && (end = memchr(buf_str(&p->in), '\n', p->in.len))) {
        size_t len = (size_t)(end - p->in.data);
        answer(c, p, p->in.data, len);
        memmove(p->in.data, end + 1, p->in.len - len - 1);
        p->in.len -= len + 1;
    }
    if (p->in.len >= REQUEST_BYTES) {
        add_answer("the line is too long", NULL, &p->out);
        p->closing = true;
    }
}

/* While answers wait to be sent nothing more is read: a peer that only asks fills no memory. */
static void peer_read(struct control *c, struct peer *p)
{
    char bytes[4096];
    ssize_t n = recv(p->fd, bytes, sizeof(bytes), MSG_DONTWAIT);

    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
        peer_close(p);
        return;
    }
    if (n > 0) {
        buf_add(&p->in, bytes, (size_t)n);
        answer_lines(c, p);
    }
}

static void peer_write(struct peer *p)
{
    ssize_t n =
        send(p->fd, p->out.data + p->sent, p->out.len - p->sent, MSG_DONTWAIT | MSG_NOSIGNAL);

    if (n < 0 && errno != EAGAIN && errno != EINTR) {
        peer_close(p);
        return;
    }
    p->sent += n > 0 ? (size_t)n : 0;
    if (p->sent < p->out.len)
        return;
    buf_reset(&p->out);
    p->sent = 0;
    if (p->closing)
        peer_close(p);
}

/* Only who runs the process, and root, may see and stop it. */
static bool is_allowed(int fd)
{
    struct ucred peer;
    socklen_t size = sizeof(peer);

    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
           (peer.uid == geteuid() || peer.uid == 0);
}

static void peer_accept(struct control *c)
{
    int fd = accept4(c->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    struct peer *p = NULL;

    if (fd < 0)
        return;
    for (size_t i = 0; i < PEERS_MAX && !p; i++)
        p = c->peers[i].fd < 0 ? &c->peers[i] : NULL;
    if (!p || !is_allowed(fd)) {
        close(fd);
        return;
    }
    *p = (struct peer){.fd = fd};
    add_hello(c, &p->out);
}

/* What is due goes to those who have taken all that was. Returns when the next is due. */
static int64_t feed(struct control *c, int64_t now)
{
    int64_t next = INT64_MAX;

    for (size_t i = 0; i < PEERS_MAX; i++) {
        struct peer *p = &c->peers[i];
        if (p->fd < 0 || p->every_us == 0 || p->out.len > 0)
            continue;
        if (p->logs)
            add_log(c, p);
        if (now >= p->due_us) {
            add_snapshot(c, &p->out);
            p->due_us = now + p->every_us;
        }
        next = p->due_us < next ? p->due_us : next;
    }
    return next;
}

static void serve(struct control *c, int timeout_ms)
{
    struct pollfd fds[PEERS_MAX + 2] = {{.fd = c->wake_fd, .events = POLLIN},
                                        {.fd = c->listen_fd, .events = POLLIN}};
    eventfd_t ignored;

    for (size_t i = 0; i < PEERS_MAX; i++) {
        const struct peer *p = &c->peers[i];
        fds[i + 2] = (struct pollfd){.fd = p->fd, .events = p->out.len > 0 ? POLLOUT : POLLIN};
    }
    if (poll(fds, PEERS_MAX + 2, timeout_ms) <= 0)
        return;
    if (fds[0].revents)
        eventfd_read(c->wake_fd, &ignored);
    for (size_t i = 0; i < PEERS_MAX; i++) {
        struct peer *p = &c->peers[i];
        if (p->fd >= 0 && (fds[i + 2].revents & POLLOUT))
            peer_write(p);
        else if (p->fd >= 0 && fds[i + 2].revents)
            peer_read(c, p);
    }
    if (fds[1].revents)
        peer_accept(c);
}

/* Everybody who listens gets the rest of the log and the last snapshot, within reason. */
static void say_goodbye(struct control *c)
{
    int64_t end_us = text_monotonic_us() + GOODBYE_MS * 1000;
    bool waiting = true;

    for (size_t i = 0; i < PEERS_MAX; i++) {
        struct peer *p = &c->peers[i];
        if (p->fd < 0)
            continue;
        if (p->every_us > 0 && p->logs)
            add_log(c, p);
        if (p->every_us > 0)
            add_snapshot(c, &p->out);
        p->closing = true;
        if (p->out.len == 0)
            peer_close(p);
    }
    while (waiting && text_monotonic_us() < end_us) {
        serve(c, 50);
        waiting = false;
        for (size_t i = 0; i < PEERS_MAX; i++)
            waiting = waiting || c->peers[i].fd >= 0;
    }
    for (size_t i = 0; i < PEERS_MAX; i++) {
        if (c->peers[i].fd >= 0)
            peer_close(&c->peers[i]);
    }
}

static void *control_thread(void *arg)
{
    struct control *c = arg;

    pthread_setname_np(pthread_self(), "control");
    while (!atomic_load(&c->over)) {
        int64_t now = text_monotonic_us(), next = feed(c, now);
        serve(c, next == INT64_MAX ? -1 : next > now ? (int)((next - now) / 1000) + 1 : 0);
    }
    close(c->listen_fd); /* nobody comes in any more */
    c->listen_fd = -1;
    say_goodbye(c);
    return NULL;
}

/* --- start and stop --- */

/* Bound under another name and then moved, so that who finds it can connect to it. */
static bool open_socket(struct control *c, struct err *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct buf dir = BUF_INIT;
    bool ok = control_dir(&dir, err);

    if (!ok)
        goto out;
    int len = snprintf(c->path, sizeof(c->path), "%s/%s.sock", buf_str(&dir), c->params.run_id);
    snprintf(address.sun_path, sizeof(address.sun_path), "%s/.%d", buf_str(&dir), (int)getpid());
    if (len >= (int)sizeof(c->path)) {
        ok = err_set(err, ERR_RESOURCE, "the socket's path is too long: %s", buf_str(&dir));
        goto out;
    }
    unlink(address.sun_path);
    c->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    ok = c->listen_fd >= 0 &&
         bind(c->listen_fd, (const struct sockaddr *)&address, sizeof(address)) == 0 &&
         chmod(address.sun_path, 0600) == 0 && listen(c->listen_fd, PEERS_MAX) == 0 &&
         rename(address.sun_path, c->path) == 0;
    if (!ok) {
        err_sys(err, ERR_RESOURCE, errno, "cannot open the run's socket");
        err_in(err, "%s", c->path);
        unlink(address.sun_path);
    }
out:
    buf_done(&dir);
    return ok;
}

static void control_free(struct control *c)
{
    if (c->listen_fd >= 0)
        close(c->listen_fd);
    if (c->wake_fd >= 0)
        close(c->wake_fd);
    progress_snapshot_done(&c->snapshot);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

struct control *control_start(const struct control_params *params, struct err *err)
{
    struct control *c = mem_alloc(sizeof(*c));
    int rc;

    c->params = *params;
    c->listen_fd = -1;
    c->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_mutex_init(&c->lock, NULL);
    for (size_t i = 0; i < PEERS_MAX; i++)
        c->peers[i].fd = -1;
    if (c->wake_fd < 0) {
        err_sys(err, ERR_RESOURCE, errno, "cannot watch for events");
    } else if (open_socket(c, err)) {
        rc = pthread_create(&c->thread, NULL, control_thread, c);
        if (rc == 0) {
            log_tap_set(keep_line, c);
            return c;
        }
        err_sys(err, ERR_RESOURCE, rc, "cannot start a thread");
        unlink(c->path);
    }
    control_free(c);
    return NULL;
}

void control_stop(struct control *control)
{
    if (!control)
        return;
    log_tap_set(NULL, NULL);
    unlink(control->path);
    atomic_store(&control->over, true);
    eventfd_write(control->wake_fd, 1);
    pthread_join(control->thread, NULL);
    control_free(control);
}
