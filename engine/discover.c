/* SPDX-License-Identifier: PostgreSQL */
#include "discover.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <strings.h>

#include "base/json.h"
#include "base/text.h"
#include "postgres/conn.h"

#define LIMITS "SET statement_timeout = '60s'; SET lock_timeout = '2s'"

/* --- databases --- */

bool discover_databases(const struct config_database *database,
                        struct discover_databases *ret_databases, struct err *err)
{
    struct conn *conn = conn_open(database, NULL, err);
    PGresult *result = NULL;

    if (!conn)
        return false;
    result = conn_query(conn,
                        "SELECT datname, CASE WHEN has_database_privilege(oid, 'CONNECT')"
                        " THEN pg_database_size(oid) ELSE 0 END FROM pg_database"
                        " WHERE datallowconn AND NOT datistemplate ORDER BY datname",
                        0, NULL, err);
    if (result) {
        struct discover_databases d = {.arena = arena_new(), .count = (size_t)PQntuples(result)};
        const struct conn_server *server = conn_server(conn);
        d.items = arena_alloc(d.arena, (d.count + 1) * sizeof(*d.items));
        for (size_t i = 0; i < d.count; i++) {
            d.items[i].name = arena_strdup(d.arena, PQgetvalue(result, (int)i, 0));
            d.items[i].bytes = strtoull(PQgetvalue(result, (int)i, 1), NULL, 10);
        }
        snprintf(d.server.version, sizeof(d.server.version), "%s", server->version);
        snprintf(d.server.user, sizeof(d.server.user), "%s", server->user);
        snprintf(d.server.database, sizeof(d.server.database), "%s", server->database);
        d.server.in_recovery = server->in_recovery;
        *ret_databases = d;
    }
    PQclear(result);
    conn_close(conn);
    return result != NULL;
}

void discover_databases_done(struct discover_databases *databases)
{
    arena_free(databases->arena);
    *databases = (struct discover_databases){0};
}

/* --- tables --- */

/* One row a table and column that may tell when; tables without one come with NULL. Partitions and
 * children count with the table at the top. */
static const char query[] =
    "WITH RECURSIVE tree AS ("
    " SELECT c.oid AS root, c.oid AS leaf FROM pg_class c JOIN pg_namespace n ON n.oid ="
    "  c.relnamespace WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't'"
    "  AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_' AND n.nspname <>"
    "  'archiver_tui' AND NOT EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = c.oid)"
    " UNION ALL SELECT t.root, i.inhrelid FROM tree t JOIN pg_inherits i ON i.inhparent = t.leaf"
    "), sums AS ("
    " SELECT t.root, count(*) - 1 AS children,"
    "  sum(CASE WHEN c.relkind = 'p' THEN 0 ELSE pg_total_relation_size(t.leaf) END) AS bytes,"
    "  sum(greatest(CASE WHEN c.relkind = 'p' THEN 0 ELSE c.reltuples END, 0)) AS rows,"
    "  bool_and(c.reltuples < 0 OR (c.reltuples = 0 AND c.relpages = 0) OR c.relkind = 'p') AS"
    "   unknown,"
    "  sum(coalesce(s.n_tup_ins, 0)) AS ins, sum(coalesce(s.n_tup_upd, 0)) AS upd,"
    "  sum(coalesce(s.n_tup_del, 0)) AS del"
    " FROM tree t JOIN pg_class c ON c.oid = t.leaf LEFT JOIN pg_stat_user_tables s ON s.relid ="
    "  t.leaf GROUP BY t.root"
    "), timed AS ("
    " SELECT a.attrelid, a.attnum, a.attname, a.attnotnull,"
    "  coalesce(b.typname, t.typname) AS typname FROM pg_attribute a"
    " JOIN sums ON sums.root = a.attrelid JOIN pg_type t ON t.oid = a.atttypid"
    " LEFT JOIN pg_type b ON b.oid = t.typbasetype AND t.typtype = 'd'"
    " WHERE a.attnum > 0 AND NOT a.attisdropped AND (coalesce(b.typname, t.typname) IN"
    "  ('timestamptz', 'timestamp', 'date') OR (coalesce(b.typname, t.typname) IN ('int4', 'int8')"
    "  AND a.attname ~* '(epoch|time|_at$|_ts$|^ts$)' AND a.attname !~* '(_id$|timeout|times$)')))"
    " SELECT n.nspname, c.relname, c.relkind, s.children, s.bytes,"
    "  CASE WHEN s.unknown THEN -1 ELSE s.rows END, s.ins, s.upd, s.del,"
    "  (SELECT array_to_json(array_agg(k.attname ORDER BY u.n))::text FROM pg_index x,"
    "   unnest(x.indkey) WITH ORDINALITY u(attnum, n), pg_attribute k WHERE x.indrelid = c.oid AND"
    "   x.indisprimary AND k.attrelid = c.oid AND k.attnum = u.attnum),"
    "  (SELECT count(*) FROM pg_constraint f WHERE f.contype = 'f' AND f.confrelid = c.oid AND"
    "   f.conparentid = 0),"
    "  (SELECT count(*) FROM pg_trigger g WHERE g.tgrelid = c.oid AND NOT g.tgisinternal AND"
    "   g.tgtype & 8 <> 0),"
    "  c.relrowsecurity AND NOT pg_has_role(c.relowner, 'USAGE'),"
    "  has_table_privilege(c.oid, 'SELECT'), has_table_privilege(c.oid, 'DELETE'),"
    "  m.attname, m.typname, m.attnotnull,"
    "  EXISTS (SELECT FROM pg_index x WHERE x.indrelid = c.oid AND x.indisvalid AND x.indpred IS"
    "   NULL AND x.indkey[0] = m.attnum),"
    "  st.correlation, array_to_json(st.histogram_bounds)::text"
    " FROM sums s JOIN pg_class c ON c.oid = s.root JOIN pg_namespace n ON n.oid = c.relnamespace"
    " LEFT JOIN timed m ON m.attrelid = c.oid"
    " LEFT JOIN LATERAL (SELECT correlation, histogram_bounds::text::text[] AS histogram_bounds"
    "  FROM pg_stats p WHERE p.schemaname = n.nspname AND p.tablename = c.relname AND p.attname ="
    "  m.attname AND m.attname IS NOT NULL ORDER BY p.inherited DESC LIMIT 1) st ON true"
    " ORDER BY n.nspname, c.relname, m.attnum";

enum {
    AT_SCHEMA,
    AT_NAME,
    AT_KIND,
    AT_CHILDREN,
    AT_BYTES,
    AT_ROWS,
    AT_INSERTED,
    AT_UPDATED,
    AT_DELETED,
    AT_KEY,
    AT_FOREIGN_KEYS,
    AT_TRIGGERS,
    AT_SECURITY,
    AT_SELECT,
    AT_DELETE,
    AT_COLUMN,
    AT_TYPE,
    AT_NOT_NULL,
    AT_INDEXED,
    AT_CORRELATION,
    AT_BOUNDS,
};

struct reading {
    struct arena *arena;
    const PGresult *result;
    int64_t cutoff_us;
};

static const char *value(const struct reading *r, int row, int column)
{
    return PQgetvalue(r->result, row, column);
}

static bool is_true(const struct reading *r, int row, int column)
{
    return value(r, row, column)[0] == 't';
}

/* Texts of a JSON array of strings, which is how arrays come unambiguous. */
static size_t take_names(struct arena *arena, const char *json, const char ***ret_names)
{
    struct err ignored;
    struct json_object *array = *json ? json_parse(json, strlen(json), "names", &ignored) : NULL;
    size_t count = array ? json_object_array_length(array) : 0;

    *ret_names = arena_alloc(arena, (count + 1) * sizeof(**ret_names));
    for (size_t i = 0; i < count; i++)
        (*ret_names)[i] =
            arena_strdup(arena, json_object_get_string(json_object_array_get_idx(array, i)));
    json_object_put(array);
    return count;
}

/* An epoch column's unit, by how large its values are. */
static int64_t epoch_us(int64_t number)
{
    if (number > INT64_C(100000000000000)) /* microseconds since 1973 */
        return number;
    if (number > INT64_C(100000000000)) /* milliseconds */
        return number * 1000;
    return number * 1000000;
}

static void take_bounds(const struct reading *r, int row, struct discover_column *column)
{
    const char **names;
    size_t count = take_names(r->arena, value(r, row, AT_BOUNDS), &names);
    size_t step = count > DISCOVER_SHARES + 1 ? (count - 1) / DISCOVER_SHARES + 1 : 1;
    int64_t number;

    for (size_t i = 0; i < count && column->bound_count <= DISCOVER_SHARES; i += step) {
        int64_t us;
        if (column->type[0] == 'i' && text_to_int(names[i], &number))
            us = epoch_us(number);
        else if (!text_to_time(names[i], strlen(names[i]), &us))
            continue;
        column->bounds_us[column->bound_count++] = us;
    }
}

/* --- evidence --- */

double discover_share(const struct discover_column *column, int64_t cutoff_us)
{
    size_t n = 0;

    if (column->bound_count < 2)
        return -1;
    while (n < column->bound_count && column->bounds_us[n] < cutoff_us)
        n++;
    if (n == 0 || n == column->bound_count)
        return n == 0 ? 0 : 1;
    /* Within its share, rows are taken to be spread evenly. */
    double low = (double)column->bounds_us[n - 1], high = (double)column->bounds_us[n];
    double part = high > low ? ((double)cutoff_us - low) / (high - low) : 0;
    return ((double)(n - 1) + part) / (double)(column->bound_count - 1);
}

double discover_share_a_month(const struct discover_column *column)
{
    size_t last = column->bound_count - 1;

    if (column->bound_count < 2)
        return -1;
    double days =
        (double)(column->bounds_us[last] - column->bounds_us[0]) / (double)TEXT_US_PER_DAY;
    return days < 1 ? 1 : 30.44 / days > 1 ? 1 : 30.44 / days;
}

static bool has_word(const char *name, const char *const *words)
{
    for (size_t i = 0; words[i]; i++) {
        if (strcasestr(name, words[i]))
            return true;
    }
    return false;
}

/* When a row came into being, rather than anything else about it. */
static int score_of_name(const char *name)
{
    static const char *const made[] = {"creat", "insert",   "logged",   "occur",
                                       "event", "recorded", "received", "sent",
                                       "stamp", "tstamp",   NULL};
    static const char *const other[] = {"updat", "modif", "delet", "expire", "birth", "until",
                                        "valid", "start", "end",   "due",    "last",  NULL};

    if (has_word(name, other))
        return -20;
    if (has_word(name, made))
        return 20;
    if (strcasecmp(name, "ts") == 0 || strcasecmp(name, "at") == 0 ||
        strcasecmp(name, "time") == 0 || strcasecmp(name, "date") == 0)
        return 18;
    return 5;
}

static void judge_column(struct discover_column *column)
{
    const char *type = column->type;

    column->score = strcmp(type, "timestamptz") == 0 ? 40
                    : strcmp(type, "timestamp") == 0 ? 35
                    : strcmp(type, "date") == 0      ? 25
                                                     : 10;
    column->score += score_of_name(column->name);
    column->score += column->indexed ? 25 : 0;
    column->score += column->correlation > 0.9 ? 10 : 0;
    column->score += column->not_null ? 5 : 0;
}

struct judging {
    struct buf why;
    int score;
};

ERR_PRINTF(3, 4)
static void weigh(struct judging *j, int points, const char *format, ...)
{
    char text[200];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    j->score += points;
    buf_addf(&j->why, "%s%s", j->why.len > 0 ? "; " : "", text);
}

static void judge_use(const struct discover_table *t, struct judging *j)
{
    int64_t changed = t->updated + t->deleted;

    if (t->inserted > 100 && changed <= t->inserted / 100)
        weigh(j, 15, "rows are added and hardly ever changed");
    else if (t->updated > t->inserted / 2 && t->updated > 100)
        weigh(j, -25, "rows are updated often");
    if (t->foreign_keys_here > 0)
        weigh(j, -30, "%zu foreign keys point here", t->foreign_keys_here);
    if (t->triggers > 0)
        weigh(j, -5, "%zu triggers fire on DELETE", t->triggers);
    if (t->row_security)
        weigh(j, -20, "row security hides rows from this role");
    if (!t->can_select || !t->can_delete)
        weigh(j, 0, "no right to %s", t->can_select ? "DELETE" : "SELECT and DELETE");
}

static void judge_table(const struct reading *r, struct discover_table *t)
{
    static const char *const names[] = {"log",   "audit",  "event",   "history", "journal", "trail",
                                        "trace", "metric", "message", "outbox",  "change",  NULL};
    const struct discover_column *best = &t->columns[0];
    struct judging j = {.score = best->score};
    double old = discover_share(best, r->cutoff_us);

    weigh(&j, best->indexed ? 0 : -15, "%s %s, %s", best->name, best->type,
          best->indexed ? "indexed" : "no index");
    if (has_word(t->name, names))
        weigh(&j, 15, "named like a log");
    if (best->correlation > 0.9)
        weigh(&j, 0, "stored in the order of time");
    if (old >= 0)
        weigh(&j, old > 0.1 ? 15 : 0, "%.0f %% older than the retention", old * 100);
    if (t->bytes >= 100u << 20)
        weigh(&j, 10, "large");
    if (t->partitioned)
        weigh(&j, 5, "%zu partitions", t->partitions);
    if (t->key_count == 0)
        weigh(&j, 0, "no primary key");
    judge_use(t, &j);
    t->score = j.score;
    t->why = arena_strdup(r->arena, buf_str(&j.why));
    buf_done(&j.why);
}

/* --- reading --- */

static void take_table(const struct reading *r, int row, struct discover_table *t)
{
    t->schema = arena_strdup(r->arena, value(r, row, AT_SCHEMA));
    t->name = arena_strdup(r->arena, value(r, row, AT_NAME));
    t->partitions = strtoull(value(r, row, AT_CHILDREN), NULL, 10);
    t->partitioned = t->partitions > 0 || value(r, row, AT_KIND)[0] == 'p';
    t->bytes = strtoull(value(r, row, AT_BYTES), NULL, 10);
    t->rows = (int64_t)strtod(value(r, row, AT_ROWS), NULL);
    t->inserted = strtoll(value(r, row, AT_INSERTED), NULL, 10);
    t->updated = strtoll(value(r, row, AT_UPDATED), NULL, 10);
    t->deleted = strtoll(value(r, row, AT_DELETED), NULL, 10);
    t->key_count = take_names(r->arena, value(r, row, AT_KEY), &t->key);
    t->foreign_keys_here = strtoull(value(r, row, AT_FOREIGN_KEYS), NULL, 10);
    t->triggers = strtoull(value(r, row, AT_TRIGGERS), NULL, 10);
    t->row_security = is_true(r, row, AT_SECURITY);
    t->can_select = is_true(r, row, AT_SELECT);
    t->can_delete = is_true(r, row, AT_DELETE);
}

static void take_column(const struct reading *r, int row, struct discover_column *column)
{
    column->name = arena_strdup(r->arena, value(r, row, AT_COLUMN));
    column->type = arena_strdup(r->arena, value(r, row, AT_TYPE));
    column->not_null = is_true(r, row, AT_NOT_NULL);
    column->indexed = is_true(r, row, AT_INDEXED);
    column->correlation = strtod(value(r, row, AT_CORRELATION), NULL);
    take_bounds(r, row, column);
    judge_column(column);
}

static int by_column_score(const void *a, const void *b)
{
    return ((const struct discover_column *)b)->score - ((const struct discover_column *)a)->score;
}

static int by_score(const void *a, const void *b)
{
    const struct discover_table *one = a, *other = b;

    if (one->score != other->score)
        return other->score - one->score;
    return (other->bytes > one->bytes) - (other->bytes < one->bytes);
}

/* Rows of one table stand together. */
static int rows_of_table(const struct reading *r, int row)
{
    int n = 1;

    while (row + n < PQntuples(r->result) &&
           strcmp(value(r, row, AT_SCHEMA), value(r, row + n, AT_SCHEMA)) == 0 &&
           strcmp(value(r, row, AT_NAME), value(r, row + n, AT_NAME)) == 0)
        n++;
    return n;
}

static void read_tables(const struct reading *r, struct discover_tables *ret)
{
    int rows = PQntuples(r->result);

    ret->items = arena_alloc(r->arena, ((size_t)rows + 1) * sizeof(*ret->items));
    for (int row = 0, n; row < rows; row += n) {
        n = rows_of_table(r, row);
        if (PQgetisnull(r->result, row, AT_COLUMN)) {
            ret->without++;
            continue;
        }
        struct discover_table *t = &ret->items[ret->count++];
        take_table(r, row, t);
        t->columns = arena_alloc(r->arena, (size_t)n * sizeof(*t->columns));
        for (; t->column_count < (size_t)n; t->column_count++)
            take_column(r, row + (int)t->column_count, &t->columns[t->column_count]);
        qsort(t->columns, t->column_count, sizeof(*t->columns), by_column_score);
        judge_table(r, t);
    }
    qsort(ret->items, ret->count, sizeof(*ret->items), by_score);
}

bool discover_tables(const struct config_database *database, int64_t retention_days,
                     struct discover_tables *ret_tables, struct err *err)
{
    struct conn *conn = conn_open(database, NULL, err);
    PGresult *result = NULL;

    if (!conn)
        return false;
    if (conn_exec(conn, LIMITS, err))
        result = conn_query(conn, query, 0, NULL, err);
    if (result) {
        *ret_tables = (struct discover_tables){.arena = arena_new()};
        struct reading r = {.arena = ret_tables->arena,
                            .result = result,
                            .cutoff_us = text_now_us() - retention_days * TEXT_US_PER_DAY};
        read_tables(&r, ret_tables);
    }
    PQclear(result);
    conn_close(conn);
    return result != NULL;
}

void discover_tables_done(struct discover_tables *tables)
{
    arena_free(tables->arena);
    *tables = (struct discover_tables){0};
}

/* --- what is missing --- */

static void add_ident(struct buf *sql, const char *name)
{
    buf_addc(sql, '"');
    for (; *name; name++) {
        if (*name == '"')
            buf_addc(sql, '"');
        buf_addc(sql, *name);
    }
    buf_addc(sql, '"');
}

bool discover_grant(const struct discover_table *table, const char *user, struct buf *ret_sql)
{
    if (table->can_select && table->can_delete)
        return false;
    buf_addf(ret_sql, "GRANT %s ON ",
             table->can_select   ? "DELETE"
             : table->can_delete ? "SELECT"
                                 : "SELECT, DELETE");
    add_ident(ret_sql, table->schema);
    buf_addc(ret_sql, '.');
    add_ident(ret_sql, table->name);
    buf_adds(ret_sql, " TO ");
    add_ident(ret_sql, user);
    return true;
}

bool discover_index(const struct discover_table *table, const struct discover_column *column,
                    struct buf *ret_sql)
{
    if (column->indexed)
        return false;
    /* PostgreSQL makes no index of a partitioned table concurrently. */
    buf_adds(ret_sql, table->partitioned ? "CREATE INDEX ON " : "CREATE INDEX CONCURRENTLY ON ");
    add_ident(ret_sql, table->schema);
    buf_addc(ret_sql, '.');
    add_ident(ret_sql, table->name);
    buf_adds(ret_sql, " (");
    add_ident(ret_sql, column->name);
    buf_addc(ret_sql, ')');
    return true;
}
