/* SPDX-License-Identifier: PostgreSQL
 *
 * Rows of a preview into a file, by a task that outlives the screen.
 */
#include <stdlib.h>

#include "app.h"
#include "base/text.h"
#include "extract.h"
#include "preview.h"

struct export
{
    struct app *app;
    struct browse_part *parts;
    size_t part_count;
    char *where, *path;
    uint64_t *rows; /* NULL: all */
    size_t row_count;
    uint64_t written;
    struct err err;
};

static void drop(void *arg)
{
    struct export *x = arg;

    for (size_t i = 0; i < x->part_count; i++)
        free((char *)x->parts[i].key);
    free(x->parts);
    free(x->where);
    free(x->path);
    free(x->rows);
    free(x);
}

static void work(struct task *task, void *arg)
{
    struct export *x = arg;
    struct extract_params params = {.config = app_config(x->app),
                                    .parts = x->parts,
                                    .part_count = x->part_count,
                                    .where = x->where,
                                    .rows = x->rows,
                                    .row_count = x->row_count,
                                    .path = x->path,
                                    .stop = task_stop(task)};

    extract_run(&params, &x->written, &x->err);
}

static void done(void *owner, void *arg)
{
    struct export *x = arg;
    struct buf count = BUF_INIT;

    (void)owner;
    text_add_count(&count, x->written);
    if (x->err.kind == ERR_NONE)
        app_say(x->app, STYLE_GOOD, "%s row%s in %s", buf_str(&count), x->written == 1 ? "" : "s",
                x->path);
    else
        app_fail(x->app, &x->err);
    buf_done(&count);
}

static int by_number(const void *a, const void *b)
{
    uint64_t one = *(const uint64_t *)a, other = *(const uint64_t *)b;

    return (one > other) - (one < other);
}

/* The marked rows, in the list of all. */
static void pick_rows(struct export *x, const struct pages *pages, const struct table *table)
{
    size_t part;
    uint64_t own;

    x->rows = mem_alloc((table_marked(table) + 1) * sizeof(*x->rows));
    for (size_t i = 0; i < table_marked(table); i++) {
        size_t row = preview_row_of(table->marks[i]);
        if (row < table->count && pages_place(pages, row, &x->rows[x->row_count], &part, &own))
            x->row_count++;
    }
    if (x->row_count > 1) /* marks are in the order of texts */
        qsort(x->rows, x->row_count, sizeof(*x->rows), by_number);
}

void preview_export(struct app *app, const struct pages *pages, const struct table *table,
                    const char *where, const char *path)
{
    struct export *x = mem_alloc(sizeof(*x));
    const struct browse_part *parts = pages_parts(pages, &x->part_count);

    x->app = app;
    x->path = mem_strdup(path);
    x->parts = mem_alloc((x->part_count + 1) * sizeof(*x->parts));
    for (size_t i = 0; i < x->part_count; i++)
        x->parts[i] = (struct browse_part){mem_strdup(parts[i].key), parts[i].rows};
    if (table_marked(table) > 0)
        pick_rows(x, pages, table);
    else if (where)
        x->where = mem_strdup(where);
    char *title = mem_printf("export into %s", path);
    struct task_params params = {.title = title,
                                 .owner = app, /* it goes on where the screen is left */
                                 .arg = x,
                                 .err = &x->err,
                                 .work = work,
                                 .done = done,
                                 .drop = drop,
                                 .matters = true};
    tasks_start(app_tasks(app), &params);
    free(title);
}
