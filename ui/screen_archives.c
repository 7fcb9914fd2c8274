/* SPDX-License-Identifier: PostgreSQL
 *
 * The archives there are, earlier archiver's too, as the store's catalogs tell. They come by
 * hundreds as they are found, and the first are there at once.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "app.h"
#include "archive_tree.h"
#include "base/text.h"
#include "plot.h"
#include "preview.h"
#include "reader.h"
#include "screens.h"
#include "words.h"

enum { PORTION = 500, CHOSEN_MAX = 500, TREE_COLS = 34, WIDE = 110, LIST_MIN = 40 };

struct row {
    char *key, *table, *database;
    const struct archive_day *day; /* of the tree */
    char state[16], from[24], to[24];
    int64_t archived_us;
    uint64_t rows, bytes;
    bool restored;
};

struct portion {
    struct row rows[PORTION];
    size_t count;
};

struct screen {
    struct app *app;
    struct row *rows;
    size_t count, room;
    struct err err;
    bool whole;
    struct archive_tree *tree;
    bool in_tree;  /* the keys go there */
    int tree_cols; /* of the last drawing */
    struct table_source source;
    struct table table;
    struct {
        unsigned changes;
        size_t archives;
        uint64_t rows, bytes;
    } totals; /* as of table.changes */
};

/* --- asking --- */

struct ask {
    const struct config *config;
    struct task *task;
    struct portion *portion;
    struct err err;
};

static void free_row(struct row *row)
{
    free(row->key);
    free(row->table);
    free(row->database);
}

static void drop_portion(void *item)
{
    struct portion *portion = item;

    for (size_t i = 0; i < portion->count; i++)
        free_row(&portion->rows[i]);
    free(portion);
}

static void send_portion(struct ask *ask)
{
    if (ask->portion->count == 0)
        return;
    task_post(ask->task, ask->portion);
    ask->portion = mem_alloc(sizeof(*ask->portion));
}

static int64_t time_of(const char *text)
{
    int64_t us;

    return text && text_to_time(text, strlen(text), &us) ? us : 0;
}

static bool take_archive(const struct reader_archive *a, void *state, struct err *err)
{
    struct ask *ask = state;
    struct row *row = &ask->portion->rows[ask->portion->count++];

    *row = (struct row){.key = mem_strdup(a->key),
                        .database = mem_strdup(a->database),
                        .table = mem_printf("%s.%s.%s", a->database, a->schema, a->table),
                        .archived_us = time_of(a->archived_at),
                        .rows = a->records,
                        .bytes = a->bytes,
                        .restored = a->restored_at != NULL};
    snprintf(row->state, sizeof(row->state), "%s", a->state);
    snprintf(row->from, sizeof(row->from), "%.16s", a->min_timestamp ? a->min_timestamp : "");
    snprintf(row->to, sizeof(row->to), "%.16s", a->max_timestamp ? a->max_timestamp : "");
    if (ask->portion->count == PORTION)
        send_portion(ask);
    return !stop_asked(task_stop(ask->task)) || err_set(err, ERR_INTERRUPTED, "stopped");
}

static void look(struct task *task, void *arg)
{
    struct ask *ask = arg;
    struct reader_list_params params = {.config = ask->config, .stop = task_stop(task)};

    ask->task = task;
    ask->portion = mem_alloc(sizeof(*ask->portion));
    reader_list(&params, take_archive, ask, &ask->err);
    send_portion(ask);
    drop_portion(ask->portion);
}

/* By the day of the archive, as its key has it. */
static void put_in_tree(struct screen *s, struct row *row)
{
    struct buf time = BUF_INIT;
    char day[11];

    if (row->archived_us > 0)
        text_add_time(&time, row->archived_us);
    snprintf(day, sizeof(day), "%.10s", buf_str(&time));
    row->day = archive_tree_add(s->tree, row->database, row->table, day);
    buf_done(&time);
}

static void take_portion(void *owner, void *item)
{
    struct screen *s = owner;
    struct portion *portion = item;

    if (s->count + portion->count > s->room) {
        s->room = (s->count + portion->count) * 2;
        s->rows = mem_grow(s->rows, s->room * sizeof(*s->rows));
    }
    memcpy(s->rows + s->count, portion->rows, portion->count * sizeof(*s->rows));
    for (size_t i = s->count; i < s->count + portion->count; i++)
        put_in_tree(s, &s->rows[i]);
    s->count += portion->count;
    portion->count = 0; /* the texts are the screen's now */
    drop_portion(portion);
    archive_tree_refresh(s->tree);
    table_refresh(&s->table);
}

static void take_end(void *owner, void *arg)
{
    struct screen *s = owner;

    s->err = ((struct ask *)arg)->err;
    s->whole = s->err.kind == ERR_NONE;
}

static void forget_rows(struct screen *s)
{
    for (size_t i = 0; i < s->count; i++)
        free_row(&s->rows[i]);
    s->count = 0;
}

static void reload(struct screen *s)
{
    if (tasks_busy(app_tasks(s->app), s))
        return;
    struct ask *ask = mem_alloc(sizeof(*ask));
    ask->config = app_config(s->app);
    forget_rows(s);
    archive_tree_clear(s->tree);
    s->whole = false;
    s->err = ERR_INIT;
    table_refresh(&s->table);
    struct task_params params = {.title = "listing archives",
                                 .owner = s,
                                 .arg = ask,
                                 .err = &ask->err,
                                 .work = look,
                                 .item = take_portion,
                                 .drop_item = drop_portion,
                                 .done = take_end,
                                 .drop = free};
    tasks_start(app_tasks(s->app), &params);
}

/* --- the table --- */

enum shown { TABLE, SIGN, FROM, TO, ROWS, STORED, MADE, KEY };

static const struct table_column columns[] = {
    [TABLE] = {.title = "table", .min = 20, .max = 36, .frozen = true, .sort_key = 'T'},
    [SIGN] = {.title = "state", .min = 9, .max = 11, .sort_key = 'S'},
    [FROM] = {.title = "from", .min = 10, .sort_key = 'F'},
    [TO] = {.title = "to", .min = 10, .sort_key = 'O'},
    [ROWS] = {.title = "rows", .min = 7, .right = true, .sort_key = 'R', .downward = true},
    [STORED] = {.title = "stored", .min = 8, .right = true, .sort_key = 'B', .downward = true},
    [MADE] = {.title = "archived", .min = 8, .right = true, .sort_key = 'A', .downward = true},
    [KEY] = {.title = "archive", .min = 10},
};

static size_t count(const void *self)
{
    return ((const struct screen *)self)->count;
}

static const char *id(const void *self, size_t row)
{
    return ((const struct screen *)self)->rows[row].key;
}

static bool shown(const void *self, size_t row)
{
    const struct screen *s = self;

    return archive_tree_holds(s->tree, s->rows[row].day);
}

/* A letter says it where colours do not. */
static void add_state(const struct row *row, struct buf *text, int *style)
{
    static const struct {
        const char *state;
        enum theme_style style;
    } states[] = {{"settled", STYLE_GOOD},
                  {"pending", STYLE_WARN},
                  {"foreign", STYLE_DIM},
                  {"rolled_back", STYLE_DIM}};

    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
        if (strcmp(states[i].state, row->state) == 0)
            *style = (int)states[i].style;
    }
    buf_addf(text, "%s%s", row->state, row->restored ? " R" : "");
}

static void cell(const void *self, size_t at, size_t column, struct buf *text, int *style)
{
    const struct row *row = &((const struct screen *)self)->rows[at];

    switch ((enum shown)column) {
    case TABLE:
        buf_adds(text, row->table);
        break;
    case SIGN:
        add_state(row, text, style);
        break;
    case FROM:
        buf_addf(text, "%.10s", row->from);
        break;
    case TO:
        buf_addf(text, "%.10s", row->to);
        break;
    case ROWS:
        plot_count(text, (double)row->rows);
        break;
    case STORED:
        text_add_bytes(text, row->bytes);
        break;
    case MADE:
        if (row->archived_us > 0)
            words_add_age(text, row->archived_us);
        break;
    case KEY:
        buf_adds(text, row->key);
        *style = STYLE_DIM;
        break;
    }
}

static int compare(const void *self, size_t a, size_t b, size_t column)
{
    const struct row *one = &((const struct screen *)self)->rows[a];
    const struct row *other = &((const struct screen *)self)->rows[b];

    switch ((enum shown)column) {
    case TABLE:
        return strcmp(one->table, other->table);
    case SIGN:
        return strcmp(one->state, other->state);
    case FROM:
        return strcmp(one->from, other->from);
    case TO:
        return strcmp(one->to, other->to);
    case ROWS:
        return (one->rows > other->rows) - (one->rows < other->rows);
    case STORED:
        return (one->bytes > other->bytes) - (one->bytes < other->bytes);
    default:
        return (one->archived_us > other->archived_us) - (one->archived_us < other->archived_us);
    }
}

/* --- keys --- */

enum action { OPEN = 1, PREVIEW, FIND, WHERE, DRY_RUN, BRING_BACK, RESTORE, VERIFY, TREE, RELOAD };

static const struct keys_binding bindings[] = {
    {OPEN, {'\r', 'i'}, "open", "facts, members and schema of it; in the tree, the list", false},
    {PREVIEW, {'p'}, "rows", "rows of the marked ones, or of this one", false},
    {FIND, {'f'}, "find", "a primary key in the archives of this one's table", false},
    {WHERE, {'w'}, "where", "rows of the marked ones, or of all shown, that match", false},
    {TREE, {'\t'}, "tree", "between the tree and the list", false},
    {DRY_RUN, {'d'}, "dry run", "what bringing the marked ones back, or this one, would do", false},
    {BRING_BACK,
     {'b'},
     "bring back",
     "rows of the marked ones, or this one, into their tables",
     true},
    {RESTORE, {'o'}, "restore as", "the same with a say in where to, columns, conflicts", false},
    {VERIFY, {'c'}, "verify", "verify the marked ones, or this one", false},
    {RELOAD, {'r', K_CTRL('r')}, "reload", "list again", false},
};

/* The marked ones, else the one that the cursor is on. */
struct chosen {
    char *words[CHOSEN_MAX + 3]; /* restore, their keys, --dry-run or nothing; NULL-ended */
    size_t count;                /* of archives */
    uint64_t rows;
};

static void free_chosen(void *arg)
{
    struct chosen *chosen = arg;

    for (size_t i = 0; chosen->words[i]; i++)
        free(chosen->words[i]);
    free(chosen);
}

/* NULL: none, or too many, which is said. */
static struct chosen *choose(struct screen *s)
{
    struct chosen *chosen = mem_alloc(sizeof(*chosen));
    bool marked = table_marked(&s->table) > 0;
    size_t current = SIZE_MAX, all = 0;

    table_current(&s->table, &current);
    chosen->words[0] = mem_strdup("restore");
    for (size_t at = 0; at < s->table.count; at++) {
        size_t i = table_row(&s->table, at);
        if (marked ? !table_is_marked(&s->table, i) : i != current)
            continue;
        if (all++ >= CHOSEN_MAX)
            continue;
        chosen->words[++chosen->count] = mem_strdup(s->rows[i].key);
        chosen->rows += s->rows[i].rows;
    }
    if (all > 0 && all <= CHOSEN_MAX)
        return chosen;
    if (marked && all == 0)
        app_say(s->app, STYLE_WARN, "the marked ones are not among those shown");
    if (all > 0)
        app_say(s->app, STYLE_WARN, "%d archives at a time; :restore --run ID takes a whole run",
                CHOSEN_MAX);
    free_chosen(chosen);
    return NULL;
}

static void dry_run(struct screen *s)
{
    struct chosen *chosen = choose(s);

    if (!chosen)
        return;
    chosen->words[chosen->count + 1] = mem_strdup("--dry-run");
    app_run_words(s->app, (const char *const *)chosen->words);
    free_chosen(chosen);
}

static void start_restore(struct app *app, void *arg)
{
    struct chosen *chosen = arg;

    app_start(app, (const char *const *)chosen->words);
    free_chosen(chosen);
}

static void ask_restore(struct screen *s)
{
    struct chosen *chosen = choose(s);
    struct buf text = BUF_INIT;

    if (!chosen)
        return;
    text_add_count(&text, chosen->rows);
    buf_addf(&text, " rows of %zu archive%s", chosen->count, chosen->count == 1 ? "" : "s");
    buf_addf(&text, "%s%s\n", chosen->count == 1 ? ", " : "",
             chosen->count == 1 ? chosen->words[1] : "");
    buf_adds(&text,
             "They go into the tables they came from, each table in a transaction of its own; "
             "a row that is there already stops its table. `d` tells before, `o` has other ways.");
    struct app_question question = {.title = "Bring rows back?",
                                    .text = buf_str(&text),
                                    .verb = "bring them back",
                                    .key = 'y',
                                    .yes = start_restore,
                                    .drop = free_chosen,
                                    .arg = chosen};
    app_ask(s->app, &question);
    buf_done(&text);
}

static void open_restore(struct screen *s)
{
    struct chosen *chosen = choose(s);

    if (!chosen)
        return;
    restore_open_keys(s->app, (const char *const *)chosen->words + 1);
    free_chosen(chosen);
}

/* What rows are looked for in: the marked ones, else this one, or all that are shown. The keys are
 * borrowed from the rows. */
static struct browse_part *choose_parts(const struct screen *s, bool all, size_t *ret_count)
{
    struct browse_part *parts = mem_alloc((s->table.count + 1) * sizeof(*parts));
    bool marked = table_marked(&s->table) > 0;
    size_t current = SIZE_MAX;

    *ret_count = 0;
    table_current(&s->table, &current);
    for (size_t i = 0; i < s->table.count; i++) {
        size_t row = table_row(&s->table, i);
        if (marked ? table_is_marked(&s->table, row) : all || row == current)
            parts[(*ret_count)++] = (struct browse_part){s->rows[row].key, s->rows[row].rows};
    }
    return parts;
}

static void open_rows(struct screen *s, const char *where)
{
    struct preview_params params = {.where = where};
    struct browse_part *parts = choose_parts(s, where != NULL, &params.part_count);

    params.parts = parts;
    if (params.part_count > 0)
        preview_open(s->app, &params);
    free(parts);
}

static void take_where(struct app *app, void *self, const char *text)
{
    (void)app;
    if (*text)
        open_rows(self, text);
}

static void take_key(struct app *app, void *self, const char *text)
{
    const struct screen *s = self;
    size_t at;

    if (*text && table_current(&s->table, &at))
        find_open(app, s->rows[at].database, s->rows[at].table + strlen(s->rows[at].database) + 1,
                  text);
}

static void ask(struct screen *s, const char *label,
                void (*entered)(struct app *app, void *self, const char *text))
{
    struct app_prompt prompt = {.label = label, .entered = entered, .self = s};

    app_prompt(s->app, &prompt);
}

static void open_row(struct screen *s)
{
    size_t at;

    if (s->in_tree) {
        if (!archive_tree_is_open(s->tree))
            archive_tree_open(s->tree, true);
        s->in_tree = false;
    } else if (table_current(&s->table, &at)) {
        archive_open(s->app, s->rows[at].key);
    }
}

static void verify(struct screen *s)
{
    struct buf keys = BUF_INIT;
    size_t count;
    struct browse_part *parts = choose_parts(s, false, &count);

    for (size_t i = 0; i < count && i < CHOSEN_MAX; i++) {
        buf_adds(&keys, i > 0 ? " " : "");
        text_add_name(&keys, parts[i].key, " ");
    }
    if (count > CHOSEN_MAX)
        app_say(s->app, STYLE_WARN, "%d archives at a time; 5 verifies whole tables", CHOSEN_MAX);
    else if (count > 0)
        verify_form_open(s->app, buf_str(&keys));
    buf_done(&keys);
    free(parts);
}

static void act(struct app *app, void *self, int action)
{
    struct screen *s = self;

    (void)app;
    switch ((enum action)action) {
    case OPEN:
        open_row(s);
        break;
    case PREVIEW:
        open_rows(s, NULL);
        break;
    case FIND:
        ask(s, "key: ", take_key);
        break;
    case WHERE:
        ask(s, "where: ", take_where);
        break;
    case RESTORE:
        open_restore(s);
        break;
    case DRY_RUN:
        dry_run(s);
        break;
    case BRING_BACK:
        ask_restore(s);
        break;
    case VERIFY:
        verify(s);
        break;
    case TREE:
        s->in_tree = !s->in_tree;
        break;
    case RELOAD:
        reload(s);
        break;
    }
}

/* In the tree, to the right is deeper. */
static bool take_any_key(struct app *app, void *self, const struct term_key *key)
{
    struct screen *s = self;
    bool open = key->code == K_RIGHT || key->code == 'l';

    (void)app;
    if (key->code == K_CLICK && (s->in_tree || s->tree_cols > 0))
        s->in_tree = key->col < s->tree_cols;
    if (s->in_tree && key->code == K_ESC && archive_tree_table(s->tree)->filter.len == 0) {
        s->in_tree = false;
        return true;
    }
    if (!s->in_tree || (!open && key->code != K_LEFT && key->code != 'h'))
        return false;
    archive_tree_open(s->tree, open);
    return true;
}

/* --- drawing --- */

/* Of what is marked, else of what tree and filter leave. */
static void count_totals(struct screen *s)
{
    bool marked = table_marked(&s->table) > 0;

    s->totals.changes = s->table.changes;
    s->totals.archives = 0;
    s->totals.rows = s->totals.bytes = 0;
    for (size_t i = 0; i < s->table.count; i++) {
        size_t at = table_row(&s->table, i);
        if (marked && !table_is_marked(&s->table, at))
            continue;
        s->totals.archives++;
        s->totals.rows += s->rows[at].rows;
        s->totals.bytes += s->rows[at].bytes;
    }
}

static void draw_totals(const struct screen *s, struct canvas *c, int row)
{
    struct buf text = BUF_INIT;

    text_add_count(&text, s->totals.archives);
    buf_addf(&text, " archives%s, ", table_marked(&s->table) > 0 ? " marked" : "");
    text_add_count(&text, s->totals.rows);
    buf_adds(&text, " rows, ");
    text_add_bytes(&text, s->totals.bytes);
    if (!s->whole && s->err.kind == ERR_NONE)
        buf_addf(&text, "  listing%s", c->glyphs->ellipsis);
    int used = canvas_put(c, row, 1, c->cols - 2, STYLE_BOLD, buf_str(&text));
    buf_reset(&text);
    archive_tree_add_choice(s->tree, &text);
    if (text.len > 0)
        canvas_putf(c, row, used + 3, c->cols - used - 4, STYLE_MARKED, "of %s", buf_str(&text));
    buf_done(&text);
}

static void prepare(void *self)
{
    struct screen *s = self;

    if (archive_tree_moved(s->tree))
        table_refresh(&s->table);
    if (s->totals.changes != s->table.changes)
        count_totals(s);
}

/* Beside each other where there is room; else the tree is there while one is in it. */
static void draw_panes(struct screen *s, struct canvas *c, struct area area)
{
    bool tree = s->in_tree || area.cols >= WIDE;
    int cols = tree ? TREE_COLS < area.cols - LIST_MIN ? TREE_COLS : area.cols / 2 : 0;

    s->tree_cols = cols;
    if (tree) {
        archive_tree_table(s->tree)->unfocused = !s->in_tree;
        table_draw(archive_tree_table(s->tree), c, (struct area){area.row, 0, area.rows, cols});
        canvas_fill(c, (struct area){area.row, cols, area.rows, 1}, c->glyphs->vertical, STYLE_DIM);
        cols++;
    }
    s->table.unfocused = s->in_tree;
    table_draw(&s->table, c, (struct area){area.row, cols, area.rows, area.cols - cols});
}

static void draw(void *self, struct canvas *c, struct area area)
{
    struct screen *s = self;
    size_t at;

    s->table.empty = s->err.kind != ERR_NONE ? s->err.what : s->whole ? "no archive" : "listing";
    draw_totals(s, c, area.row);
    draw_panes(s, c, (struct area){area.row + 1, 0, area.rows - 3, area.cols});
    canvas_rule(c, area.row + area.rows - 2, 0, c->cols, NULL);
    if (s->err.kind != ERR_NONE)
        canvas_putf(c, area.row + area.rows - 1, 1, c->cols - 2, STYLE_BAD, "%s: %s", s->err.what,
                    s->err.why);
    else if (table_current(&s->table, &at))
        canvas_put(c, area.row + area.rows - 1, 1, c->cols - 2, STYLE_DIM, s->rows[at].key);
}

static struct table *table_of(void *self)
{
    struct screen *s = self;

    return s->in_tree ? archive_tree_table(s->tree) : &s->table;
}

static void close_screen(void *self)
{
    struct screen *s = self;

    forget_rows(s);
    free(s->rows);
    table_done(&s->table);
    archive_tree_free(s->tree);
    free(s);
}

static const struct screen_class archives_class = {.name = "Archives",
                                                   .keys = KEYS(bindings),
                                                   .act = act,
                                                   .table = table_of,
                                                   .key = take_any_key,
                                                   .prepare = prepare,
                                                   .draw = draw,
                                                   .close = close_screen};

void archives_open(struct app *app)
{
    struct screen *s = mem_alloc(sizeof(*s));

    s->app = app;
    s->source = (struct table_source){
        .self = s, .count = count, .cell = cell, .compare = compare, .id = id, .shown = shown};
    s->tree = archive_tree_new();
    table_init(&s->table, &s->source, columns, sizeof(columns) / sizeof(columns[0]));
    reload(s);
    app_push(app, &archives_class, s);
}
