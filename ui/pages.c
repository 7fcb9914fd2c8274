/* SPDX-License-Identifier: PostgreSQL
 *
 * The browse belongs to one job at a time, or to nobody. What a painter needs of it is copied when
 * a job ends.
 */
#include "pages.h"

#include <stdlib.h>

#include "base/text.h"

enum {
    PAGE_ROWS = 200,
    PAGES_MAX = 32,     /* kept */
    MATCHES_MAX = 5000, /* shown of a filter */
};

struct kept {
    struct browse_page *page;
    uint64_t number;
    int64_t used_us;
};

struct named {
    char *name;
    enum pages_kind kind;
};

enum work { READ, SEARCH, FIND };

/* What a task is asked for, and what it found. */
struct job {
    struct pages *pages; /* only where the owner is there */
    struct browse *browse;
    enum work work;
    uint64_t number; /* of a page */
    struct browse_page *page;
    char *text; /* of a search, or a key */
    uint64_t from;
    bool is_where, back, opened;
    bool found;
    uint64_t row;
    struct err err;
};

struct pages {
    struct pages_params params;
    struct browse_part *parts;
    char *where;
    struct browse *browse; /* NULL: a job has it */
    struct job *next;      /* waits for it */
    struct stop *running;  /* ends the job that has the browse */
    bool opened;           /* what there is, is known; */
    bool ready;            /* to this browse, too */
    bool searches;         /* the job that has the browse */
    bool searching, whole;
    struct err err;
    struct err passed_over; /* by a filter */
    uint64_t rows;
    uint64_t *firsts; /* of the archives, in the list */
    struct named *columns;
    size_t column_count;
    char *timestamp;
    struct kept *kept;
    size_t kept_count;
    struct store_stats cost, before; /* before: of browses that were given up */
};

static void drop_job(void *arg)
{
    struct job *job = arg;

    if (!job)
        return;
    browse_free(job->browse);
    browse_page_free(job->page);
    free(job->text);
    free(job);
}

static void open_browse(struct pages *p)
{
    struct browse_params params = {.config = app_config(p->params.app),
                                   .parts = p->parts,
                                   .part_count = p->params.part_count,
                                   .where = p->where};

    p->browse = browse_new(&params);
    for (size_t i = 0; i < p->column_count; i++) /* pages that are kept go by their order */
        browse_know_column(p->browse, p->columns[i].name);
}

struct pages *pages_new(const struct pages_params *params)
{
    struct pages *p = mem_alloc(sizeof(*p));

    p->params = *params;
    p->where = params->where ? mem_strdup(params->where) : NULL;
    p->parts = mem_alloc((params->part_count + 1) * sizeof(*p->parts));
    for (size_t i = 0; i < params->part_count; i++)
        p->parts[i] = (struct browse_part){mem_strdup(params->parts[i].key), params->parts[i].rows};
    p->firsts = mem_alloc((params->part_count + 1) * sizeof(*p->firsts));
    open_browse(p);
    return p;
}

static void forget_pages(struct pages *p)
{
    for (size_t i = 0; i < p->kept_count; i++)
        browse_page_free(p->kept[i].page);
    p->kept_count = 0;
}

void pages_free(struct pages *p)
{
    if (!p)
        return;
    browse_free(p->browse);
    drop_job(p->next);
    forget_pages(p);
    free(p->kept);
    for (size_t i = 0; i < p->column_count; i++)
        free(p->columns[i].name);
    free(p->columns);
    for (size_t i = 0; i < p->params.part_count; i++)
        free((char *)p->parts[i].key);
    free(p->parts);
    free(p->firsts);
    free(p->timestamp);
    free(p->where);
    free(p);
}

/* --- in the worker --- */

static void work(struct task *task, void *arg)
{
    struct job *job = arg;

    (void)task;
    if (!job->opened && !browse_open(job->browse, &job->err))
        return;
    job->opened = true;
    if (job->work == READ) {
        job->page = browse_read(job->browse, job->number * PAGE_ROWS, PAGE_ROWS, &job->err);
    } else if (job->work == SEARCH) {
        struct browse_wanted wanted = {job->text, job->is_where, job->from, job->back};
        browse_search(job->browse, &wanted, &job->found, &job->row, &job->err);
    } else {
        browse_find(job->browse, job->text, &job->found, &job->row, &job->err);
    }
}

/* --- what comes of it --- */

static enum pages_kind kind_of(const struct type *type)
{
    if (!type)
        return PAGES_UNKNOWN;
    return type->kind == TYPE_JSON ? PAGES_JSON : PAGES_PLAIN;
}

static void learn_columns(struct pages *p, const struct browse *browse)
{
    size_t count = browse_column_count(browse);

    p->columns = mem_grow(p->columns, (count + 1) * sizeof(*p->columns));
    for (size_t i = p->column_count; i < count; i++)
        p->columns[i] =
            (struct named){mem_strdup(browse_column(browse, i)), kind_of(browse_type(browse, i))};
    p->column_count = count;
    if (!p->timestamp && browse_timestamp(browse))
        p->timestamp = mem_strdup(browse_timestamp(browse));
}

static void learn_parts(struct pages *p, const struct browse *browse)
{
    uint64_t rows = browse_rows(browse);

    memcpy(p->firsts, browse_firsts(browse), p->params.part_count * sizeof(*p->firsts));
    if (!p->where)
        p->rows = rows;
    p->opened = p->ready = true;
}

/* The one that was not looked at for the longest makes room. */
static void keep_page(struct pages *p, struct browse_page *page, uint64_t number)
{
    struct kept kept = {page, number, text_monotonic_us()};
    size_t oldest = 0;

    if (p->kept_count < PAGES_MAX || p->where) {
        p->kept = mem_grow(p->kept, (p->kept_count + 1) * sizeof(*p->kept));
        p->kept[p->kept_count++] = kept;
        return;
    }
    for (size_t i = 1; i < p->kept_count; i++) {
        if (p->kept[i].used_us < p->kept[oldest].used_us)
            oldest = i;
    }
    browse_page_free(p->kept[oldest].page);
    p->kept[oldest] = kept;
}

static void take_page(struct pages *p, struct job *job)
{
    if (p->where) {
        p->rows += job->page->rows;
        err_also(&p->passed_over, &job->page->err);
    }
    p->whole = !p->where || browse_at_end(job->browse);
    keep_page(p, job->page, job->number);
    job->page = NULL;
}

static void take_cost(struct pages *p, const struct browse *browse)
{
    browse_stats(browse, &p->cost);
    p->cost.requests += p->before.requests;
    p->cost.bytes_received += p->before.bytes_received;
}

static void start(struct pages *p, struct job *job);

/* Another browse. Rows found stay. */
static void renew(struct pages *p)
{
    p->before = p->cost;
    browse_free(p->browse);
    open_browse(p);
    p->ready = false;
}

void pages_retry(struct pages *p)
{
    p->err = ERR_INIT;
    if (!p->browse)
        return;
    renew(p);
    if (p->where) {
        forget_pages(p);
        p->passed_over = ERR_INIT;
        p->rows = 0;
        p->whole = false;
    }
}

/* One that waits is not begun; a page that is being read meanwhile is no search. */
void pages_cancel(struct pages *p)
{
    drop_job(p->next);
    p->next = NULL;
    if (!p->browse && p->searches)
        stop_ask(p->running, true);
    p->searching = !p->browse && p->searches;
}

static void take(void *owner, void *arg)
{
    struct job *job = arg;
    struct pages *p = job->pages;

    if (job->work == READ || !p->opened)
        p->err = job->err;
    if (browse_column_count(job->browse) > 0)
        learn_columns(p, job->browse);
    if (!p->ready && job->opened)
        learn_parts(p, job->browse);
    take_cost(p, job->browse);
    if (job->page)
        take_page(p, job);
    p->browse = job->browse; /* `drop` comes behind this */
    job->browse = NULL;
    if (stop_asked(browse_stop(p->browse))) { /* it reads no more */
        if (job->work == READ && p->err.kind == ERR_NONE)
            err_set(&p->err, ERR_INTERRUPTED, "reading was stopped");
        renew(p);
    }
    if (job->work != READ) {
        p->searching = false;
        p->params.found(owner, job->found, job->row, &job->err);
    }
    if (p->next) {
        struct job *next = p->next;
        p->next = NULL;
        start(p, next);
    }
    p->params.changed(owner);
}

/* --- asking --- */

static void start(struct pages *p, struct job *job)
{
    static const char *const titles[] = {
        [READ] = "reading rows", [SEARCH] = "searching rows", [FIND] = "finding a key"};

    job->pages = p;
    job->browse = p->browse;
    job->opened = p->ready;
    p->running = browse_stop(job->browse);
    p->browse = NULL;
    p->searches = job->work != READ;
    p->searching = p->searches || p->next;
    struct task_params params = {.title = titles[job->work],
                                 .owner = p->params.owner,
                                 .arg = job,
                                 .err = &job->err,
                                 .stop = browse_stop(job->browse),
                                 .work = work,
                                 .done = take,
                                 .drop = drop_job};
    tasks_start(app_tasks(p->params.app), &params);
}

static void ask(struct pages *p, struct job *job)
{
    if (p->browse) {
        start(p, job);
        return;
    }
    drop_job(p->next);
    p->next = job;
    p->searching = true;
}

void pages_search(struct pages *p, const struct browse_wanted *wanted)
{
    struct job *job = mem_alloc(sizeof(*job));

    job->work = SEARCH;
    job->text = mem_strdup(wanted->text);
    job->from = wanted->from;
    job->is_where = wanted->is_where;
    job->back = wanted->back;
    ask(p, job);
}

void pages_find(struct pages *p, const char *key)
{
    struct job *job = mem_alloc(sizeof(*job));

    job->work = FIND;
    job->text = mem_strdup(key);
    ask(p, job);
}

static void fetch(struct pages *p, uint64_t number)
{
    if (!p->browse || p->err.kind != ERR_NONE)
        return;
    struct job *job = mem_alloc(sizeof(*job));
    job->number = number;
    start(p, job);
}

static struct kept *find_page(const struct pages *p, uint64_t number)
{
    for (size_t i = 0; i < p->kept_count; i++) {
        if (p->kept[i].number == number)
            return &p->kept[i];
    }
    return NULL;
}

static void want_matches(struct pages *p, size_t behind)
{
    if (!p->whole && !pages_full(p) && behind + PAGE_ROWS > p->rows)
        fetch(p, p->kept_count);
}

void pages_want(struct pages *p, size_t first, size_t rows)
{
    uint64_t last = (first + (rows > 0 ? rows - 1 : 0)) / PAGE_ROWS;

    if (!p->opened) {
        fetch(p, first / PAGE_ROWS);
        return;
    }
    if (p->where) {
        want_matches(p, first + rows);
        return;
    }
    for (uint64_t n = first / PAGE_ROWS; n <= last + 1 && n * PAGE_ROWS < p->rows; n++) {
        struct kept *kept = find_page(p, n);
        if (!kept) {
            fetch(p, n);
            return;
        }
        kept->used_us = text_monotonic_us();
    }
}

/* --- what there is --- */

bool pages_opened(const struct pages *p)
{
    return p->opened;
}

const struct err *pages_error(const struct pages *p)
{
    return &p->err;
}

const struct err *pages_passed_over(const struct pages *p)
{
    return p->passed_over.kind != ERR_NONE ? &p->passed_over : NULL;
}

uint64_t pages_rows(const struct pages *p)
{
    return p->rows;
}

bool pages_whole(const struct pages *p)
{
    return p->whole;
}

bool pages_full(const struct pages *p)
{
    return p->where && p->rows >= MATCHES_MAX;
}

const struct browse_part *pages_parts(const struct pages *p, size_t *ret_count)
{
    *ret_count = p->params.part_count;
    return p->parts;
}

size_t pages_columns(const struct pages *p)
{
    return p->column_count;
}

const char *pages_column(const struct pages *p, size_t i)
{
    return p->columns[i].name;
}

enum pages_kind pages_kind(const struct pages *p, size_t i)
{
    return p->columns[i].kind;
}

const char *pages_timestamp(const struct pages *p)
{
    return p->timestamp;
}

bool pages_searching(const struct pages *p)
{
    return p->searching;
}

const struct store_stats *pages_cost(const struct pages *p)
{
    return &p->cost;
}

/* Of a filter's pages each may be short, so that rows are counted through them. */
static const struct browse_page *page_of(const struct pages *p, size_t row, size_t *ret_at)
{
    if (!p->where) {
        const struct kept *kept = find_page(p, row / PAGE_ROWS);
        *ret_at = row % PAGE_ROWS;
        return kept && *ret_at < kept->page->rows ? kept->page : NULL;
    }
    for (size_t i = 0; i < p->kept_count; i++) {
        const struct browse_page *page = p->kept[i].page;
        if (row < page->first + page->rows) {
            *ret_at = row - page->first;
            return page;
        }
    }
    return NULL;
}

const struct browse_value *pages_value(const struct pages *p, size_t row, size_t column)
{
    static const struct browse_value absent = {.is = BROWSE_ABSENT};
    size_t at;
    const struct browse_page *page = page_of(p, row, &at);

    if (!page)
        return NULL;
    return column < page->columns ? &page->values[at * page->columns + column] : &absent;
}

const struct err *pages_damage(const struct pages *p, size_t row)
{
    size_t at;
    const struct browse_page *page = page_of(p, row, &at);

    for (size_t i = 0; page && i < page->columns; i++) {
        if (page->values[at * page->columns + i].is == BROWSE_UNREADABLE)
            return &page->err;
    }
    return NULL;
}

bool pages_place(const struct pages *p, size_t row, uint64_t *ret_place, size_t *ret_part,
                 uint64_t *ret_row)
{
    size_t at = 0;
    const struct browse_page *page = p->where ? page_of(p, row, &at) : NULL;

    if (!p->opened || (p->where && !page))
        return false;
    *ret_place = p->where ? page->places[at] : row;
    *ret_part = browse_part_of(p->firsts, p->params.part_count, *ret_place);
    *ret_row = *ret_place - p->firsts[*ret_part];
    return true;
}
