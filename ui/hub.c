/* SPDX-License-Identifier: PostgreSQL */
#include "hub.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

enum { EVERY_MS = 500, SAMPLE_US = 900000, TAKEN_MAX = 200 };

struct hub {
    struct tasks *tasks;
    struct hub_run **runs; /* the youngest first */
    size_t count;
};

struct hub *hub_new(struct tasks *tasks)
{
    struct hub *hub = mem_alloc(sizeof(*hub));

    hub->tasks = tasks;
    return hub;
}

static void free_run(struct hub_run *run)
{
    control_disconnect(run->client);
    control_message_done(&run->message);
    free(run->tables);
    free(run);
}

void hub_free(struct hub *hub)
{
    if (!hub)
        return;
    for (size_t i = 0; i < hub->count; i++)
        free_run(hub->runs[i]);
    free(hub->runs);
    free(hub);
}

/* --- who is there --- */

/* A run that is stopped keeps who greets it waiting, so that this is done elsewhere. */
struct search {
    char (*known)[40]; /* attached already */
    size_t known_count;
};

struct found {
    struct control_run run;
    struct control_client *client; /* NULL: err says why */
    struct err err;
};

static bool is_known(const struct search *search, const char *run_id)
{
    for (size_t i = 0; i < search->known_count; i++) {
        if (strcmp(search->known[i], run_id) == 0)
            return true;
    }
    return false;
}

static void search(struct task *task, void *arg)
{
    const struct search *search = arg;
    struct control_runs runs;

    control_list(&runs);
    for (size_t i = 0; i < runs.count && !stop_asked(task_stop(task)); i++) {
        if (is_known(search, runs.items[i].run_id))
            continue;
        struct found *found = mem_alloc(sizeof(*found));
        found->run = runs.items[i];
        found->client = control_connect(&found->run, &found->err);
        if (found->client && !control_subscribe(found->client, EVERY_MS, LOG_INFO, &found->err)) {
            control_disconnect(found->client);
            found->client = NULL;
        }
        task_post(task, found);
    }
    control_runs_done(&runs);
}

static void drop_search(void *arg)
{
    struct search *search = arg;

    free(search->known);
    free(search);
}

static void drop_found(void *item)
{
    struct found *found = item;

    control_disconnect(found->client);
    free(found);
}

static struct hub_run *add(struct hub *hub, const char *run_id)
{
    struct hub_run *run = mem_alloc(sizeof(*run));
    size_t at = 0;

    snprintf(run->run_id, sizeof(run->run_id), "%s", run_id);
    run->now = &run->message.snapshot;
    hub->runs = mem_grow(hub->runs, (hub->count + 1) * sizeof(struct hub_run *));
    while (at < hub->count && strcmp(hub->runs[at]->run_id, run_id) > 0)
        at++;
    memmove(&hub->runs[at + 1], &hub->runs[at], (hub->count - at) * sizeof(struct hub_run *));
    hub->runs[at] = run;
    hub->count++;
    return run;
}

static void take_found(void *owner, void *item)
{
    struct hub *hub = owner;
    struct found *found = item;
    struct hub_run *run = hub_find(hub, found->run.run_id);

    if (!run)
        run = add(hub, found->run.run_id);
    if (!run->client) {
        run->client = found->client;
        run->err = found->err;
        found->client = NULL;
    }
    drop_found(found);
}

void hub_look(struct hub *hub)
{
    if (tasks_busy(hub->tasks, hub))
        return;
    struct search *search_for = mem_alloc(sizeof(*search_for));
    search_for->known = mem_alloc((hub->count + 1) * sizeof(*search_for->known));
    for (size_t i = 0; i < hub->count; i++) {
        if (hub->runs[i]->client)
            memcpy(search_for->known[search_for->known_count++], hub->runs[i]->run_id,
                   sizeof(*search_for->known));
    }
    struct task_params params = {.title = "looking for runs",
                                 .owner = hub,
                                 .arg = search_for,
                                 .work = search,
                                 .item = take_found,
                                 .drop_item = drop_found,
                                 .drop = drop_search,
                                 .hidden = true};
    tasks_start(hub->tasks, &params);
}

struct hub_run *hub_run_at(const struct hub *hub, size_t n)
{
    return n < hub->count ? hub->runs[n] : NULL;
}

struct hub_run *hub_find(const struct hub *hub, const char *run_id)
{
    for (size_t i = 0; i < hub->count; i++) {
        if (strcmp(hub->runs[i]->run_id, run_id) == 0)
            return hub->runs[i];
    }
    return NULL;
}

bool hub_is_live(const struct hub_run *run)
{
    return run->client != NULL;
}

size_t hub_live(const struct hub *hub)
{
    size_t n = 0;

    for (size_t i = 0; i < hub->count; i++)
        n += hub_is_live(hub->runs[i]);
    return n;
}

/* --- what they say --- */

size_t hub_fds(const struct hub *hub, struct pollfd *ret_fds, size_t most)
{
    size_t n = 0;

    for (size_t i = 0; i < hub->count && n < most; i++) {
        if (hub->runs[i]->client)
            ret_fds[n++] =
                (struct pollfd){.fd = control_fd(hub->runs[i]->client), .events = POLLIN};
    }
    return n;
}

static void add_sample(struct hub_rates *rates, double value)
{
    if (rates->count == HUB_SAMPLES) {
        memmove(rates->values, rates->values + 1, (HUB_SAMPLES - 1) * sizeof(rates->values[0]));
        rates->count--;
    }
    rates->values[rates->count++] = value > 0 ? value : 0;
}

static void take_snapshot(struct hub_run *run)
{
    struct progress_snapshot *s = run->now;

    run->seen = true;
    run->last_us = text_monotonic_us();
    if (s->table_count > run->table_count) {
        run->tables = mem_grow(run->tables, s->table_count * sizeof(*run->tables));
        memset(run->tables + run->table_count, 0,
               (s->table_count - run->table_count) * sizeof(*run->tables));
        run->table_count = s->table_count;
    }
    if (run->last_us - run->sampled_us < SAMPLE_US)
        return;
    run->sampled_us = run->last_us;
    add_sample(&run->total, s->rows_per_second);
    for (size_t i = 0; i < s->table_count; i++) {
        if (s->tables[i].state == TABLE_RUNNING)
            add_sample(&run->tables[i], s->tables[i].rows_per_second);
    }
}

static void take_line(struct hub_run *run, enum log_level level, int64_t at_us, const char *text)
{
    if (strncmp(text, "progress: ", 10) == 0) /* for logs that stand alone */
        return;
    struct hub_line *line = &run->lines[run->line_count++ % HUB_LINES];

    line->level = level;
    line->at_us = at_us;
    PROGRESS_SET(line->text, text);
}

static void take_missed(struct hub_run *run)
{
    char text[80];

    snprintf(text, sizeof(text), "%lld lines passed by unseen", (long long)run->message.missed);
    take_line(run, LOG_WARN, text_now_us(), text);
}

static void detach(struct hub_run *run)
{
    control_disconnect(run->client);
    run->client = NULL;
    run->died = run->seen && run->now->exit_code < 0;
}

/* False: nothing was there. */
static bool take_one(struct hub_run *run)
{
    struct control_message *m = &run->message;
    struct err err;

    if (!control_next(run->client, 0, m, &err)) {
        run->err = err;
        detach(run);
        return true;
    }
    switch (m->event) {
    case CONTROL_NOTHING:
        return false;
    case CONTROL_SNAPSHOT:
        take_snapshot(run);
        break;
    case CONTROL_LOG:
        take_line(run, m->level, m->at_us, m->text);
        break;
    case CONTROL_MISSED:
        take_missed(run);
        break;
    case CONTROL_REFUSED:
        take_line(run, LOG_WARN, text_now_us(), m->text);
        err_set(&run->err, ERR_USAGE, "%s", m->text);
        break;
    case CONTROL_DONE:
        break;
    case CONTROL_END:
        detach(run);
        break;
    }
    return true;
}

bool hub_take(struct hub *hub)
{
    bool changed = false;

    for (size_t i = 0; i < hub->count; i++) {
        for (int n = 0; hub->runs[i]->client && n < TAKEN_MAX && take_one(hub->runs[i]); n++)
            changed = true;
    }
    return changed;
}

/* --- what they are asked --- */

static bool check_live(const struct hub_run *run, struct err *err)
{
    if (run->client)
        return true;
    return err_set(err, ERR_NOT_FOUND, "run %s has ended", run->run_id);
}

bool hub_ask(struct hub_run *run, const char *what, struct err *err)
{
    return check_live(run, err) && control_ask(run->client, what, err);
}

bool hub_throttle(struct hub_run *run, double rows_per_second, double mb_per_second,
                  struct err *err)
{
    return check_live(run, err) &&
           control_throttle(run->client, rows_per_second, mb_per_second, err);
}
