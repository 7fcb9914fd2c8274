/* SPDX-License-Identifier: PostgreSQL */
#include "app.h"

#include <assert.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include "bars.h"
#include "base/text.h"
#include "colon.h"
#include "prompt.h"
#include "screens.h"

enum {
    ROWS_MIN = 16,
    COLS_MIN = 60,
    TICK_US = 1000000,
    MESSAGE_US = 5000000,
    FDS_OWN = 4,
    FDS_MAX = 64,
    KEYS_MAX = 500,      /* taken before the next painting */
    TASKS_WAIT_MS = 800, /* for what is cancelled when the console ends */
    TASKS_TOLD_MAX = 64,
};

struct frame {
    const struct screen_class *class;
    void *self;
};

struct app {
    const struct app_params *params;
    struct tasks *tasks;
    struct hub *hub;
    struct proofs *proofs;
    struct canvas canvas;
    struct frame *stack;
    size_t depth;
    bool dirty, quit, lost, mouse_off;
    int64_t tick_us; /* monotonic: the next */
    struct buf message;
    int64_t message_us; /* monotonic: when it goes */
    enum theme_style message_style;
    /* the prompt, while one is open */
    bool prompting;
    enum prompt_kind kind;
    struct app_prompt prompt; /* of PROMPT_VALUE */
    const char *path;
    void *kept; /* NULL: nothing */
    void (*drop_kept)(void *kept);
};

/* --- keys that work everywhere --- */

enum common {
    HELP = 1,
    BACK,
    QUIT,
    COMMAND,
    FILTER,
    SEARCH,
    NEXT,
    PREVIOUS,
    VIEW,
    COPY,
    TASKS,
    LOG,
    REDRAW,
    MOUSE,
    SUSPEND,
    GO_1,
    GO_2,
    GO_3,
    GO_4,
    GO_5,
    GO_6,
};

static const struct keys_binding common_bindings[] = {
    {FILTER, {'/'}, "filter", "rows that have a text; !text: that do not; Esc clears", false},
    {SEARCH, {'\\'}, NULL, "search for a text, as it is typed", false},
    {NEXT, {'n'}, NULL, "the next that was searched for", false},
    {PREVIOUS, {'N'}, NULL, "the one before", false},
    {VIEW, {'v'}, NULL, "the whole row, nothing shortened", false},
    {COPY, {'y'}, NULL, "copy the row to the clipboard (OSC 52, also over SSH)", false},
    {COMMAND, {':'}, "command", "a command of the program; Tab completes", false},
    {GO_1, {'1'}, NULL, "Overview", false},
    {GO_2, {'2'}, NULL, "Runs", false},
    {GO_3, {'3'}, NULL, "Archives", false},
    {GO_4, {'4'}, NULL, "Restore", false},
    {GO_5, {'5'}, NULL, "Verify & audit", false},
    {GO_6, {'6'}, NULL, "Settings", false},
    {TASKS, {'t'}, NULL, "what works in the background", false},
    {LOG, {'L'}, NULL, "the console's own log", false},
    {MOUSE, {'M'}, NULL, "mouse off, so that the terminal selects; and on", false},
    {REDRAW, {K_CTRL('l')}, NULL, "paint everything again", false},
    {SUSPEND, {K_CTRL('z')}, NULL, "to the shell; fg comes back", false},
    {HELP, {'?', K_F1}, "help", "the keys of this screen", false},
    {BACK, {'q', K_ESC}, "back", "one level back", false},
    {QUIT, {'Q', K_CTRL('c')}, NULL, "leave the console; runs go on", false},
};

static const struct keys common_keys = {common_bindings,
                                        sizeof(common_bindings) / sizeof(common_bindings[0])};

/* --- what screens ask for --- */

const struct config *app_config(const struct app *app)
{
    return app->params->config;
}

void app_set_path(struct app *app, const char *path)
{
    app->path = path;
}

const char *app_path(const struct app *app)
{
    return app->path || !app->params->config ? app->path : app->params->config->path;
}

struct tasks *app_tasks(const struct app *app)
{
    return app->tasks;
}

struct hub *app_hub(const struct app *app)
{
    return app->hub;
}

struct proofs *app_proofs(const struct app *app)
{
    return app->proofs;
}

bool app_read_only(const struct app *app)
{
    return app->params->read_only;
}

const struct glyphs *app_glyphs(const struct app *app)
{
    return app->canvas.glyphs;
}

void app_say(struct app *app, enum theme_style style, const char *format, ...)
{
    char text[512];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    buf_reset(&app->message);
    buf_adds(&app->message, text);
    app->message_style = style;
    app->message_us = text_monotonic_us() + MESSAGE_US;
    app->dirty = true;
}

static struct frame *top(const struct app *app)
{
    return &app->stack[app->depth - 1];
}

/* A key means one thing on a screen; two bindings may share one where only one is offered. */
static void check_keys(const struct screen_class *class, const struct table *table)
{
    for (size_t i = 0; i < class->keys.count; i++) {
        for (size_t k = 0; k < KEYS_CODES && class->keys.items[i].codes[k]; k++) {
            int code = class->keys.items[i].codes[k];
            const struct keys_binding *first = keys_find(class->keys, code);
            assert(first == &class->keys.items[i] || class->offers);
            assert(!keys_find(common_keys, code));
            assert(!table || code == '\r' || !keys_find(table_keys, code));
            assert(!table || !table_sorts_by(table, code));
        }
    }
    for (size_t i = 0; table && i < common_keys.count; i++)
        assert(!table_sorts_by(table, common_keys.items[i].codes[0]));
}

void app_push(struct app *app, const struct screen_class *class, void *self)
{
    check_keys(class, class->table ? class->table(self) : NULL);
    app->stack = mem_grow(app->stack, (app->depth + 1) * sizeof(*app->stack));
    app->stack[app->depth++] = (struct frame){class, self};
    app->dirty = true;
}

static void close_top(struct app *app)
{
    struct frame frame = app->stack[--app->depth];

    tasks_forget(app->tasks, frame.self);
    if (frame.class->close)
        frame.class->close(frame.self);
    app->dirty = true;
}

void app_pop(struct app *app)
{
    close_top(app);
    if (app->depth == 0)
        app->quit = true;
}

void app_go(struct app *app, int number)
{
    static void (*const open[])(struct app * app) = {
        overview_open, runs_open, archives_open, restore_open, verify_open, settings_open,
    };

    if (number < 1 || number > 6)
        return;
    if (!app->params->config) {
        app_say(app, STYLE_WARN, "there is no configuration yet");
        return;
    }
    while (app->depth > 0)
        close_top(app);
    open[number - 1](app);
}

void app_keep(struct app *app, void *take_thing, void (*drop)(void *))
{
    if (app->kept)
        app->drop_kept(app->kept);
    app->kept = take_thing;
    app->drop_kept = drop;
}

void *app_take_kept(struct app *app)
{
    void *kept = app->kept;

    app->kept = NULL;
    return kept;
}

/* --- leaving --- */

static void leave(struct app *app, void *arg)
{
    (void)arg;
    app->quit = true;
}

/* What would be lost, and what goes on without the console. */
static void add_what_ends(const struct app *app, struct buf *text)
{
    struct task_info infos[TASKS_TOLD_MAX];
    size_t count = tasks_list(app->tasks, infos, TASKS_TOLD_MAX);
    const struct hub_run *run;

    for (size_t i = 0; i < count; i++) {
        if (!infos[i].matters)
            continue;
        buf_addf(text, "Ends with it: %s", infos[i].title);
        buf_addf(text, "%s%s\n", infos[i].progress[0] ? ", " : "", infos[i].progress);
    }
    for (size_t i = 0; (run = hub_run_at(app->hub, i)); i++) {
        if (hub_is_live(run))
            buf_addf(text, "Goes on: run %s\n", run->run_id);
    }
}

void app_quit(struct app *app)
{
    struct buf text = BUF_INIT;

    if (!tasks_matter(app->tasks)) {
        app->quit = true;
        return;
    }
    add_what_ends(app, &text);
    struct app_question question = {.title = "Leave the console?",
                                    .text = buf_str(&text),
                                    .verb = "leave",
                                    .key = 'y',
                                    .yes = leave};
    app_ask(app, &question);
    buf_done(&text);
}

/* --- the prompt --- */

static struct table *table_of(const struct app *app)
{
    struct frame *frame = top(app);

    return frame->class->table ? frame->class->table(frame->self) : NULL;
}

static void open_prompt(struct app *app, enum prompt_kind kind, const char *label,
                        const char *initial)
{
    app->prompting = true;
    app->kind = kind;
    app->dirty = true;
    prompt_begin(kind, label, initial, kind == PROMPT_COMMAND ? colon_complete : NULL,
                 (void *)app->params->commands);
}

void app_prompt(struct app *app, const struct app_prompt *prompt)
{
    app->prompt = *prompt;
    open_prompt(app, PROMPT_VALUE, prompt->label, prompt->initial);
}

static void follow_typing(struct app *app)
{
    struct table *table = table_of(app);

    if (table && app->kind == PROMPT_FILTER)
        table_filter(table, prompt_text());
    if (table && app->kind == PROMPT_SEARCH)
        table_search(table, prompt_text());
    if (app->kind == PROMPT_VALUE && app->prompt.changed)
        app->prompt.changed(app, app->prompt.self, prompt_text());
}

static void finish_prompt(struct app *app, bool entered)
{
    char *text = mem_strdup(prompt_text());
    struct table *table = table_of(app);

    app->prompting = false;
    prompt_end();
    if (!entered && table && app->kind == PROMPT_FILTER)
        table_filter(table, "");
    if (entered && table && app->kind == PROMPT_SEARCH && !table_search(table, text))
        app_say(app, STYLE_WARN, "not found: %s", text);
    if (entered && app->kind == PROMPT_COMMAND)
        colon_run(app, text, app->params->commands);
    if (app->kind == PROMPT_VALUE && app->prompt.changed)
        app->prompt.changed(app, app->prompt.self, NULL);
    if (entered && app->kind == PROMPT_VALUE)
        app->prompt.entered(app, app->prompt.self, text);
    free(text);
}

static void prompt_key(struct app *app, const struct term_key *key)
{
    enum prompt_state state = prompt_feed(key);

    if (state == PROMPT_GOES_ON)
        follow_typing(app);
    else
        finish_prompt(app, state == PROMPT_ENTERED);
}

/* --- common actions --- */

static char *row_as_text(const struct table *table, size_t row, const char *between, bool titles)
{
    struct buf text = BUF_INIT, cell = BUF_INIT;

    for (size_t i = 0; i < table->column_count; i++) {
        int ignored = STYLE_TEXT;
        buf_reset(&cell);
        table->source->cell(table->source->self, row, i, &cell, &ignored);
        if (titles)
            buf_addf(&text, "%-14s ", table->columns[i].title);
        buf_addf(&text, "%s%s", buf_str(&cell), i + 1 < table->column_count ? between : "");
    }
    buf_done(&cell);
    return buf_steal(&text);
}

static void view_row(struct app *app, struct table *table)
{
    size_t row;

    if (!table || !table_current(table, &row))
        return;
    struct buf text = BUF_INIT;
    char *lines = row_as_text(table, row, "\n", true);
    buf_adds(&text, lines);
    free(lines);
    app_page(app, table->source->id(table->source->self, row), &text);
}

static void copy_text(struct app *app, const char *text)
{
    if (term_copy(text))
        app_say(app, STYLE_GOOD, "copied");
    else
        app_say(app, STYLE_WARN, "too long for the clipboard");
}

static void copy_row(struct app *app, struct table *table)
{
    const struct frame *frame = top(app);
    struct buf own = BUF_INIT;
    size_t row;

    if (frame->class->copy) {
        frame->class->copy(frame->self, &own);
        copy_text(app, buf_str(&own));
    } else if (table && table_current(table, &row)) {
        char *text = row_as_text(table, row, "\t", false);
        copy_text(app, text);
        free(text);
    }
    buf_done(&own);
}

static void search_next(struct app *app, struct table *table, bool back)
{
    const struct frame *frame = top(app);

    if (frame->class->search) {
        frame->class->search->again(app, frame->self, back);
        return;
    }
    if (!table)
        return;
    if (table->search.len == 0)
        app_say(app, STYLE_WARN, "nothing was searched for: \\ does");
    else if (!table_search_next(table, back))
        app_say(app, STYLE_WARN, "not found: %s", buf_str(&table->search));
}

static void go_back(struct app *app, int code)
{
    struct table *table = table_of(app);

    if (code == K_ESC && table && table->filter.len > 0) {
        table_filter(table, "");
        return;
    }
    if (app->depth > 1)
        app_pop(app);
    else if (code == K_ESC && app->params->config)
        app_say(app, STYLE_DIM, "q leaves the console");
    else
        app_quit(app);
}

static void act_common(struct app *app, int action, int code)
{
    struct table *table = table_of(app);

    switch (action) {
    case HELP:
        help_open(app, top(app)->class, table, common_keys);
        break;
    case BACK:
        go_back(app, code);
        break;
    case QUIT:
        app_quit(app);
        break;
    case COMMAND:
        open_prompt(app, PROMPT_COMMAND, ":", NULL);
        break;
    case FILTER:
        if (top(app)->class->search)
            top(app)->class->search->filter(app, top(app)->self);
        else if (table)
            open_prompt(app, PROMPT_FILTER, "/", buf_str(&table->filter));
        break;
    case SEARCH:
        if (top(app)->class->search)
            top(app)->class->search->search(app, top(app)->self);
        else if (table)
            open_prompt(app, PROMPT_SEARCH, "\\", NULL);
        break;
    case NEXT:
    case PREVIOUS:
        search_next(app, table, action == PREVIOUS);
        break;
    case VIEW:
        view_row(app, table);
        break;
    case COPY:
        copy_row(app, table);
        break;
    case TASKS:
        tasks_open(app);
        break;
    case LOG:
        app_log(app);
        break;
    case REDRAW:
        term_repaint();
        break;
    case MOUSE:
        app->mouse_off = !app->mouse_off;
        term_mouse(!app->mouse_off);
        app_say(app, STYLE_DIM, app->mouse_off ? "mouse off: the terminal selects" : "mouse on");
        break;
    case SUSPEND:
        term_suspend();
        break;
    default:
        app_go(app, action - GO_1 + 1);
    }
}

/* --- one key --- */

static bool screen_offers(const struct app *app, const struct frame *frame,
                          const struct keys_binding *binding)
{
    if (binding->dangerous && app_read_only(app))
        return false;
    return !frame->class->offers || frame->class->offers(frame->self, binding->action);
}

static void act_screen(struct app *app, struct frame frame, const struct keys_binding *binding)
{
    if (binding->dangerous && app_read_only(app))
        app_say(app, STYLE_WARN, "read-only: %s", binding->help);
    else if (!screen_offers(app, &frame, binding))
        app_say(app, STYLE_DIM, "not now: %s", binding->help);
    else
        frame.class->act(app, frame.self, binding->action);
}

/* Of several with one key, the one that makes sense now. */
static const struct keys_binding *find_binding(const struct app *app, const struct frame *frame,
                                               int code)
{
    const struct keys_binding *first = keys_find(frame->class->keys, code), *b = first;
    const struct keys_binding *end = frame->class->keys.items + frame->class->keys.count;

    while (b && !screen_offers(app, frame, b)) {
        struct keys rest = {b + 1, (size_t)(end - b - 1)};
        b = keys_find(rest, code);
    }
    return b ? b : first;
}

static void take_key(struct app *app, const struct term_key *key)
{
    struct frame frame = *top(app); /* the stack may move */
    struct table *table = table_of(app);
    const struct keys_binding *binding;

    app->dirty = true;
    buf_reset(&app->message);
    if (app->prompting) {
        prompt_key(app, key);
        return;
    }
    if (frame.class->key && frame.class->key(app, frame.self, key))
        return;
    if ((binding = find_binding(app, &frame, key->code))) {
        act_screen(app, frame, binding);
        return;
    }
    switch (table ? table_key(table, key) : TABLE_NOTHING) {
    case TABLE_MOVED:
        return;
    case TABLE_OPEN:
        if ((binding = find_binding(app, &frame, '\r')))
            act_screen(app, frame, binding);
        return;
    case TABLE_NOTHING:
        break;
    }
    if ((binding = keys_find(common_keys, key->code)))
        act_common(app, binding->action, key->code);
}

/* --- painting --- */

static void draw_place(struct app *app)
{
    char **crumbs = mem_alloc(app->depth * sizeof(*crumbs));
    struct bars_place place = {.crumbs = crumbs,
                               .count = app->depth,
                               .table = table_of(app),
                               .read_only = app_read_only(app)};

    for (size_t i = 0; i < app->depth; i++) {
        const struct frame *frame = &app->stack[i];
        struct buf text = BUF_INIT;
        if (frame->class->crumb)
            frame->class->crumb(frame->self, &text);
        else
            buf_adds(&text, frame->class->name);
        crumbs[i] = buf_steal(&text);
    }
    bars_draw_place(&app->canvas, 1, &place);
    for (size_t i = 0; i < app->depth; i++)
        free(crumbs[i]);
    free(crumbs);
}

static void draw_keys(struct app *app, int row)
{
    const struct frame *frame = top(app);
    bool filters = table_of(app) != NULL;
    struct bars_keys screen = {.count = 0}, common = {.count = 0};

    for (size_t i = 0; i < frame->class->keys.count; i++) {
        if (screen_offers(app, frame, &frame->class->keys.items[i]))
            bars_add_key(&screen, &frame->class->keys.items[i]);
    }
    for (size_t i = 0; i < common_keys.count; i++) {
        if (filters || common_keys.items[i].action != FILTER)
            bars_add_key(&common, &common_keys.items[i]);
    }
    bars_draw_keys(&app->canvas, row, &screen, &common);
}

static void draw_bottom(struct app *app)
{
    int row = app->canvas.rows - 1;

    if (app->prompting)
        prompt_draw(&app->canvas, row);
    else if (top(app)->class->overlay) /* says its keys itself */
        return;
    else if (app->message.len > 0)
        canvas_put(&app->canvas, row, 1, app->canvas.cols - 1, app->message_style,
                   buf_str(&app->message));
    else
        draw_keys(app, row);
}

static void draw_screens(struct app *app)
{
    struct area area = {2, 0, app->canvas.rows - 3, app->canvas.cols};
    size_t from = app->depth - 1;

    while (from > 0 && app->stack[from].class->overlay)
        from--;
    for (size_t i = from; i < app->depth; i++) {
        if (app->stack[i].class->prepare)
            app->stack[i].class->prepare(app->stack[i].self);
        app->stack[i].class->draw(app->stack[i].self, &app->canvas, area);
    }
}

static void paint(struct app *app)
{
    int rows, cols;

    term_size(&rows, &cols);
    if (rows != app->canvas.rows || cols != app->canvas.cols)
        canvas_resize(&app->canvas, rows, cols);
    canvas_clear(&app->canvas);
    if (rows < ROWS_MIN || cols < COLS_MIN) {
        canvas_putf(&app->canvas, 0, 0, cols, STYLE_TEXT, "%dx%d is too small: %dx%d (Q quits)",
                    cols, rows, COLS_MIN, ROWS_MIN);
    } else {
        bars_draw_top(&app->canvas, app_path(app), app_config(app), app->hub);
        draw_place(app);
        draw_screens(app);
        draw_bottom(app);
    }
    term_show(&app->canvas);
    app->dirty = false;
}

/* --- the loop --- */

static void tick(struct app *app)
{
    int64_t now = text_monotonic_us();

    if (now < app->tick_us)
        return;
    app->tick_us = now + TICK_US;
    hub_look(app->hub);
    tasks_take(app->tasks); /* what was posted without hurry */
    if (now > app->message_us)
        buf_reset(&app->message);
    for (size_t i = 0; i < app->depth; i++) {
        if (app->stack[i].class->tick)
            app->stack[i].class->tick(app, app->stack[i].self);
    }
    app->dirty = true; /* the clock */
}

static void take_keys(struct app *app)
{
    struct term_key key;

    for (int n = 0; n < KEYS_MAX && !app->quit; n++) {
        enum term_event event = term_key(&key);
        if (event == TERM_NOTHING)
            return;
        app->lost = event == TERM_LOST;
        app->quit = app->lost || app->quit;
        if (!app->lost)
            take_key(app, &key);
    }
}

static void wait_and_take(struct app *app)
{
    struct pollfd fds[FDS_OWN + FDS_MAX] = {
        {.fd = term_fd(), .events = POLLIN},
        {.fd = term_signal_fd(), .events = POLLIN},
        {.fd = stop_fd(app->params->stop), .events = POLLIN},
        {.fd = tasks_fd(app->tasks), .events = POLLIN},
    };
    size_t count = FDS_OWN + hub_fds(app->hub, fds + FDS_OWN, FDS_MAX);
    int64_t left_ms = (app->tick_us - text_monotonic_us()) / 1000 + 1;

    poll(fds, count, left_ms > 0 ? (int)left_ms : 0);
    if (fds[1].revents)
        app->dirty = term_woken() || app->dirty;
    if (fds[2].revents)
        app->quit = true;
    if (fds[3].revents) {
        tasks_take(app->tasks);
        app->dirty = true;
    }
    app->dirty = hub_take(app->hub) || app->dirty;
    if (fds[0].revents)
        take_keys(app);
}

/* After the terminal is given back: nobody should wonder. */
static void tell_what_goes_on(const struct app *app)
{
    const struct hub_run *run;

    for (size_t i = 0; !app->lost && (run = hub_run_at(app->hub, i)); i++) {
        if (hub_is_live(run))
            printf("run %s goes on: archiver-tui watch %s\n", run->run_id, run->run_id);
    }
}

int app_run(const struct app_params *params, struct err *err)
{
    struct app app = {.params = params};

    if (!term_open(params->no_color, err))
        return err_exit_code(err->kind);
    app.canvas.glyphs = term_glyphs();
    app.tasks = tasks_new();
    app.hub = hub_new(app.tasks);
    app.proofs = proofs_new(app.tasks, params->config);
    if (params->open)
        params->open(&app, params->arg);
    else
        app_go(&app, 1);
    while (!app.quit) {
        tick(&app);
        if (app.dirty)
            paint(&app);
        wait_and_take(&app);
    }
    while (app.depth > 0)
        close_top(&app);
    app_keep(&app, NULL, NULL);
    if (app.prompting)
        prompt_end();
    term_close();
    tell_what_goes_on(&app);
    /* A server that does not answer keeps its thread, and what that thread uses; the process ends
     * with it. */
    if (!tasks_free(app.tasks, TASKS_WAIT_MS)) {
        fflush(stdout);
        _exit(0);
    }
    hub_free(app.hub);
    proofs_free(app.proofs);
    canvas_done(&app.canvas);
    buf_done(&app.message);
    free(app.stack);
    return 0;
}
