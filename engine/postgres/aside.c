/* SPDX-License-Identifier: PostgreSQL
 *
 * A record is SQL that somebody runs later, perhaps as superuser, and any role may add one. So a
 * record counts only where the role that wrote it (the server fills that in) and the owner of the
 * ledger both have the rights of the table's owner; and it is one CREATE INDEX on that table, taken
 * apart, put together and sent where only one statement can stand.
 */
#include "postgres/aside.h"

#include <stdlib.h>

#include "postgres/indexdef.h"
#include "postgres/ledger.h"
#include "postgres/lock.h"

static const struct ledger_kind set_aside = {
    .name = "archiver_set_aside",
    .columns = "schema_name text NOT NULL, table_name text NOT NULL, index_name text NOT NULL,"
               " definition text NOT NULL, tablespace text, comment text,"
               " clustered boolean NOT NULL, set_by text NOT NULL DEFAULT current_user,"
               " set_at timestamptz NOT NULL DEFAULT now(),"
               " PRIMARY KEY (schema_name, table_name, index_name)",
    .insert_only =
        "schema_name, table_name, index_name, definition, tablespace, comment, clustered",
};

/* Its partitions, and theirs; $1, $2: schema and table. */
#define PARTITIONS_SQL                                                                             \
    "WITH RECURSIVE tree(oid, depth) AS ("                                                         \
    " SELECT c.oid, 0 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"               \
    "  WHERE n.nspname = $1 AND c.relname = $2"                                                    \
    " UNION ALL SELECT i.inhrelid, tree.depth + 1 FROM tree JOIN pg_inherits i"                    \
    "  ON i.inhparent = tree.oid JOIN pg_class p ON p.oid = i.inhrelid AND p.relispartition)"

/* --- triggers --- */

static const char *trigger_mode(char enabled)
{
    switch (enabled) {
    case 'D':
        return "DISABLE";
    case 'A':
        return "ENABLE ALWAYS";
    case 'R':
        return "ENABLE REPLICA";
    default:
        return "ENABLE";
    }
}

static void add_trigger(struct conn *conn, struct buf *sql, PGresult *result, int row,
                        const char *mode)
{
    buf_adds(sql, "ALTER TABLE ONLY ");
    conn_add_table(conn, sql, PQgetvalue(result, row, 0), PQgetvalue(result, row, 1));
    buf_addf(sql, " %s TRIGGER ", mode);
    conn_add_ident(conn, sql, PQgetvalue(result, row, 2));
    buf_addc(sql, ';');
}

bool aside_triggers_off(struct conn *conn, const char *schema, const char *table,
                        struct buf *ret_restore, size_t *ret_count, struct err *err)
{
    /* Parents first: where the server passes a change on to the partitions, theirs is set after.
     * That is also why those that are off already are in the way back. */
    static const char sql[] = PARTITIONS_SQL
        " SELECT n.nspname, c.relname, t.tgname, t.tgenabled FROM tree"
        " JOIN pg_class c ON c.oid = tree.oid JOIN pg_namespace n ON n.oid = c.relnamespace"
        " JOIN pg_trigger t ON t.tgrelid = c.oid WHERE NOT t.tgisinternal"
        " ORDER BY tree.depth, n.nspname, c.relname, t.tgname";
    PGresult *result = conn_query(conn, sql, 2, (const char *const[]){schema, table}, err);
    struct buf off = BUF_INIT;

    buf_reset(ret_restore);
    *ret_count = 0;
    if (!result)
        return false;
    for (int row = 0; row < PQntuples(result); row++) {
        char enabled = PQgetvalue(result, row, 3)[0];
        add_trigger(conn, ret_restore, result, row, trigger_mode(enabled));
        if (enabled == 'D')
            continue;
        add_trigger(conn, &off, result, row, "DISABLE");
        ++*ret_count;
    }
    bool ok = *ret_count == 0 || conn_exec(conn, buf_str(&off), err);
    if (*ret_count == 0)
        buf_reset(ret_restore);
    if (!ok)
        err_in(err, "triggers of \"%s\".\"%s\"", schema, table);
    if (!ok && err->kind == ERR_PERMISSION)
        err_hint(err, "only the table's owner may set triggers aside");
    buf_done(&off);
    PQclear(result);
    return ok;
}

bool aside_triggers_on(struct conn *conn, const char *restore, struct err *err)
{
    return !*restore || conn_exec(conn, restore, err) || err_in(err, "triggers set aside");
}

/* --- indexes: away --- */

static bool begin(struct conn *conn, struct err *err)
{
    return conn_exec(conn, "BEGIN; SET LOCAL search_path = pg_catalog", err);
}

static bool no_record(struct err *err, const char *why, const char *hint)
{
    err_set(err, ERR_PERMISSION, "indexes cannot be set aside");
    err_why(err, "%s", why);
    return err_hint(err, "%s, or leave out --drop-indexes", hint);
}

/* Would a record of ours count? */
static bool check_trust(struct conn *conn, const char *schema, const char *table,
                        const char *ledger, struct err *err)
{
    static const char sql[] =
        "SELECT pg_has_role(c.relowner, 'USAGE'), pg_has_role(l.relowner, c.relowner, 'USAGE')"
        " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, pg_class l"
        " WHERE n.nspname = $1 AND c.relname = $2 AND l.oid = $3::regclass";
    PGresult *result = conn_query(conn, sql, 3, (const char *const[]){schema, table, ledger}, err);
    bool ok = result != NULL;

    if (ok && PQntuples(result) == 0)
        ok = err_set(err, ERR_PREFLIGHT, "there is no such table");
    else if (ok && PQgetvalue(result, 0, 0)[0] != 't')
        ok = no_record(err, "the table is another role's", "GRANT its owner's role to this role");
    else if (ok && PQgetvalue(result, 0, 1)[0] != 't')
        ok = no_record(err, "the table of records is of a role without rights on the table",
                       "let the table's owner or a superuser own it");
    PQclear(result);
    return ok;
}

static bool lock_table(struct conn *conn, const char *schema, const char *table, struct err *err)
{
    struct buf sql = BUF_INIT;

    buf_adds(&sql, "LOCK TABLE ");
    conn_add_table(conn, &sql, schema, table);
    buf_adds(&sql, " IN ACCESS EXCLUSIVE MODE");
    bool ok = conn_exec(conn, buf_str(&sql), err);
    buf_done(&sql);
    return ok;
}

#define INDEXES_SQL                                                                                \
    " FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid"                                     \
    " JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace"         \
    " LEFT JOIN pg_tablespace s ON s.oid = x.reltablespace"                                        \
    " WHERE n.nspname = $1 AND c.relname = $2 AND i.indisvalid AND NOT i.indisprimary"             \
    " AND NOT i.indisreplident AND NOT i.indisexclusion AND (NOT i.indisunique OR $3::bool)"       \
    " AND NOT EXISTS (SELECT FROM pg_constraint o WHERE o.conindid = x.oid)"                       \
    " AND NOT EXISTS (SELECT FROM pg_inherits h WHERE h.inhrelid = x.oid)"

/* An older record of an index that is there has been overtaken by it. */
static bool record(struct conn *conn, const char *ledger, const char *const *values,
                   PGresult **ret_indexes, struct err *err)
{
    char *forget = mem_printf("DELETE FROM %s l WHERE l.schema_name = $1 AND l.table_name = $2"
                              " AND l.index_name IN (SELECT x.relname" INDEXES_SQL ")",
                              ledger);
    char *insert =
        mem_printf("INSERT INTO %s (schema_name, table_name, index_name, definition, tablespace,"
                   " comment, clustered) SELECT n.nspname, c.relname, x.relname,"
                   " pg_get_indexdef(x.oid), s.spcname, obj_description(x.oid, 'pg_class'),"
                   " i.indisclustered" INDEXES_SQL " ORDER BY x.relname"
                   " RETURNING index_name, definition",
                   ledger);
    PGresult *forgotten = conn_query(conn, forget, 3, values, err);

    *ret_indexes = forgotten ? conn_query(conn, insert, 3, values, err) : NULL;
    PQclear(forgotten);
    free(forget);
    free(insert);
    return *ret_indexes != NULL;
}

static bool drop_all(struct conn *conn, const char *schema, PGresult *indexes, struct err *err)
{
    struct buf sql = BUF_INIT;
    struct indexdef definition;
    bool ok = true;

    for (int row = 0; ok && row < PQntuples(indexes); row++) {
        const char *name = PQgetvalue(indexes, row, 0);
        buf_reset(&sql);
        buf_adds(&sql, "DROP INDEX ");
        conn_add_table(conn, &sql, schema, name);
        /* What could not be read could not be put back. */
        if (!indexdef_read(PQgetvalue(indexes, row, 1), &definition))
            ok = err_set(err, ERR_DATABASE, "the definition of index \"%s\" cannot be read", name);
        ok = ok && conn_exec(conn, buf_str(&sql), err);
    }
    buf_done(&sql);
    return ok;
}

static bool note_kept(struct conn *conn, const char *const *values, struct aside_report *report,
                      struct err *err)
{
    static const char sql[] = PARTITIONS_SQL
        " SELECT quote_ident(x.relname), c.oid::regclass::text,"
        " EXISTS (SELECT FROM pg_inherits h WHERE h.inhrelid = x.oid)"
        " FROM tree JOIN pg_index i ON i.indrelid = tree.oid JOIN pg_class x ON x.oid = "
        "i.indexrelid"
        " JOIN pg_class c ON c.oid = tree.oid"
        " WHERE NOT EXISTS (SELECT FROM pg_constraint o WHERE o.conindid = x.oid)"
        /* What follows a parent's index is that index's affair, unless the table is the partition.
         */
        " AND (tree.depth = 0 OR NOT EXISTS (SELECT FROM pg_inherits h WHERE h.inhrelid = x.oid))"
        " AND (NOT i.indisunique OR $3::bool) ORDER BY tree.depth, 2, 1";
    PGresult *result = conn_query(conn, sql, 3, values, err);

    for (int row = 0; result && row < PQntuples(result); row++)
        buf_addf(&report->notes, "index %s of %s stays%s\n", PQgetvalue(result, row, 0),
                 PQgetvalue(result, row, 1),
                 PQgetvalue(result, row, 2)[0] == 't' ? ": it is part of its parent's" : "");
    PQclear(result);
    return result != NULL;
}

bool aside_indexes_drop(struct conn *conn, const char *schema, const char *table, bool unique_too,
                        struct aside_report *report, struct err *err)
{
    const char *const values[] = {schema, table, unique_too ? "t" : "f"};
    struct buf ledger = BUF_INIT;
    PGresult *indexes = NULL;
    bool ok = ledger_table(conn, &set_aside, schema, true, &ledger, err);

    if (ok && ledger.len == 0)
        ok = no_record(err, "there is no table to record them in, and this role may not make one",
                       "GRANT CREATE ON DATABASE to it");
    ok = ok && begin(conn, err) &&
         conn_end(conn,
                  check_trust(conn, schema, table, buf_str(&ledger), err) &&
                      lock_table(conn, schema, table, err) &&
                      record(conn, buf_str(&ledger), values, &indexes, err) &&
                      drop_all(conn, schema, indexes, err) && note_kept(conn, values, report, err),
                  err);
    if (ok)
        report->done += (size_t)PQntuples(indexes);
    else
        err_in(err, "indexes of \"%s\".\"%s\"", schema, table);
    PQclear(indexes);
    buf_done(&ledger);
    return ok;
}

/* --- indexes: back --- */

/* One record. */
struct back {
    struct conn *conn;
    const char *ledger, *schema, *table;
    const char *index, *definition, *tablespace, *comment; /* the last two may be NULL */
    bool clustered;
};

static bool refuse(struct err *err, const char *why)
{
    err_set(err, ERR_PREFLIGHT, "an index is not put back");
    return err_why(err, "%s", why);
}

/* *ret_there: an index of that name and definition. ERR_PREFLIGHT where the name is another's. */
static bool look_for_index(const struct back *b, const struct indexdef *wanted, bool *ret_there,
                           struct err *err)
{
    static const char sql[] =
        "SELECT c.relname = $3 AND i.indisvalid, pg_get_indexdef(i.indexrelid) FROM pg_class x"
        " JOIN pg_namespace n ON n.oid = x.relnamespace"
        " LEFT JOIN pg_index i ON i.indexrelid = x.oid LEFT JOIN pg_class c ON c.oid = i.indrelid"
        " WHERE n.nspname = $1 AND x.relname = $2";
    const char *const values[] = {b->schema, b->index, b->table};
    PGresult *result = conn_query(b->conn, sql, 3, values, err);
    struct indexdef there;
    bool ok = result != NULL;

    *ret_there = ok && PQntuples(result) > 0;
    if (*ret_there &&
        (PQgetvalue(result, 0, 0)[0] != 't' || !indexdef_read(PQgetvalue(result, 0, 1), &there) ||
         there.unique != wanted->unique || strcmp(there.rest, wanted->rest) != 0))
        ok = refuse(err, "something else has its name");
    PQclear(result);
    return ok;
}

static bool forget(const struct back *b, bool *ret_mine, struct err *err)
{
    const char *const values[] = {b->schema, b->table, b->index};
    char *sql = mem_printf("DELETE FROM %s WHERE schema_name = $1 AND table_name = $2"
                           " AND index_name = $3",
                           b->ledger);
    PGresult *result = conn_query(b->conn, sql, 3, values, err);

    *ret_mine = result && strcmp(PQcmdTuples(result), "1") == 0;
    PQclear(result);
    free(sql);
    return result != NULL;
}

static bool make_index(const struct back *b, const struct indexdef *definition, struct err *err)
{
    struct buf sql = BUF_INIT;
    PGresult *made = NULL;
    bool ok = true;

    if (b->tablespace) {
        buf_adds(&sql, "SET LOCAL default_tablespace = ");
        conn_add_literal(b->conn, &sql, b->tablespace);
        ok = conn_exec(b->conn, buf_str(&sql), err);
        buf_reset(&sql);
    }
    indexdef_add(b->conn, &sql, definition, b->index, b->schema, b->table);
    if (ok)
        made = conn_query(b->conn, buf_str(&sql), 0, NULL, err); /* one statement and no more */
    PQclear(made);
    buf_done(&sql);
    return made != NULL;
}

static bool finish_index(const struct back *b, struct err *err)
{
    struct buf sql = BUF_INIT;

    if (b->comment) {
        buf_adds(&sql, "COMMENT ON INDEX ");
        conn_add_table(b->conn, &sql, b->schema, b->index);
        buf_adds(&sql, " IS ");
        conn_add_literal(b->conn, &sql, b->comment);
        buf_addc(&sql, ';');
    }
    if (b->clustered) {
        buf_adds(&sql, "ALTER TABLE ");
        conn_add_table(b->conn, &sql, b->schema, b->table);
        buf_adds(&sql, " CLUSTER ON ");
        conn_add_ident(b->conn, &sql, b->index);
    }
    bool ok = sql.len == 0 || conn_exec(b->conn, buf_str(&sql), err);
    buf_done(&sql);
    return ok;
}

/* The record goes first: whoever else is at it waits, and then finds nothing. */
static bool put_back_one(const struct back *b, bool *ret_mine, struct err *err)
{
    struct indexdef definition;
    bool there;

    *ret_mine = false;
    if (!indexdef_read(b->definition, &definition))
        return refuse(err, "its definition is not one");
    if (!forget(b, ret_mine, err))
        return false;
    if (!*ret_mine)
        return true;
    if (!look_for_index(b, &definition, &there, err))
        return false;
    return there || (make_index(b, &definition, err) && finish_index(b, err));
}

enum { R_INDEX, R_DEFINITION, R_TABLESPACE, R_COMMENT, R_CLUSTERED, R_TRUSTED };

static PGresult *read_records(struct conn *conn, const char *ledger, const char *schema,
                              const char *table, struct err *err)
{
    /* trusted is NULL where there is no such table or role */
    char *sql = mem_printf(
        "SELECT l.index_name, l.definition, l.tablespace, l.comment, l.clustered,"
        " (SELECT pg_has_role(r.oid, c.relowner, 'USAGE')"
        "   AND pg_has_role(k.relowner, c.relowner, 'USAGE')"
        "  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace,"
        "  pg_roles r, pg_class k WHERE n.nspname = l.schema_name AND c.relname = l.table_name"
        "  AND c.relkind IN ('r', 'p') AND r.rolname = l.set_by AND k.oid = $3::regclass)"
        " FROM %s l WHERE l.schema_name = $1 AND l.table_name = $2 ORDER BY l.index_name",
        ledger);
    PGresult *result = conn_query(conn, sql, 3, (const char *const[]){schema, table, ledger}, err);

    free(sql);
    return result;
}

static const char *text_or_null(PGresult *result, int row, int column)
{
    return PQgetisnull(result, row, column) ? NULL : PQgetvalue(result, row, column);
}

static bool is_hopeless(const struct err *err)
{
    return err->kind == ERR_NETWORK || err->kind == ERR_RESOURCE || err->kind == ERR_INTERRUPTED;
}

static bool put_back_record(const struct back *b, const char *trusted, struct aside_report *report,
                            struct err *err)
{
    struct err why = ERR_INIT;
    bool mine = false, ok;

    if (!trusted)
        ok = refuse(&why, "the table, or the role that dropped it, is gone");
    else if (trusted[0] != 't')
        ok = refuse(&why, "the record is of a role without rights on the table");
    else
        ok = begin(b->conn, &why) && conn_end(b->conn, put_back_one(b, &mine, &why), &why);
    report->done += ok && mine;
    if (ok)
        return true;
    if (is_hopeless(&why)) {
        *err = why;
        return err_in(err, "index \"%s\" of \"%s\".\"%s\"", b->index, b->schema, b->table);
    }
    report->left++;
    buf_addf(&report->notes,
             "index \"%s\" of \"%s\".\"%s\" is not put back: %s; recorded in %s: %s\n", b->index,
             b->schema, b->table, why.why, b->ledger, b->definition);
    return true;
}

static bool put_back_table(struct conn *conn, const char *ledger, const char *schema,
                           const char *table, struct aside_report *report, struct err *err)
{
    PGresult *records = read_records(conn, ledger, schema, table, err);
    bool ok = records != NULL;

    for (int row = 0; ok && row < PQntuples(records); row++) {
        struct back b = {.conn = conn,
                         .ledger = ledger,
                         .schema = schema,
                         .table = table,
                         .index = PQgetvalue(records, row, R_INDEX),
                         .definition = PQgetvalue(records, row, R_DEFINITION),
                         .tablespace = text_or_null(records, row, R_TABLESPACE),
                         .comment = text_or_null(records, row, R_COMMENT),
                         .clustered = PQgetvalue(records, row, R_CLUSTERED)[0] == 't'};
        ok = put_back_record(&b, text_or_null(records, row, R_TRUSTED), report, err);
    }
    PQclear(records);
    return ok;
}

bool aside_indexes_put_back(struct conn *conn, const char *schema, const char *table,
                            struct aside_report *report, struct err *err)
{
    struct buf ledger = BUF_INIT;
    bool ok =
        ledger_table(conn, &set_aside, schema, false, &ledger, err) &&
        (ledger.len == 0 || put_back_table(conn, buf_str(&ledger), schema, table, report, err));

    buf_done(&ledger);
    return ok;
}

static bool put_back_locked(struct conn *conn, const char *ledger, const char *schema,
                            const char *table, struct aside_report *report, struct err *err)
{
    if (!lock_take(conn, schema, table, err))
        return err->kind == ERR_LOCKED;
    bool ok = put_back_table(conn, ledger, schema, table, report, err);
    lock_release(conn, schema, table);
    return ok;
}

bool aside_put_back_all(struct conn *conn, const char *schema, struct aside_report *report,
                        struct err *err)
{
    struct buf ledger = BUF_INIT, sql = BUF_INIT;
    PGresult *tables = NULL;
    bool ok = ledger_table(conn, &set_aside, schema, false, &ledger, err);

    if (!ok || ledger.len == 0)
        goto out;
    buf_addf(&sql, "SELECT DISTINCT schema_name, table_name FROM %s ORDER BY 1, 2",
             buf_str(&ledger));
    tables = conn_query(conn, buf_str(&sql), 0, NULL, err);
    ok = tables != NULL;
    for (int row = 0; ok && row < PQntuples(tables); row++)
        ok = put_back_locked(conn, buf_str(&ledger), PQgetvalue(tables, row, 0),
                             PQgetvalue(tables, row, 1), report, err);
out:
    PQclear(tables);
    buf_done(&ledger);
    buf_done(&sql);
    return ok;
}

void aside_report_done(struct aside_report *report)
{
    buf_done(&report->notes);
    *report = (struct aside_report){0};
}
