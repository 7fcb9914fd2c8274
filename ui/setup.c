/* SPDX-License-Identifier: PostgreSQL */
#include "setup.h"

#include <stdlib.h>
#include <unistd.h>

#include "listing.h"

/* --- work --- */

static void drop_work(void *arg)
{
    struct setup_work *work = arg;

    for (size_t i = 0; work->words && work->words[i]; i++)
        free(work->words[i]);
    free(work->words);
    for (size_t i = 0; i < work->found_count; i++) {
        discover_tables_done(&work->found[i].tables);
        free(work->found[i].database);
    }
    free(work->found);
    discover_databases_done(&work->databases);
    check_report_done(&work->report);
    wizard_free(work->wizard);
    free(work);
}

static void do_work(struct task *task, void *arg)
{
    struct setup_work *work = arg;

    work->work(work, task_stop(task));
}

static void work_done(void *owner, void *arg)
{
    struct setup_work *work = arg;

    (void)owner;
    work->done(work);
}

void setup_start(const struct setup_work *what)
{
    struct setup_work *work = mem_alloc(sizeof(*work));
    struct app *app = what->setup->app;

    *work = *what;
    work->wizard = wizard_copy(what->setup->wizard);
    struct task_params params = {.title = what->title,
                                 .owner = what->owner,
                                 .arg = work,
                                 .work = do_work,
                                 .done = work_done,
                                 .drop = drop_work};
    app_say(app, STYLE_DIM, "%s%s", what->title, app_glyphs(app)->ellipsis);
    tasks_start(app_tasks(app), &params);
}

void setup_forget_found(struct setup *setup)
{
    for (size_t i = 0; i < setup->found_count; i++) {
        discover_tables_done(&setup->found[i].tables);
        free(setup->found[i].database);
    }
    free(setup->found);
    setup->found = NULL;
    setup->found_count = 0;
}

const struct discover_table *setup_find(const struct setup *setup, const struct wizard_table *t)
{
    for (size_t i = 0; i < setup->found_count; i++) {
        const struct setup_found *found = &setup->found[i];
        for (size_t n = 0; strcmp(found->database, t->database) == 0 && n < found->tables.count;
             n++) {
            const struct discover_table *table = &found->tables.items[n];
            if (strcmp(table->schema, t->schema) == 0 && strcmp(table->name, t->table) == 0)
                return table;
        }
    }
    return NULL;
}

/* --- review --- */

struct review {
    struct setup *setup;
    struct check_report report;
    bool checked;
    struct err err;
    struct listing listing;
};

static void add_yaml(struct review *r, const char *yaml)
{
    while (*yaml) {
        size_t len = strcspn(yaml, "\n");
        bool comment = yaml[strspn(yaml, " ")] == '#';
        listing_add(&r->listing, comment ? STYLE_DIM : STYLE_TEXT, yaml, len);
        yaml += len + (yaml[len] == '\n');
    }
}

static void add_findings(struct review *r)
{
    for (size_t i = 0; i < r->report.count; i++) {
        const struct check_item *item = &r->report.items[i];
        struct buf text = BUF_INIT;
        if (item->verdict == CHECK_PASS)
            continue;
        buf_addf(&text, "%s %s: %s: %s", item->verdict == CHECK_WARN ? "note  " : "FAILED",
                 item->subject, item->name, item->detail);
        listing_add_text(&r->listing, item->verdict == CHECK_WARN ? STYLE_WARN : STYLE_BAD,
                         buf_str(&text));
        if (item->hint[0]) {
            buf_reset(&text);
            buf_addf(&text, "         %s", item->hint);
            listing_add_text(&r->listing, STYLE_ACCENT, buf_str(&text));
        }
        buf_done(&text);
    }
}

static void compose(struct review *r)
{
    struct buf text = BUF_INIT;

    listing_clear(&r->listing);
    if (r->err.kind != ERR_NONE) {
        char line[sizeof(struct err)];
        err_line(&r->err, line, sizeof(line));
        listing_add_text(&r->listing, STYLE_BAD, line);
    } else if (!r->checked) {
        listing_add_text(&r->listing, STYLE_DIM, "checking all that a run needs ...");
    } else {
        buf_addf(&text, "checked: %zu well, %zu notes, %zu failed", r->report.passed,
                 r->report.warned, r->report.failed);
        listing_add_text(&r->listing, r->report.failed > 0 ? STYLE_BAD : STYLE_GOOD,
                         buf_str(&text));
        add_findings(r);
    }
    buf_reset(&text);
    wizard_estimate(r->setup->wizard, &text);
    listing_add_text(&r->listing, STYLE_ACCENT, buf_str(&text));
    buf_reset(&text);
    buf_addf(&text, "\n--- %s ---\n", wizard_path(r->setup->wizard));
    wizard_write(r->setup->wizard, &text);
    add_yaml(r, buf_str(&text));
    buf_done(&text);
    listing_show(&r->listing);
}

static void check_all(struct setup_work *work, const struct stop *stop)
{
    wizard_check(work->wizard, stop, &work->report, &work->err);
}

static void take_check(struct setup_work *work)
{
    struct review *r = work->owner;

    check_report_done(&r->report);
    r->report = work->report;
    work->report = (struct check_report){0};
    r->err = work->err;
    r->checked = true;
    compose(r);
}

static void start_check(struct review *r)
{
    r->checked = false;
    r->err = ERR_INIT;
    compose(r);
    setup_start(&(struct setup_work){.setup = r->setup,
                                     .owner = r,
                                     .work = check_all,
                                     .done = take_check,
                                     .title = "checking all that a run needs"});
}

/* --- saving --- */

static void dry_run(struct app *app, void *arg)
{
    (void)arg;
    app_run_words(app, (const char *const[]){"archive", "--dry-run", NULL});
}

static void save_over(struct app *app, void *arg)
{
    struct review *r = arg;
    struct setup *setup = r->setup;
    struct err err;

    if (!wizard_save(setup->wizard, true, &err)) {
        app_fail(app, &err);
        return;
    }
    setup->saved = true;
    wizard_drop_draft();
    app_set_path(app, wizard_path(setup->wizard));
    char *text =
        mem_printf("%s is written, for its owner alone.\nA dry run counts what a run would "
                   "take, and changes nothing.",
                   wizard_path(setup->wizard));
    struct app_question question = {
        .title = "Written", .text = text, .verb = "dry run", .key = 'd', .yes = dry_run};
    app_ask(app, &question);
    free(text);
}

/* What is there is not written over without its difference having been seen. */
static void save(struct app *app, struct review *r)
{
    const char *path = wizard_path(r->setup->wizard);
    struct buf diff = BUF_INIT;
    struct err err;

    if (access(path, F_OK) != 0) {
        save_over(app, r);
        return;
    }
    if (!wizard_diff(r->setup->wizard, &diff, &err)) {
        app_fail(app, &err);
        return;
    }
    char *text = mem_printf("%s is there already%s", path,
                            diff.len > 0 ? ", and differs: Esc shows how" : " and says the same.");
    struct app_question question = {.title = "Write over it?",
                                    .text = text,
                                    .verb = "write over it",
                                    .key = 'y',
                                    .yes = save_over,
                                    .arg = r};
    if (diff.len > 0)
        app_page(app, "what would change", &diff);
    app_ask(app, &question);
    buf_done(&diff);
    free(text);
}

enum action { SAVE = 1, CHECK };

static const struct keys_binding bindings[] = {
    {SAVE, {'w', '\r'}, "write", "write the configuration", false},
    {CHECK, {'c'}, "check", "check again", false},
};

static void act(struct app *app, void *self, int action)
{
    struct review *r = self;

    if (action == CHECK)
        start_check(r);
    else if (r->err.kind == ERR_CONFIG)
        app_fail(app, &r->err);
    else
        save(app, r);
}

static void draw(void *self, struct canvas *canvas, struct area area)
{
    table_draw(&((struct review *)self)->listing.table, canvas, area);
}

static struct table *table_of(void *self)
{
    return &((struct review *)self)->listing.table;
}

static void close_review(void *self)
{
    struct review *r = self;

    check_report_done(&r->report);
    listing_done(&r->listing);
    free(r);
}

static const struct screen_class review_class = {.name = "Review",
                                                 .keys = KEYS(bindings),
                                                 .act = act,
                                                 .table = table_of,
                                                 .draw = draw,
                                                 .close = close_review};

void setup_open_review(struct setup *setup)
{
    struct review *r = mem_alloc(sizeof(*r));

    r->setup = setup;
    listing_init(&r->listing);
    start_check(r);
    app_push(setup->app, &review_class, r);
}

/* --- the whole --- */

static void go_on_with_draft(struct app *app, void *arg)
{
    struct setup *setup = arg;
    struct buf path = BUF_INIT;
    struct err err;

    if (wizard_has_draft(&path) && !wizard_read(setup->wizard, buf_str(&path), &err))
        app_fail(app, &err);
    buf_done(&path);
}

static void open_first(struct app *app, void *arg)
{
    struct setup *setup = arg;
    struct buf path = BUF_INIT;

    setup->app = app;
    setup_open_form(setup, WIZARD_CONNECT);
    if (wizard_has_draft(&path)) {
        struct app_question question = {.title = "Go on?",
                                        .text = "An earlier setup was left in the middle.\nIts "
                                                "answers are kept.",
                                        .verb = "go on with them",
                                        .key = 'y',
                                        .yes = go_on_with_draft,
                                        .arg = setup};
        app_ask(app, &question);
    }
    buf_done(&path);
}

bool setup_fits(void)
{
    return term_is_fit();
}

int setup_run(struct wizard *wizard, const struct stop *stop, bool no_color, struct err *err)
{
    static const char *const none[] = {NULL};
    struct setup setup = {.wizard = wizard};
    struct app_params params = {
        .open = open_first, .arg = &setup, .stop = stop, .no_color = no_color, .commands = none};
    int code = app_run(&params, err);
    struct err kept;

    if (code == 0 && setup.saved) {
        printf("%s is written. Next: archiver-tui -c %s archive --dry-run\n", wizard_path(wizard),
               wizard_path(wizard));
    } else if (code == 0) {
        if (wizard_keep_draft(wizard, &kept))
            puts("Nothing was written; the answers are kept for the next time.");
        code = err_exit_code(ERR_INTERRUPTED);
    }
    setup_forget_found(&setup);
    discover_databases_done(&setup.databases);
    return code;
}
