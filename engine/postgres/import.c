/* SPDX-License-Identifier: PostgreSQL */
#include "postgres/import.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/fault.h"

#define STAGE           "pg_temp.archiver_stage"
#define CONFLICTS_SHOWN "100"
/* From here on the planner is told what it has before it. */
#define ANALYZE_ROWS 10000

struct import {
    struct conn *conn;
    struct import_params params;
    bool staged;
    struct buf key_names; /* for people */
    size_t *key;          /* positions in mapping->columns */
    size_t key_count;
    struct buf create, copy, merge, conflicts, count; /* statements */
    bool copying;
};

/* --- the key that tells rows apart --- */

static size_t mapped_column(const struct mapping *mapping, const char *name)
{
    for (size_t i = 0; i < mapping->column_count; i++) {
        if (strcmp(mapping->columns[i].target, name) == 0)
            return i;
    }
    return SIZE_MAX;
}

/* A unique key as text: one column a line. */
static bool take_key(struct import *im, const char *lines)
{
    size_t count = 0;

    free(im->key);
    im->key = mem_alloc((strlen(lines) + 1) * sizeof(*im->key));
    buf_reset(&im->key_names);
    for (const char *at = lines; *at;) {
        size_t len = strcspn(at, "\n");
        char *name = mem_printf("%.*s", (int)len, at);
        im->key[count] = mapped_column(im->params.mapping, name);
        buf_addf(&im->key_names, "%s%s", count ? "," : "", name);
        free(name);
        if (im->key[count++] == SIZE_MAX)
            return false;
        at += len + (at[len] == '\n');
    }
    im->key_count = count;
    return count > 0;
}

static bool same_names(const char *lines, const struct config_names *names)
{
    size_t found = 0;

    for (const char *at = lines; *at; found++) {
        size_t len = strcspn(at, "\n");
        bool known = false;
        for (size_t i = 0; i < names->count; i++)
            known |= strlen(names->names[i]) == len && memcmp(names->names[i], at, len) == 0;
        if (!known)
            return false;
        at += len + (at[len] == '\n');
    }
    return found == names->count;
}

/* Whole unique indexes on plain columns that are checked at once, the primary key first. */
#define KEYS_SQL                                                                                   \
    "SELECT (SELECT string_agg(a.attname, E'\\n' ORDER BY k.n)"                                    \
    "  FROM unnest(i.indkey) WITH ORDINALITY k(attnum, n)"                                         \
    "  JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum"                     \
    "  WHERE k.n <= i.indnkeyatts)"                                                                \
    " FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid"                                       \
    " JOIN pg_namespace n ON n.oid = c.relnamespace"                                               \
    " WHERE n.nspname = $1 AND c.relname = $2 AND i.indisunique AND i.indisvalid"                  \
    " AND i.indimmediate AND i.indpred IS NULL AND i.indexprs IS NULL"                             \
    " ORDER BY i.indisprimary DESC, i.indnkeyatts, i.indexrelid"

static bool no_key(struct import *im, int unique, struct err *err)
{
    const struct config_names *given = im->params.key;

    if (given && given->count > 0) {
        err_set(err, ERR_PREFLIGHT, "the columns given are no unique key of the target");
        return err_hint(err, "name the columns of a unique index, without WHERE and expressions");
    }
    if (unique > 0) {
        err_set(err, ERR_PREFLIGHT, "the target's unique keys have columns that are not restored");
        return err_hint(err, "restore the key's columns too, or use --on-conflict fail");
    }
    err_set(err, ERR_PREFLIGHT, "the target has no unique key that would tell a conflict");
    return err_hint(err, "give it a primary key, or use --on-conflict fail");
}

static bool choose_key(struct import *im, struct err *err)
{
    const struct import_params *p = &im->params;
    bool given = p->key && p->key->count > 0, found = false;
    PGresult *result =
        conn_query(im->conn, KEYS_SQL, 2, (const char *const[]){p->schema, p->table}, err);

    if (!result)
        return false;
    int unique = PQntuples(result);
    for (int i = 0; i < unique && !found; i++) {
        const char *lines = PQgetvalue(result, i, 0);
        found = (!given || same_names(lines, p->key)) && take_key(im, lines);
    }
    PQclear(result);
    if (found)
        return true;
    im->key_count = 0;
    buf_reset(&im->key_names);
    return no_key(im, unique, err);
}

/* --- the statements --- */

static void add_names(struct import *im, const char *prefix, struct buf *sql)
{
    const struct mapping *m = im->params.mapping;

    for (size_t i = 0; i < m->column_count; i++) {
        buf_adds(sql, i ? ", " : "");
        buf_adds(sql, prefix);
        conn_add_ident(im->conn, sql, m->columns[i].target);
    }
}

static void add_key_names(struct import *im, const char *prefix, struct buf *sql)
{
    for (size_t i = 0; i < im->key_count; i++) {
        buf_adds(sql, i ? ", " : "");
        buf_adds(sql, prefix);
        conn_add_ident(im->conn, sql, im->params.mapping->columns[im->key[i]].target);
    }
}

static void add_target(struct import *im, struct buf *sql)
{
    conn_add_table(im->conn, sql, im->params.schema, im->params.table);
}

/* What of a staged row goes into column i. */
static void add_expression(struct import *im, size_t i, struct buf *sql)
{
    const struct mapping_column *c = &im->params.mapping->columns[i];

    if (!im->params.mapping->direct) {
        buf_addf(sql, "(%s)", c->expression);
        return;
    }
    buf_adds(sql, "s.");
    conn_add_ident(im->conn, sql, c->target);
}

static void make_stage(struct import *im)
{
    const struct mapping *m = im->params.mapping;

    if (m->direct) {
        buf_adds(&im->create, "CREATE TEMP TABLE archiver_stage ON COMMIT DROP AS SELECT ");
        add_names(im, "", &im->create);
        buf_adds(&im->create, " FROM ");
        add_target(im, &im->create);
        buf_adds(&im->create, " WITH NO DATA");
        return;
    }
    buf_adds(&im->create, "CREATE TEMP TABLE archiver_stage (");
    for (size_t i = 0; i < m->staged_count; i++) {
        buf_adds(&im->create, i ? ", " : "");
        conn_add_ident(im->conn, &im->create,
                       im->params.archive->columns[m->staged[i].archive].name);
        buf_addf(&im->create, " %s", m->staged[i].type);
    }
    buf_adds(&im->create, ") ON COMMIT DROP");
}

static void make_copy(struct import *im)
{
    buf_adds(&im->copy, "COPY ");
    if (im->staged)
        buf_adds(&im->copy, STAGE);
    else
        add_target(im, &im->copy);
    if (im->params.mapping->direct) {
        buf_adds(&im->copy, " (");
        add_names(im, "", &im->copy);
        buf_addc(&im->copy, ')');
    }
    buf_adds(&im->copy, " FROM STDIN");
}

static bool in_key(const struct import *im, size_t column)
{
    for (size_t i = 0; i < im->key_count; i++) {
        if (im->key[i] == column)
            return true;
    }
    return false;
}

static void add_set(struct import *im, const char *name, bool *first, struct buf *sql)
{
    buf_adds(sql, *first ? "" : ", ");
    conn_add_ident(im->conn, sql, name);
    buf_adds(sql, " = EXCLUDED.");
    conn_add_ident(im->conn, sql, name);
    *first = false;
}

/* EXCLUDED holds the default of a column that is not in the INSERT's list. A generated column and
 * an identity that is ALWAYS cannot be set by an UPDATE. */
static void add_sets(struct import *im, struct buf *sql)
{
    const struct mapping *m = im->params.mapping;
    const struct shape *target = im->params.target;
    bool first = true;

    for (size_t i = 0; i < target->column_count; i++) {
        const struct column *c = &target->columns[i];
        size_t mapped = mapped_column(m, c->name);
        if (c->generated || c->identity == 'a' || (mapped != SIZE_MAX && in_key(im, mapped)))
            continue;
        if (mapped != SIZE_MAX || im->params.conflict == IMPORT_OVERWRITE)
            add_set(im, c->name, &first, sql);
    }
}

static void add_on_conflict(struct import *im, struct buf *sql)
{
    struct buf sets = BUF_INIT;

    if (im->params.conflict == IMPORT_SKIP) {
        buf_adds(sql, " ON CONFLICT DO NOTHING");
        return;
    }
    add_sets(im, &sets);
    buf_adds(sql, " ON CONFLICT (");
    add_key_names(im, "", sql);
    buf_addf(sql, sets.len > 0 ? ") DO UPDATE SET %s" : ") DO NOTHING", buf_str(&sets));
    buf_done(&sets);
}

/* Of rows with one key in one piece the last one counts, as it would if they came one by one. */
static void add_staged(struct import *im, struct buf *sql)
{
    const struct mapping *m = im->params.mapping;
    bool distinct = im->params.conflict >= IMPORT_OVERWRITE;

    buf_adds(sql, "SELECT ");
    if (distinct) {
        buf_adds(sql, "DISTINCT ON (");
        for (size_t i = 0; i < im->key_count; i++) {
            buf_adds(sql, i ? ", " : "");
            add_expression(im, im->key[i], sql);
        }
        buf_adds(sql, ") ");
    }
    for (size_t i = 0; i < m->column_count; i++) {
        buf_adds(sql, i ? ", " : "");
        add_expression(im, i, sql);
    }
    buf_adds(sql, " FROM " STAGE " s");
    if (!distinct)
        return;
    buf_adds(sql, " ORDER BY ");
    for (size_t i = 0; i < im->key_count; i++) {
        add_expression(im, im->key[i], sql);
        buf_adds(sql, ", ");
    }
    buf_adds(sql, "s.ctid DESC");
}

/* One row: inserted, updated. What a partitioned table returns has no xmax: its updates are counted
 * as the conflicts that were there just before. */
static void make_merge(struct import *im)
{
    bool tell = im->params.conflict >= IMPORT_OVERWRITE && !im->params.partitioned;

    buf_adds(&im->merge, "WITH written AS (INSERT INTO ");
    add_target(im, &im->merge);
    buf_adds(&im->merge, " AS t (");
    add_names(im, "", &im->merge);
    buf_adds(&im->merge, im->params.mapping->identity_always ? ") OVERRIDING SYSTEM VALUE " : ") ");
    add_staged(im, &im->merge);
    if (im->params.conflict != IMPORT_FAIL)
        add_on_conflict(im, &im->merge);
    buf_addf(&im->merge,
             " RETURNING %s AS fresh) SELECT count(*) FILTER (WHERE fresh),"
             " count(*) FILTER (WHERE NOT fresh) FROM written",
             tell ? "t.xmax = 0" : "true");
}

/* Staged rows whose key the table has. */
static void add_present(struct import *im, struct buf *sql)
{
    buf_adds(sql, " FROM (SELECT ");
    for (size_t i = 0; i < im->key_count; i++) {
        buf_adds(sql, i ? ", " : "");
        add_expression(im, im->key[i], sql);
        buf_addf(sql, " AS k%zu", i);
    }
    buf_adds(sql, " FROM " STAGE " s) q WHERE EXISTS (SELECT FROM ");
    add_target(im, sql);
    buf_adds(sql, " t WHERE ");
    for (size_t i = 0; i < im->key_count; i++) {
        buf_adds(sql, i ? " AND t." : "t.");
        conn_add_ident(im->conn, sql, im->params.mapping->columns[im->key[i]].target);
        buf_addf(sql, " = q.k%zu", i);
    }
    buf_addc(sql, ')');
}

static void make_conflicts(struct import *im)
{
    if (im->key_count == 0)
        return;
    buf_adds(&im->conflicts, "SELECT concat_ws(','");
    for (size_t i = 0; i < im->key_count; i++)
        buf_addf(&im->conflicts, ", k%zu", i);
    buf_addc(&im->conflicts, ')');
    add_present(im, &im->conflicts);
    buf_adds(&im->conflicts, " LIMIT " CONFLICTS_SHOWN);
    buf_adds(&im->count, "SELECT count(*)");
    add_present(im, &im->count);
}

/* A dry run tells conflicts where it can: FAIL needs no key. */
static bool find_key(struct import *im, struct err *err)
{
    if (im->params.conflict != IMPORT_FAIL)
        return choose_key(im, err);
    if (!im->params.count_only || choose_key(im, err))
        return true;
    return err->kind == ERR_PREFLIGHT;
}

struct import *import_new(struct conn *conn, const struct import_params *params, struct err *err)
{
    struct import *im = mem_alloc(sizeof(*im));

    im->conn = conn;
    im->params = *params;
    im->staged = params->conflict != IMPORT_FAIL || !params->mapping->direct || params->count_only;
    if (!find_key(im, err)) {
        import_free(im);
        return NULL;
    }
    make_stage(im);
    make_copy(im);
    make_merge(im);
    make_conflicts(im);
    return im;
}

void import_free(struct import *im)
{
    if (!im)
        return;
    free(im->key);
    buf_done(&im->key_names);
    buf_done(&im->create);
    buf_done(&im->copy);
    buf_done(&im->merge);
    buf_done(&im->conflicts);
    buf_done(&im->count);
    free(im);
}

/* --- one piece --- */

bool import_begin(struct import *im, struct err *err)
{
    PGconn *pg = conn_pg(im->conn);

    if (im->staged && !conn_exec(im->conn, buf_str(&im->create), err))
        return false;
    PGresult *result = PQexec(pg, buf_str(&im->copy));
    bool ok = PQresultStatus(result) == PGRES_COPY_IN;
    if (!ok)
        err_pg(err, pg, result, "the server refused to take the rows");
    PQclear(result);
    im->copying = ok;
    return ok;
}

bool import_add(struct import *im, const char *lines, size_t len, struct err *err)
{
    PGconn *pg = conn_pg(im->conn);

    if (!fault_point("restore.rows", err))
        return false;
    while (len > 0) {
        int part = len > (1 << 20) ? 1 << 20 : (int)len;
        if (PQputCopyData(pg, lines, part) != 1)
            return err_pg(err, pg, NULL, "the connection was lost while rows went in");
        lines += part;
        len -= (size_t)part;
    }
    return true;
}

static bool end_copy(struct import *im, int64_t *ret_rows, struct err *err)
{
    PGconn *pg = conn_pg(im->conn);
    PGresult *result;
    bool ok;

    im->copying = false;
    if (PQputCopyEnd(pg, NULL) != 1)
        return err_pg(err, pg, NULL, "the connection was lost while rows went in");
    result = PQgetResult(pg);
    ok = PQresultStatus(result) == PGRES_COMMAND_OK;
    if (ok)
        *ret_rows = strtoll(PQcmdTuples(result), NULL, 10);
    else
        err_pg(err, pg, result, "the server refused the rows");
    PQclear(result);
    while ((result = PQgetResult(pg)))
        PQclear(result);
    return ok;
}

static bool count_conflicts(struct import *im, int64_t *ret, struct err *err)
{
    struct buf value = BUF_INIT;
    bool found;
    bool ok = conn_value(im->conn, buf_str(&im->count), 0, NULL, &value, &found, err);

    if (ok)
        *ret = strtoll(buf_str(&value), NULL, 10);
    buf_done(&value);
    return ok;
}

static bool tell_conflicts(struct import *im, void (*each)(const char *key, void *state),
                           void *state, struct err *err)
{
    PGresult *result = conn_query(im->conn, buf_str(&im->conflicts), 0, NULL, err);

    if (!result)
        return false;
    for (int i = 0; i < PQntuples(result); i++)
        each(PQgetvalue(result, i, 0), state);
    PQclear(result);
    return true;
}

static bool merge(struct import *im, struct import_counts *counts, struct err *err)
{
    PGresult *result = conn_query(im->conn, buf_str(&im->merge), 0, NULL, err);

    if (!result)
        return false;
    counts->inserted = strtoll(PQgetvalue(result, 0, 0), NULL, 10);
    counts->updated = strtoll(PQgetvalue(result, 0, 1), NULL, 10);
    PQclear(result);
    if (im->params.partitioned && im->params.conflict >= IMPORT_OVERWRITE) {
        counts->updated =
            counts->conflicts < counts->inserted ? counts->conflicts : counts->inserted;
        counts->inserted -= counts->updated;
    }
    counts->skipped = counts->staged - counts->inserted - counts->updated;
    return true;
}

bool import_end(struct import *im, struct import_counts *ret,
                void (*each)(const char *key, void *state), void *state, struct err *err)
{
    *ret = (struct import_counts){0};
    if (!end_copy(im, &ret->staged, err))
        return false;
    if (!im->staged) {
        ret->inserted = ret->staged;
        return true;
    }
    if (ret->staged >= ANALYZE_ROWS && !conn_exec(im->conn, "ANALYZE " STAGE, err))
        return false;
    if (im->key_count > 0 && !count_conflicts(im, &ret->conflicts, err))
        return false;
    if (ret->conflicts > 0 && each && !tell_conflicts(im, each, state, err))
        return false;
    if (!im->params.count_only && (!merge(im, ret, err) || !fault_point("restore.merged", err)))
        return false;
    return conn_exec(im->conn, "DROP TABLE " STAGE, err);
}
