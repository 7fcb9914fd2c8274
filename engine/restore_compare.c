/* SPDX-License-Identifier: PostgreSQL */
#include "restore_compare.h"

#include <stdlib.h>

#include "base/text.h"
#include "restore_means.h"
#include "restore_target.h"

/* One table's comparison as it is made. */
struct comparing {
    struct restore_compare *all;
    struct restore_comparison *ret;
    const struct restore_table_params *table;
    struct conn *conn;
    struct introspect_table *info; /* NULL: the table will be made */
    size_t room;
};

const char *restore_becomes_name(enum restore_becomes becomes)
{
    static const char *const names[] = {"same",     "renamed",   "cast",   "dropped",
                                        "computed", "defaulted", "filled", "missing"};

    return names[becomes];
}

static const char *keep(const struct comparing *c, const char *text)
{
    return text ? arena_strdup(c->all->arena, text) : NULL;
}

/* --- columns --- */

static struct restore_column *add(struct comparing *c)
{
    struct restore_comparison *t = c->ret;

    if (t->column_count == c->room) {
        struct restore_column *old = t->columns;
        c->room = c->room * 2 + 16;
        t->columns = arena_alloc(c->all->arena, c->room * sizeof(*t->columns));
        if (old)
            memcpy(t->columns, old, t->column_count * sizeof(*old));
    }
    return &t->columns[t->column_count++];
}

/* A column of the archive, or one of the table alone; `refuses`: one that does. */
static bool is_there(const struct comparing *c, const char *name, bool of_table, bool refuses)
{
    for (size_t i = 0; i < c->ret->column_count; i++) {
        const struct restore_column *column = &c->ret->columns[i];
        const char *other = !of_table ? column->archive : column->archive ? NULL : column->target;
        if (other && strcmp(other, name) == 0 && column->refuses >= refuses)
            return true;
    }
    return false;
}

/* What is said of a column, one sentence after another. */
static void take_differences(const struct comparing *c, const struct mapping *m, bool of_table,
                             const char *name, struct restore_column *column)
{
    struct buf text = BUF_INIT;

    for (size_t i = 0; i < m->difference_count; i++) {
        const struct mapping_difference *d = &m->differences[i];
        bool tables = strcmp(d->kind, "added") == 0 || strcmp(d->kind, "required") == 0;
        if (tables != of_table || strcmp(d->column, name) != 0)
            continue;
        buf_addf(&text, "%s%s", text.len > 0 ? "; " : "", d->text);
        column->refuses = column->refuses || d->refuses;
        if (strcmp(d->kind, "retyped") == 0)
            column->becomes = BECOMES_CAST;
        else if (strcmp(d->kind, "renamed") == 0)
            column->becomes = BECOMES_RENAMED;
        else if (strcmp(d->kind, "generated") == 0)
            column->becomes = BECOMES_COMPUTED;
        else if (strcmp(d->kind, "required") == 0)
            column->becomes = BECOMES_MISSING;
    }
    column->text = keep(c, buf_str(&text));
    buf_done(&text);
}

static struct restore_column archives_column(struct comparing *c, const struct mapping *m,
                                             const struct shape *archive,
                                             const struct shape *target, size_t at)
{
    const struct column *from = &archive->columns[at];
    struct restore_column column = {.archive = keep(c, from->name),
                                    .archive_type = keep(c, from->type->name),
                                    .becomes = BECOMES_DROPPED};

    for (size_t i = 0; i < m->column_count; i++) {
        if (m->columns[i].archive != at)
            continue;
        size_t to = shape_find(target, m->columns[i].target);
        column.becomes = BECOMES_SAME;
        column.target = keep(c, m->columns[i].target);
        column.target_type = keep(c, target->columns[to].type->name);
    }
    take_differences(c, m, false, from->name, &column);
    if (column.becomes == BECOMES_COMPUTED)
        column.target = column.archive;
    return column;
}

static bool is_filled(const struct mapping *m, const char *target, bool *ret_by_rule)
{
    *ret_by_rule = false;
    for (size_t i = 0; i < m->column_count; i++) {
        if (strcmp(m->columns[i].target, target) != 0)
            continue;
        *ret_by_rule = m->columns[i].archive == SIZE_MAX;
        return true;
    }
    return false;
}

static void add_tables_column(struct comparing *c, const struct mapping *m,
                              const struct shape *archive, const struct column *to)
{
    struct restore_column column = {.target = keep(c, to->name),
                                    .target_type = keep(c, to->type->name)};
    bool by_rule, filled = is_filled(m, to->name, &by_rule);

    if (filled && !by_rule)
        return;
    if (!filled && to->generated && shape_find(archive, to->name) != SIZE_MAX)
        return; /* it stands beside the archive's */
    column.becomes = filled ? BECOMES_FILLED : to->generated ? BECOMES_COMPUTED : BECOMES_DEFAULTED;
    take_differences(c, m, true, to->name, &column);
    *add(c) = column;
}

/* --- archives --- */

/* Of earlier archives, what the newest does not tell. */
static void add_earlier(struct comparing *c, const struct mapping *m, const struct shape *archive,
                        const struct shape *target)
{
    for (size_t i = 0; i < archive->column_count; i++) {
        struct restore_column column = archives_column(c, m, archive, target, i);
        column.earlier = true;
        if (!is_there(c, column.archive, false, column.refuses))
            *add(c) = column;
    }
    for (size_t i = 0; m->refused && i < m->difference_count; i++) {
        const struct mapping_difference *d = &m->differences[i];
        if (strcmp(d->kind, "required") != 0 || is_there(c, d->column, true, true))
            continue;
        size_t to = shape_find(target, d->column);
        add_tables_column(c, m, archive, &target->columns[to]);
        c->ret->columns[c->ret->column_count - 1].earlier = true;
    }
}

static void add_newest(struct comparing *c, const struct mapping *m, const struct shape *archive,
                       const struct shape *target)
{
    for (size_t i = 0; i < archive->column_count; i++)
        *add(c) = archives_column(c, m, archive, target, i);
    for (size_t i = 0; i < target->column_count; i++)
        add_tables_column(c, m, archive, &target->columns[i]);
}

/* A table that will be made is what the newest archive is. */
static bool compare_made(struct comparing *c, struct restore_source *s, struct err *err)
{
    const struct restore_params *r = c->table->restore;
    struct mapping_params params = {.archive = s->metadata->shape,
                                    .target = s->metadata->shape,
                                    .mode = (enum mapping_mode)r->schema_mode,
                                    .rules_file = r->mapping_file,
                                    .only_columns = r->columns,
                                    .only_count = r->column_count};

    s->mapping = mapping_new(&params, err);
    return s->mapping || err_in(err, "%s", s->source->key);
}

static bool look_at(struct comparing *c, const struct source *source, struct err *err)
{
    struct restore_source s;
    bool opened = restore_source_open(c->table, source, c->conn, c->info, &s, err), ok = opened;

    if (ok && !c->info && c->ret->looked_at == 0)
        ok = compare_made(c, &s, err);
    if (ok && s.mapping) {
        const struct shape *target = c->info ? c->info->shape : s.metadata->shape;
        c->ret->refused = c->ret->refused || s.mapping->refused;
        if (c->ret->looked_at == 0)
            add_newest(c, s.mapping, s.metadata->shape, target);
        else
            add_earlier(c, s.mapping, s.metadata->shape, target);
    }
    c->ret->looked_at++;
    if (opened)
        restore_source_done(&s);
    return ok;
}

static int64_t archived_us(const struct source *source)
{
    int64_t us;

    return source->archived_at &&
                   text_to_time(source->archived_at, strlen(source->archived_at), &us)
               ? us
               : INT64_MIN;
}

/* The newest knows the latest columns; a table is made by the last one (restore_target). */
static const struct source *newest(const struct comparing *c)
{
    const struct restore_table_params *t = c->table;
    const struct source *best = &t->sources[t->count - 1];

    for (size_t i = t->count; c->info && i-- > 0;) {
        if (archived_us(&t->sources[i]) > archived_us(best))
            best = &t->sources[i];
    }
    return best;
}

/* Was an archive of the same run looked at, before this one of the table? */
static bool is_known(const struct comparing *c, const char *const *runs, const char *run)
{
    for (size_t i = 0; run && i < c->ret->looked_at; i++) {
        if (runs[i] && strcmp(runs[i], run) == 0)
            return true;
    }
    return false;
}

static bool look_at_next(struct comparing *c, const struct source *source, const char **runs,
                         struct err *err)
{
    if (stop_asked(c->table->restore->stop))
        return err_set(err, ERR_INTERRUPTED, "stopped");
    runs[c->ret->looked_at] = source->run_id;
    return look_at(c, source, err);
}

/* One of each run: what a run archives of a table is of one shape. */
static bool look_at_archives(struct comparing *c, struct err *err)
{
    const struct restore_table_params *t = c->table;
    const struct source *first = newest(c);
    const char **runs = mem_alloc((t->count + 1) * sizeof(*runs));
    bool ok = look_at_next(c, first, runs, err);

    for (size_t i = t->count; i-- > 0;) {
        const struct source *source = &t->sources[i];
        c->ret->rows += source->records;
        c->ret->bytes += source->bytes;
        if (ok && source != first && !is_known(c, runs, source->run_id))
            ok = look_at_next(c, source, runs, err);
    }
    free(runs);
    return ok;
}

/* --- the table --- */

static bool no_table(const struct comparing *c, struct err *err)
{
    if (c->table->restore->create_table)
        return true;
    err_set(err, ERR_PREFLIGHT, "there is no table %s.%s", c->table->schema, c->table->table);
    err_in(err, "database %s", c->table->target->name);
    return err_hint(err, "have it created, or name another one");
}

static bool look_at_target(struct comparing *c, struct err *err)
{
    const struct config_table target = {.schema = c->table->schema, .name = c->table->table};

    c->conn = conn_open(c->table->target, NULL, err);
    if (!c->conn || !restore_target_exists(c->conn, c->table, &c->ret->exists, err))
        return false;
    if (!c->ret->exists)
        return no_table(c, err);
    c->info = introspect_table(c->conn, &target, err);
    return c->info != NULL;
}

static bool compare_table(const struct restore_means *means, size_t first,
                          struct restore_compare *all, struct err *err)
{
    struct restore_table_params table;
    struct comparing c = {.all = all, .ret = &all->tables[all->table_count], .table = &table};

    if (!restore_means_table(means, first, &table, err))
        return false;
    *c.ret = (struct restore_comparison){.from = arena_printf(all->arena, "%s.%s.%s",
                                                              table.sources->database_name,
                                                              table.sources->schema,
                                                              table.sources->table_name),
                                         .database = keep(&c, table.target->name),
                                         .schema = keep(&c, table.schema),
                                         .table = keep(&c, table.table),
                                         .archives = table.count};
    bool ok = look_at_target(&c, err) && look_at_archives(&c, err);
    introspect_free(c.info);
    conn_close(c.conn);
    all->table_count++;
    return ok;
}

bool restore_compare(const struct restore_params *params, struct restore_compare *ret,
                     struct err *err)
{
    struct restore_means means;
    bool ok;

    *ret = (struct restore_compare){.arena = arena_new()};
    ok = restore_means_open(&means, params, err);
    if (ok) /* as many as there are archives are enough */
        ret->tables = arena_alloc(ret->arena, (means.sources.count + 1) * sizeof(*ret->tables));
    for (size_t i = 0; ok && i < means.sources.count; i = restore_means_end(&means, i))
        ok = compare_table(&means, i, ret, err);
    restore_means_done(&means);
    if (!ok)
        restore_compare_done(ret);
    return ok;
}

void restore_compare_done(struct restore_compare *compare)
{
    arena_free(compare->arena);
    *compare = (struct restore_compare){0};
}
