/* SPDX-License-Identifier: PostgreSQL
 *
 * The two steps that are forms: how to connect, and where archives go. Leaving one forwards tries
 * what was answered.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "setup.h"
#include "stepform.h"

struct screen {
    struct setup *setup;
    enum wizard_step step;
    struct buf password; /* typed for now; never written */
};

/* --- the questions that apply, and the password of now behind them --- */

static const struct wizard_question *question_at(const struct screen *s, size_t at)
{
    const struct wizard_question *q;

    for (size_t i = 0; (q = wizard_question(i)); i++) {
        if (q->step == s->step && wizard_applies(s->setup->wizard, q) && at-- == 0)
            return q;
    }
    return NULL;
}

static size_t question_count(const struct screen *s)
{
    size_t n = 0;

    while (question_at(s, n))
        n++;
    return n;
}

static bool asks_password(const struct screen *s)
{
    return s->step == WIZARD_CONNECT &&
           strcmp(wizard_get(s->setup->wizard, "connect"), "host") == 0;
}

static size_t count(const void *self)
{
    const struct screen *s = self;

    return question_count(s) + asks_password(s);
}

static void field(const void *self, size_t i, struct form_field *ret)
{
    const struct screen *s = self;
    const struct wizard_question *q = question_at(s, i);

    if (!q) {
        *ret =
            (struct form_field){.label = "Password, for now",
                                .value = buf_str(&s->password),
                                .help = "to try the connection with; it is never written. Empty: "
                                        "as answered above",
                                .secret = true,
                                .set = true};
        return;
    }
    *ret = (struct form_field){.label = q->prompt,
                               .value = wizard_get(s->setup->wizard, q->id),
                               .help = wizard_help(q),
                               .set = wizard_is_answered(s->setup->wizard, q->id)};
}

static const char *choice(const void *self, size_t i, size_t n)
{
    const struct wizard_question *q = question_at(self, i);

    return q ? wizard_choice(q, n) : NULL;
}

static bool set(void *self, size_t i, const char *text, struct err *err)
{
    struct screen *s = self;
    const struct wizard_question *q = question_at(s, i);

    if (q)
        return wizard_set(s->setup->wizard, q->id, text, err);
    buf_reset(&s->password);
    buf_adds(&s->password, text);
    wizard_password(s->setup->wizard, text);
    return true;
}

/* --- forwards --- */

static void look_at_server(struct setup_work *work, const struct stop *stop)
{
    struct config_database database;

    (void)stop;
    wizard_connection(work->wizard, NULL, &database);
    discover_databases(&database, &work->databases, &work->err);
}

static void take_server(struct setup_work *work)
{
    struct setup *setup = work->setup;

    if (work->err.kind != ERR_NONE) {
        app_fail(setup->app, &work->err);
        return;
    }
    discover_databases_done(&setup->databases);
    setup->databases = work->databases;
    work->databases = (struct discover_databases){0};
    const struct discover_server *server = &setup->databases.server;
    if (server->in_recovery)
        app_say(setup->app, STYLE_WARN,
                "this server is a standby: rows can only be archived from the primary");
    else
        app_say(setup->app, STYLE_GOOD, "PostgreSQL %s, user %s", server->version, server->user);
    if (setup->databases.count > 1)
        setup_open_databases(setup);
    else
        setup_discover(setup, (const char *const[]){server->database, NULL});
}

static void try_store(struct setup_work *work, const struct stop *stop)
{
    wizard_check_store(work->wizard, stop, &work->report, &work->err);
}

static void show_store(struct setup *setup, const struct check_report *report)
{
    struct buf text = BUF_INIT;

    for (size_t i = 0; i < report->count; i++) {
        const struct check_item *item = &report->items[i];
        buf_addf(&text, "%-6s %s: %s\n%s%s%s",
                 item->verdict == CHECK_PASS   ? "ok"
                 : item->verdict == CHECK_WARN ? "note"
                                               : "FAILED",
                 item->name, item->detail, item->hint[0] ? "       " : "", item->hint,
                 item->hint[0] ? "\n" : "");
    }
    app_page(setup->app, "the store", &text);
}

static char *store_directory(const struct wizard *w)
{
    return mem_printf("%s/%s", wizard_get(w, "directory"), wizard_get(w, "bucket"));
}

static bool lacks_directory(const struct wizard *w)
{
    char *path = store_directory(w);
    bool lacks = strcmp(wizard_get(w, "store"), "directory") == 0 && access(path, F_OK) != 0;

    free(path);
    return lacks;
}

static void forwards(struct screen *s);

static void make_directory(struct app *app, void *arg)
{
    struct screen *s = arg;
    char *path = store_directory(s->setup->wizard);
    struct err err;

    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(path, 0700); /* what is there, is; what cannot be made shows with the last */
        *slash = '/';
    }
    if (mkdir(path, 0700) == 0) {
        forwards(s);
    } else {
        err_sys(&err, ERR_RESOURCE, errno, "cannot make %s", path);
        app_fail(app, &err);
    }
    free(path);
}

/* A run never makes it: where its disk is not mounted, rows would go beside it. */
static void ask_directory(struct setup *setup, void *screen)
{
    char *path = store_directory(setup->wizard);
    char *text = mem_printf("%s is not there.\nIf a disk belongs there, mount it first.", path);
    struct app_question question = {.title = "Make the directory?",
                                    .text = text,
                                    .verb = "make it",
                                    .key = 'y',
                                    .yes = make_directory,
                                    .arg = screen};

    app_ask(setup->app, &question);
    free(text);
    free(path);
}

static void take_store(struct setup_work *work)
{
    struct setup *setup = work->setup;

    if (work->err.kind != ERR_NONE) {
        app_fail(setup->app, &work->err);
        return;
    }
    if (lacks_directory(setup->wizard)) {
        ask_directory(setup, work->owner);
        return;
    }
    if (work->report.failed == 0) {
        setup_open_review(setup);
        app_say(setup->app, STYLE_GOOD, "the store takes, gives, lists and removes objects");
        return;
    }
    show_store(setup, &work->report);
}

/* Tries what is answered. */
static void forwards(struct screen *s)
{
    bool connect = s->step == WIZARD_CONNECT;

    if (tasks_busy(app_tasks(s->setup->app), s))
        return;
    setup_start(&(struct setup_work){.setup = s->setup,
                                     .owner = s,
                                     .work = connect ? look_at_server : try_store,
                                     .done = connect ? take_server : take_store,
                                     .title = connect ? "connecting" : "trying the store"});
}

/* --- the screen --- */

static void forwards_key(struct app *app, void *self)
{
    (void)app;
    forwards(self);
}

static void close_screen(void *self)
{
    struct screen *s = self;

    if (s->password.data)
        explicit_bzero(s->password.data, s->password.cap);
    buf_done(&s->password);
    free(s);
}

void setup_open_form(struct setup *setup, enum wizard_step step)
{
    static const struct keys_binding bindings[] = {
        STEPFORM_KEYS("try it and go on", "try what is answered, and the next step")};
    struct screen *s = mem_alloc(sizeof(*s));

    s->setup = setup;
    s->step = step;
    struct stepform form = {
        .crumb = step == WIZARD_CONNECT ? "Connect" : "Store",
        .intro = step == WIZARD_CONNECT
                     ? "Which server, and as whom? No password is ever written."
                     : "Where do archives go? The last Enter tries it: put, get, list, remove.",
        .source = {.self = s, .count = count, .field = field, .choice = choice, .set = set},
        .forwards = forwards_key,
        .keys = KEYS(bindings),
        .close = close_screen};
    stepform_open(setup->app, &form);
}
