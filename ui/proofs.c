/* SPDX-License-Identifier: PostgreSQL */
#include "proofs.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"

enum { TELL_US = 150000 };

struct proofs {
    struct tasks *tasks;
    const struct config *config;
    struct proofs_view view;
};

/* --- what is verified --- */

void proofs_scope_done(struct proofs_scope *scope)
{
    for (size_t i = 0; i < scope->key_count; i++)
        free(scope->keys[i]);
    free(scope->keys);
    free(scope->database);
    free(scope->schema);
    free(scope->table);
    *scope = (struct proofs_scope){0};
}

static struct verify_params params_of(const struct config *config, const struct proofs_scope *scope)
{
    return (struct verify_params){.config = config,
                                  .database = scope->database,
                                  .schema = scope->schema,
                                  .table = scope->table,
                                  .keys = (const char *const *)scope->keys,
                                  .key_count = scope->key_count,
                                  .deep = scope->deep,
                                  .lookup = scope->lookup};
}

static char *copy(const char *text)
{
    return text ? mem_strdup(text) : NULL;
}

static struct proofs_scope copy_scope(const struct proofs_scope *scope)
{
    struct proofs_scope ret = *scope;

    ret.database = copy(scope->database);
    ret.schema = copy(scope->schema);
    ret.table = copy(scope->table);
    ret.keys = mem_alloc((scope->key_count + 1) * sizeof(char *));
    for (size_t i = 0; i < scope->key_count; i++)
        ret.keys[i] = mem_strdup(scope->keys[i]);
    return ret;
}

/* --- in the worker --- */

struct work {
    const struct config *config;
    struct proofs_scope scope; /* its own: the screen's may go before it ends */
    struct task *task;
    int64_t told_us;
    char *told_key;
    size_t problems, orphans, notes; /* told */
    struct verify_report report;
    bool whole;
    struct err err;
};

/* How far it is, and what was found since the last. */
struct news {
    char *key;
    uint64_t archives, archives_total, bytes, bytes_total;
    struct proofs_finding *findings;
    size_t count;
};

static void drop_news(void *item)
{
    struct news *news = item;

    for (size_t i = 0; i < news->count; i++) {
        free(news->findings[i].key);
        free(news->findings[i].detail);
    }
    free(news->findings);
    free(news->key);
    free(news);
}

static void add(struct news *news, enum proofs_what what, const struct verify_finding *found)
{
    news->findings[news->count++] = (struct proofs_finding){.what = what,
                                                            .kind = found->kind,
                                                            .key = mem_strdup(found->key),
                                                            .detail = mem_strdup(found->detail)};
}

static void add_found(struct work *w, const struct verify_report *now, struct news *news)
{
    size_t most = now->problem_count - w->problems + now->orphan_count - w->orphans +
                  now->note_count - w->notes;

    news->findings = mem_alloc((most + 1) * sizeof(*news->findings));
    for (; w->problems < now->problem_count; w->problems++)
        add(news, PROOFS_PROBLEM, &now->problems[w->problems]);
    for (; w->notes < now->note_count; w->notes++)
        add(news, PROOFS_NOTE, &now->notes[w->notes]);
    for (; w->orphans < now->orphan_count; w->orphans++) {
        struct verify_finding orphan = {now->orphans[w->orphans], "orphan", ""};
        add(news, PROOFS_ORPHAN, &orphan);
    }
}

static double share_of(uint64_t archives, uint64_t archives_total, uint64_t bytes,
                       uint64_t bytes_total)
{
    double share = bytes_total > 0      ? (double)bytes / (double)bytes_total
                   : archives_total > 0 ? (double)archives / (double)archives_total
                                        : -1;

    return share > 1 ? 1 : share; /* there may be more by now than were counted */
}

static void tell_tasks(struct work *w, const struct news *news)
{
    struct buf text = BUF_INIT;
    double share = share_of(news->archives, news->archives_total, news->bytes, news->bytes_total);

    if (news->key) {
        text_add_count(&text, news->archives);
        buf_adds(&text, " of ");
    } else {
        buf_adds(&text, "counted ");
    }
    text_add_count(&text, news->archives_total);
    buf_adds(&text, " archives");
    task_progress(w->task, news->key ? share : -1, "%s", buf_str(&text));
    buf_done(&text);
}

static bool is_same(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

/* The next call may be long in coming, so that what is new is never kept back; but the screen is
 * not painted for each of a thousand small archives. */
static void watch(const struct verify_progress *progress, void *state)
{
    struct work *w = state;
    const struct verify_report *now = progress->now;
    int64_t now_us = text_monotonic_us();
    bool hurry = now_us - w->told_us >= TELL_US;
    bool new = !is_same(progress->key, w->told_key) || now->problem_count > w->problems ||
               now->note_count > w->notes || now->orphan_count > w->orphans;

    if (!hurry && !new)
        return;
    if (hurry)
        w->told_us = now_us;
    free(w->told_key);
    w->told_key = copy(progress->key);
    struct news *news = mem_alloc(sizeof(*news));
    *news = (struct news){.key = copy(progress->key),
                          .archives = progress->archives,
                          .archives_total = progress->archives_total,
                          .bytes = progress->bytes,
                          .bytes_total = progress->bytes_total};
    add_found(w, now, news);
    tell_tasks(w, news);
    if (hurry)
        task_post(w->task, news);
    else
        task_post_later(w->task, news);
}

static void verify(struct task *task, void *arg)
{
    struct work *w = arg;
    struct verify_params params = params_of(w->config, &w->scope);

    w->task = task;
    params.stop = task_stop(task);
    params.watch = watch;
    params.state = w;
    w->whole = verify_run(&params, &w->report, &w->err);
}

static void drop_work(void *arg)
{
    struct work *w = arg;

    verify_report_done(&w->report);
    proofs_scope_done(&w->scope);
    free(w->told_key);
    free(w);
}

/* --- what comes of it --- */

static void keep(struct proofs_view *v, struct news *news)
{
    v->findings = mem_grow(v->findings, (v->count + news->count + 1) * sizeof(*v->findings));
    for (size_t i = 0; i < news->count; i++) {
        v->findings[v->count++] = news->findings[i];
        v->problems += news->findings[i].what == PROOFS_PROBLEM;
        v->orphans += news->findings[i].what == PROOFS_ORPHAN;
        v->notes += news->findings[i].what == PROOFS_NOTE;
    }
    news->count = 0; /* the texts are the view's now */
}

static void take_news(void *owner, void *item)
{
    struct proofs_view *v = &((struct proofs *)owner)->view;
    struct news *news = item;

    free(v->key);
    v->key = news->key;
    news->key = NULL;
    v->archives = news->archives;
    v->archives_total = news->archives_total;
    v->bytes = news->bytes;
    v->bytes_total = news->bytes_total;
    rate_note(&v->rate, text_monotonic_us(), (int64_t)v->bytes);
    keep(v, news);
    drop_news(news);
}

static void take_end(void *owner, void *arg)
{
    struct proofs_view *v = &((struct proofs *)owner)->view;
    struct work *w = arg;
    struct news *last = mem_alloc(sizeof(*last));

    add_found(w, &w->report, last);
    keep(v, last);
    drop_news(last);
    v->state = w->whole                         ? PROOFS_WHOLE
               : w->err.kind == ERR_INTERRUPTED ? PROOFS_STOPPED
                                                : PROOFS_FAILED;
    v->err = w->err;
    v->ended_us = text_monotonic_us();
    v->archives = (uint64_t)w->report.archives_checked;
    v->report = w->report;
    w->report = (struct verify_report){0};
}

static void forget(struct proofs_view *v)
{
    for (size_t i = 0; i < v->count; i++) {
        free(v->findings[i].key);
        free(v->findings[i].detail);
    }
    free(v->findings);
    free(v->key);
    verify_report_done(&v->report);
    proofs_scope_done(&v->scope);
    *v = (struct proofs_view){0};
}

/* --- for the screens --- */

struct proofs *proofs_new(struct tasks *tasks, const struct config *config)
{
    struct proofs *p = mem_alloc(sizeof(*p));

    *p = (struct proofs){.tasks = tasks, .config = config};
    return p;
}

void proofs_free(struct proofs *p)
{
    forget(&p->view);
    free(p);
}

void proofs_start(struct proofs *p, struct proofs_scope *scope)
{
    if (p->view.state == PROOFS_WORKING) {
        proofs_scope_done(scope);
        return;
    }
    forget(&p->view);
    p->view.state = PROOFS_WORKING;
    p->view.begun_us = text_monotonic_us();
    p->view.scope = *scope;
    *scope = (struct proofs_scope){0};
    struct work *w = mem_alloc(sizeof(*w));
    *w = (struct work){.config = p->config, .scope = copy_scope(&p->view.scope)};
    struct task_params params = {.title = "verifying archives",
                                 .owner = p,
                                 .arg = w,
                                 .err = &w->err,
                                 .work = verify,
                                 .item = take_news,
                                 .drop_item = drop_news,
                                 .done = take_end,
                                 .drop = drop_work,
                                 .matters = true};
    tasks_start(p->tasks, &params);
}

void proofs_cancel(struct proofs *p)
{
    tasks_cancel_of(p->tasks, p);
}

const struct proofs_view *proofs_view(const struct proofs *p)
{
    return &p->view;
}

double proofs_share(const struct proofs_view *v)
{
    return v->key ? share_of(v->archives, v->archives_total, v->bytes, v->bytes_total) : -1;
}

static bool save_json(const struct verify_report *report, const char *path, struct err *err)
{
    struct buf text = BUF_INIT;
    struct json_out j = json_out(&text, 2);

    verify_report_write(report, &j);
    bool ok =
        file_write(&(struct file_params){.path = path, .mode = 0666}, text.data, text.len, err);
    buf_done(&text);
    return ok;
}

bool proofs_save(const struct proofs *p, const char *path, struct err *err)
{
    struct verify_params params = params_of(p->config, &p->view.scope);
    size_t len = strlen(path);

    if (len > 5 && strcmp(path + len - 5, ".json") == 0)
        return save_json(&p->view.report, path, err);
    return verify_write_page(&params, &p->view.report, path, err);
}
