/* SPDX-License-Identifier: PostgreSQL
 *
 * Triggers and indexes of real tables, away and back; with connections that die in between.
 */
#include "postgres/aside.h"

#include "live.h"
#include "postgres/lock.h"

/* --- helpers --- */

/* All that a person sees of the indexes of a schema. */
static const char indexes_sql[] =
    "SELECT string_agg(concat_ws(' | ', pg_get_indexdef(x.oid), i.indisclustered, i.indisreplident,"
    " i.indisvalid, obj_description(x.oid, 'pg_class'), s.spcname), E'\\n' ORDER BY x.relname)"
    " FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid LEFT JOIN pg_tablespace s"
    " ON s.oid = x.reltablespace WHERE x.relnamespace = 'app'::regnamespace";

/* Copied out: live_value's own is gone with the next call. */
static char *indexes(struct conn *conn)
{
    return mem_strdup(live_value(conn, indexes_sql));
}

static void expect_indexes(struct conn *conn, const char *expected)
{
    CHECK_STR(live_value(conn, indexes_sql), expected);
}

static void drop(struct conn *conn, bool unique_too, size_t count, const char *notes)
{
    struct aside_report report = {0};
    struct err err;

    CHECK_OK(aside_indexes_drop(conn, "app", "T", unique_too, &report, &err));
    CHECK_INT(report.done, count);
    CHECK_STR(buf_str(&report.notes), notes);
    aside_report_done(&report);
}

static void put_back(struct conn *conn, size_t done, size_t left, const char *notes)
{
    struct aside_report report = {0};
    struct err err;

    CHECK_OK(aside_indexes_put_back(conn, "app", "T", &report, &err));
    CHECK_INT(report.done, done);
    CHECK_INT(report.left, left);
    CHECK_STR(buf_str(&report.notes), notes);
    aside_report_done(&report);
}

static const char *records(struct conn *conn)
{
    return live_value(conn, "SELECT count(*) FROM archiver_tui.archiver_set_aside");
}

static const char table_sql[] =
    "CREATE SCHEMA app; CREATE TABLE app.\"T\" (id bigint PRIMARY KEY, a text, b integer NOT NULL,"
    " c integer UNIQUE, f integer, at timestamptz);"
    "CREATE INDEX expr ON app.\"T\" (lower(a) DESC NULLS LAST, (b + 1));"
    "CREATE INDEX \"Par \"\"tial\" ON app.\"T\" (at) WHERE a <> ' ON ONLY ';"
    "CREATE INDEX body ON app.\"T\" USING brin (at) WITH (pages_per_range = 16);"
    "CREATE UNIQUE INDEX uni ON app.\"T\" (b, at) INCLUDE (a);"
    "CREATE UNIQUE INDEX identity ON app.\"T\" (b);"
    "CREATE UNIQUE INDEX referenced ON app.\"T\" (f);"
    "CREATE TABLE app.other (f integer REFERENCES app.\"T\" (f));"
    "ALTER TABLE app.\"T\" REPLICA IDENTITY USING INDEX identity;"
    "ALTER TABLE app.\"T\" CLUSTER ON expr; COMMENT ON INDEX app.expr IS 'it''s; mine';"
    "INSERT INTO app.\"T\" SELECT g, 'a' || g, g, g, g, now() FROM generate_series(1, 100) g";

/* --- triggers --- */

static const char modes_sql[] =
    "SELECT string_agg(concat_ws(' ', tgrelid::regclass, tgname, tgenabled), ', '"
    " ORDER BY tgrelid::regclass::text, tgname) FROM pg_trigger WHERE NOT tgisinternal";

static void test_triggers(void)
{
    static const char modes[] = "\"T\" Always A, \"T\" Off D, \"T\" On O, \"T\" Replica R";
    struct conn *conn = live_fresh(LIVE_DB);
    struct buf restore = BUF_INIT;
    struct err err;
    size_t count;

    live_exec(conn,
              "CREATE TABLE \"T\" (id integer); CREATE TABLE fired (name text);"
              "CREATE FUNCTION fire() RETURNS trigger LANGUAGE plpgsql AS"
              " 'BEGIN INSERT INTO fired VALUES (TG_NAME); RETURN NEW; END';"
              "CREATE TRIGGER \"On\" AFTER INSERT ON \"T\" FOR EACH ROW EXECUTE FUNCTION fire();"
              "CREATE TRIGGER \"Off\" AFTER INSERT ON \"T\" EXECUTE FUNCTION fire();"
              "CREATE TRIGGER \"Always\" AFTER INSERT ON \"T\" EXECUTE FUNCTION fire();"
              "CREATE TRIGGER \"Replica\" AFTER INSERT ON \"T\" EXECUTE FUNCTION fire();"
              "ALTER TABLE \"T\" DISABLE TRIGGER \"Off\";"
              "ALTER TABLE \"T\" ENABLE ALWAYS TRIGGER \"Always\";"
              "ALTER TABLE \"T\" ENABLE REPLICA TRIGGER \"Replica\"");
    CHECK_STR(live_value(conn, modes_sql), modes);
    live_exec(conn, "BEGIN");
    CHECK_OK(aside_triggers_off(conn, "public", "T", &restore, &count, &err));
    CHECK_INT(count, 3);
    live_exec(conn, "INSERT INTO \"T\" VALUES (1)");
    CHECK_STR(live_value(conn, "SELECT count(*) FROM fired"), "0");
    CHECK_OK(aside_triggers_on(conn, buf_str(&restore), &err));
    CHECK_STR(live_value(conn, modes_sql), modes);
    live_exec(conn, "COMMIT; INSERT INTO \"T\" VALUES (2)");
    CHECK_STR(live_value(conn, "SELECT string_agg(name, ' ' ORDER BY name) FROM fired"),
              "Always On");
    /* A session that dies in between has changed nothing. */
    live_exec(conn, "BEGIN");
    CHECK_OK(aside_triggers_off(conn, "public", "T", &restore, &count, &err));
    conn_close(conn);
    conn = live_open(LIVE_DB, NULL);
    CHECK_STR(live_value(conn, modes_sql), modes);
    live_exec(conn, "CREATE TABLE plain (id integer); BEGIN");
    CHECK_OK(aside_triggers_off(conn, "public", "plain", &restore, &count, &err));
    CHECK_INT(count, 0);
    CHECK_OK(aside_triggers_on(conn, buf_str(&restore), &err));
    live_exec(conn, "COMMIT");
    buf_done(&restore);
    conn_close(conn);
}

static void test_triggers_of_partitions(void)
{
    static const char modes[] =
        "p own D, p row O, p1 row D, p2 row A, p3 own O, p3 row O, p31 row R";
    struct conn *conn = live_fresh(LIVE_DB);
    struct buf restore = BUF_INIT;
    struct err err;
    size_t count;

    live_exec(conn,
              "CREATE FUNCTION fire() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
              "CREATE TABLE p (id integer) PARTITION BY LIST (id);"
              "CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1);"
              "CREATE TABLE p2 PARTITION OF p FOR VALUES IN (2);"
              "CREATE TABLE p3 PARTITION OF p DEFAULT PARTITION BY LIST (id);"
              "CREATE TABLE p31 PARTITION OF p3 DEFAULT;"
              "CREATE TRIGGER row AFTER INSERT ON p FOR EACH ROW EXECUTE FUNCTION fire();"
              "CREATE TRIGGER own AFTER INSERT ON p EXECUTE FUNCTION fire();"
              "CREATE TRIGGER own AFTER INSERT ON p3 EXECUTE FUNCTION fire();"
              "ALTER TABLE p DISABLE TRIGGER own; ALTER TABLE p1 DISABLE TRIGGER row;"
              "ALTER TABLE p2 ENABLE ALWAYS TRIGGER row;"
              "ALTER TABLE p31 ENABLE REPLICA TRIGGER row");
    CHECK_STR(live_value(conn, modes_sql), modes);
    live_exec(conn, "BEGIN");
    CHECK_OK(aside_triggers_off(conn, "public", "p", &restore, &count, &err));
    CHECK_INT(count, 5);
    CHECK_STR(live_value(conn, "SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal"
                               " AND tgenabled <> 'D'"),
              "0");
    CHECK_OK(aside_triggers_on(conn, buf_str(&restore), &err));
    live_exec(conn, "COMMIT");
    CHECK_STR(live_value(conn, modes_sql), modes);
    buf_done(&restore);
    conn_close(conn);
}

static void test_triggers_of_another_role(void)
{
    struct conn *conn = live_fresh(LIVE_DB);
    struct buf restore = BUF_INIT;
    struct err err;
    size_t count;

    live_exec(conn, "DROP ROLE IF EXISTS live_other; CREATE ROLE live_other LOGIN;"
                    "CREATE TABLE t (id integer); CREATE FUNCTION fire() RETURNS trigger"
                    " LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
                    "CREATE TRIGGER x AFTER INSERT ON t EXECUTE FUNCTION fire()");
    struct conn *other = live_open(LIVE_DB, "live_other");
    live_exec(other, "BEGIN");
    CHECK_FAILS(aside_triggers_off(other, "public", "t", &restore, &count, &err), ERR_PERMISSION,
                "must be owner of table t (only the table's owner may set triggers aside)");
    conn_close(other);
    buf_done(&restore);
    conn_close(conn);
}

/* --- indexes --- */

static void test_indexes(void)
{
    struct conn *conn = live_fresh(LIVE_DB);

    live_exec(conn, table_sql);
    char *before = indexes(conn);
    put_back(conn, 0, 0, ""); /* no ledger yet */
    drop(conn, false, 3, "");
    CHECK_STR(live_value(conn, "SELECT string_agg(indexname, ' ' ORDER BY indexname) FROM"
                               " pg_indexes WHERE tablename = 'T'"),
              "T_c_key T_pkey identity referenced uni");
    put_back(conn, 3, 0, "");
    expect_indexes(conn, before);
    drop(conn, true, 4, "index identity of app.\"T\" stays\n");
    put_back(conn, 4, 0, "");
    expect_indexes(conn, before);
    CHECK_STR(records(conn), "0");
    put_back(conn, 0, 0, "");
    CHECK_STR(live_value(conn, "SHOW search_path"), "\"$user\", public");
    free(before);
    conn_close(conn);
}

static void test_tablespace(void)
{
    struct conn *conn = live_fresh(LIVE_DB);

    live_exec(conn, "SET allow_in_place_tablespaces = on");
    live_exec(conn, "DROP TABLESPACE IF EXISTS \"Live space\"");
    live_exec(conn, "CREATE TABLESPACE \"Live space\" LOCATION ''");
    live_exec(conn, "CREATE SCHEMA app; CREATE TABLE app.\"T\" (a text);"
                    "CREATE INDEX far ON app.\"T\" (a) TABLESPACE \"Live space\"");
    char *before = indexes(conn);
    CHECK(strstr(before, "Live space") != NULL);
    drop(conn, false, 1, "");
    put_back(conn, 1, 0, "");
    expect_indexes(conn, before);
    free(before);
    live_exec(conn, "DROP SCHEMA app CASCADE");
    live_exec(conn, "DROP TABLESPACE \"Live space\"");
    conn_close(conn);
}

static void test_partitioned(void)
{
    struct conn *conn = live_fresh(LIVE_DB);

    live_exec(conn,
              "CREATE SCHEMA app; CREATE TABLE app.\"T\" (id integer, a text, PRIMARY KEY (id))"
              " PARTITION BY RANGE (id);"
              "CREATE TABLE app.p1 PARTITION OF app.\"T\" FOR VALUES FROM (0) TO (10);"
              "CREATE TABLE app.p2 PARTITION OF app.\"T\" DEFAULT PARTITION BY LIST (id);"
              "CREATE TABLE app.p21 PARTITION OF app.p2 DEFAULT;"
              "CREATE INDEX whole ON app.\"T\" (lower(a)); CREATE INDEX single ON app.p1 (a)");
    char *before = indexes(conn);
    drop(conn, false, 1, "index single of app.p1 stays\n");
    CHECK_STR(live_value(conn, "SELECT string_agg(indexname, ' ' ORDER BY indexname)"
                               " FROM pg_indexes WHERE schemaname = 'app'"),
              "T_pkey p1_pkey p21_pkey p2_pkey single");
    put_back(conn, 1, 0, "");
    expect_indexes(conn, before);
    free(before);
    conn_close(conn);
}

static void test_one_partition(void)
{
    struct conn *conn = live_fresh(LIVE_DB);

    live_exec(conn,
              "CREATE SCHEMA app; CREATE TABLE app.whole (id integer, a text)"
              " PARTITION BY RANGE (id); CREATE TABLE app.\"T\" PARTITION OF app.whole DEFAULT;"
              "CREATE INDEX i ON app.whole (a); CREATE INDEX own ON app.\"T\" (id)");
    char *before = indexes(conn);
    drop(conn, false, 1, "index \"T_a_idx\" of app.\"T\" stays: it is part of its parent's\n");
    put_back(conn, 1, 0, "");
    expect_indexes(conn, before);
    free(before);
    conn_close(conn);
}

/* --- interrupted --- */

/* The statement during which the session dies. */
static void die_in_transaction(struct conn *conn)
{
    struct err err;

    CHECK_FAILS(conn_exec(conn, "SELECT pg_terminate_backend(pg_backend_pid())", &err), ERR_NETWORK,
                "");
    conn_close(conn);
}

static void test_dies_after_the_drop(void)
{
    struct conn *conn = live_fresh(LIVE_DB);
    struct aside_report report = {0};
    struct err err;

    live_exec(conn, table_sql);
    char *before = indexes(conn);
    drop(conn, false, 3, "");
    die_in_transaction(conn);
    conn = live_open(LIVE_DB, NULL);
    /* Somebody else is at the table: not now. */
    struct conn *other = live_open(LIVE_DB, NULL);
    CHECK_OK(lock_take(other, "app", "T", &err));
    CHECK_OK(aside_put_back_all(conn, "elsewhere", &report, &err));
    CHECK_INT(report.done, 0);
    conn_close(other);
    live_exec(conn, "SELECT pg_advisory_unlock_all()");
    while (!lock_take(conn, "app", "T", &err)) /* until the server has seen that it is gone */
        live_exec(conn, "SELECT pg_sleep(0.01)");
    CHECK_OK(aside_put_back_all(conn, "elsewhere", &report, &err));
    CHECK_INT(report.done, 3);
    CHECK_STR(buf_str(&report.notes), "");
    expect_indexes(conn, before);
    CHECK_STR(records(conn), "0");
    /* The lock that we had before is ours still. */
    CHECK_STR(live_value(conn, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"), "1");
    aside_report_done(&report);
    free(before);
    conn_close(conn);
}

static void test_unlucky_rows(void)
{
    struct conn *conn = live_fresh(LIVE_DB);

    live_exec(conn, "CREATE SCHEMA app; CREATE TABLE app.\"T\" (a integer, b integer);"
                    "CREATE INDEX i ON app.\"T\" (a); CREATE UNIQUE INDEX u ON app.\"T\" (b)");
    char *before = indexes(conn);
    drop(conn, true, 2, "");
    live_exec(conn, "INSERT INTO app.\"T\" VALUES (1, 1), (2, 1)");
    put_back(conn, 1, 1,
             "index \"u\" of \"app\".\"T\" is not put back: could not create unique index \"u\": "
             "Key (b)=(1) is duplicated.; recorded in archiver_tui.archiver_set_aside: CREATE "
             "UNIQUE INDEX u ON app.\"T\" USING btree (b)\n");
    live_exec(conn, "DELETE FROM app.\"T\" WHERE a = 2");
    put_back(conn, 1, 0, "");
    expect_indexes(conn, before);
    free(before);
    conn_close(conn);
}

static void test_made_by_hand_meanwhile(void)
{
    struct conn *conn = live_fresh(LIVE_DB);

    live_exec(conn, "CREATE SCHEMA app; CREATE TABLE app.\"T\" (a integer, b integer);"
                    "CREATE INDEX i ON app.\"T\" (a); CREATE INDEX j ON app.\"T\" (b)");
    drop(conn, false, 2, "");
    live_exec(conn, "CREATE INDEX i ON app.\"T\" (a); CREATE INDEX j ON app.\"T\" (b DESC)");
    char *before = indexes(conn);
    put_back(conn, 1, 1,
             "index \"j\" of \"app\".\"T\" is not put back: something else has its name; recorded "
             "in archiver_tui.archiver_set_aside: CREATE INDEX j ON app.\"T\" USING btree (b)\n");
    expect_indexes(conn, before);
    /* Dropped once more, the record is of the index that is there. */
    drop(conn, false, 2, "");
    put_back(conn, 2, 0, "");
    expect_indexes(conn, before);
    drop(conn, false, 2, "");
    live_exec(conn, "DROP TABLE app.\"T\"");
    put_back(
        conn, 0, 2,
        "index \"i\" of \"app\".\"T\" is not put back: the table, or the role that dropped it, "
        "is gone; recorded in archiver_tui.archiver_set_aside: CREATE INDEX i ON app.\"T\" "
        "USING btree (a)\n"
        "index \"j\" of \"app\".\"T\" is not put back: the table, or the role that dropped it, "
        "is gone; recorded in archiver_tui.archiver_set_aside: CREATE INDEX j ON app.\"T\" "
        "USING btree (b DESC)\n");
    free(before);
    conn_close(conn);
}

/* --- rights --- */

static void make_roles(struct conn *conn)
{
    live_exec(conn, "DO $$ BEGIN CREATE ROLE live_owner LOGIN; EXCEPTION WHEN OTHERS THEN END $$;"
                    "DO $$ BEGIN CREATE ROLE live_other LOGIN; EXCEPTION WHEN OTHERS THEN END $$;"
                    "CREATE SCHEMA app; GRANT USAGE ON SCHEMA app TO live_other, live_owner;"
                    "CREATE TABLE app.\"T\" (a integer); CREATE INDEX i ON app.\"T\" (a);"
                    "ALTER TABLE app.\"T\" OWNER TO live_owner");
}

/* What anybody may write into the ledger is not run on a table that is not theirs. */
static void test_records_of_strangers(void)
{
    struct conn *conn = live_fresh(LIVE_DB);
    struct err err;

    make_roles(conn);
    drop(conn, false, 1, "");
    put_back(conn, 1, 0, "");
    struct conn *other = live_open(LIVE_DB, "live_other");
    live_exec(other, "INSERT INTO archiver_tui.archiver_set_aside (schema_name, table_name,"
                     " index_name, definition, clustered) VALUES ('app', 'T', 'evil',"
                     " 'CREATE INDEX evil ON app.\"T\" USING btree (a)', false)");
    CHECK_FAILS(conn_exec(other,
                          "INSERT INTO archiver_tui.archiver_set_aside (schema_name, table_name,"
                          " index_name, definition, clustered, set_by) VALUES ('app', 'T', 'evil2',"
                          " 'CREATE INDEX evil ON app.\"T\" USING btree (a)', false, 'postgres')",
                          &err),
                ERR_PERMISSION, "permission denied");
    CHECK_FAILS(conn_exec(other, "UPDATE archiver_tui.archiver_set_aside SET set_by = 'postgres'",
                          &err),
                ERR_PERMISSION, "permission denied");
    conn_close(other);
    put_back(conn, 0, 1,
             "index \"evil\" of \"app\".\"T\" is not put back: the record is of a role without "
             "rights on the table; recorded in archiver_tui.archiver_set_aside: CREATE INDEX evil "
             "ON app.\"T\" USING btree (a)\n");
    conn_close(conn);
}

static void test_one_statement_only(void)
{
    struct conn *conn = live_fresh(LIVE_DB);

    make_roles(conn);
    drop(conn, false, 1, "");
    live_exec(conn, "UPDATE archiver_tui.archiver_set_aside"
                    " SET definition = definition || '; DROP TABLE app.\"T\"'");
    put_back(conn, 0, 1,
             "index \"i\" of \"app\".\"T\" is not put back: cannot insert multiple commands into a "
             "prepared statement; recorded in archiver_tui.archiver_set_aside: CREATE INDEX i ON "
             "app.\"T\" USING btree (a); DROP TABLE app.\"T\"\n");
    live_exec(conn,
              "UPDATE archiver_tui.archiver_set_aside SET definition = 'DROP TABLE app.\"T\"'");
    put_back(conn, 0, 1,
             "index \"i\" of \"app\".\"T\" is not put back: its definition is not one; recorded in "
             "archiver_tui.archiver_set_aside: DROP TABLE app.\"T\"\n");
    CHECK_STR(live_value(conn, "SELECT to_regclass('app.\"T\"') IS NOT NULL"), "t");
    conn_close(conn);
}

static void test_no_ledger(void)
{
    struct conn *conn = live_fresh(LIVE_DB);
    struct aside_report report = {0};
    struct err err;

    make_roles(conn);
    struct conn *owner = live_open(LIVE_DB, "live_owner");
    CHECK_FAILS(
        aside_indexes_drop(owner, "app", "T", false, &report, &err), ERR_PERMISSION,
        "indexes cannot be set aside: indexes of \"app\".\"T\": there is no table to record "
        "them in, and this role may not make one (GRANT CREATE ON DATABASE to it, or leave "
        "out --drop-indexes)");
    /* Another role's table of records could be written to in anybody's name. */
    live_exec(conn, "CREATE SCHEMA archiver_tui AUTHORIZATION live_other;"
                    "GRANT USAGE ON SCHEMA archiver_tui TO PUBLIC");
    struct conn *other = live_open(LIVE_DB, "live_other");
    live_exec(other, "CREATE TABLE archiver_tui.archiver_set_aside (schema_name text, table_name"
                     " text, index_name text, definition text, tablespace text, comment text,"
                     " clustered boolean, set_by text, set_at timestamptz);"
                     "GRANT ALL ON archiver_tui.archiver_set_aside TO PUBLIC;"
                     "INSERT INTO archiver_tui.archiver_set_aside VALUES ('app', 'T', 'evil',"
                     " 'CREATE INDEX evil ON app.\"T\" USING btree (a)', NULL, NULL, false,"
                     " 'postgres')");
    CHECK_FAILS(aside_indexes_drop(owner, "app", "T", false, &report, &err), ERR_PERMISSION,
                "the table of records is of a role without rights on the table");
    CHECK_FAILS(aside_indexes_drop(other, "app", "T", false, &report, &err), ERR_PERMISSION,
                "the table is another role's");
    put_back(conn, 0, 1,
             "index \"evil\" of \"app\".\"T\" is not put back: the record is of a role without "
             "rights on the table; recorded in archiver_tui.archiver_set_aside: CREATE INDEX evil "
             "ON app.\"T\" USING btree (a)\n");
    CHECK_STR(live_value(conn, "SELECT string_agg(indexname, ' ') FROM pg_indexes"
                               " WHERE tablename = 'T'"),
              "i");
    aside_report_done(&report);
    conn_close(owner);
    conn_close(other);
    conn_close(conn);
}

/* The owner has a schema of its own to keep records in. */
static void test_ledger_beside_the_table(void)
{
    struct conn *conn = live_fresh(LIVE_DB);
    struct aside_report report = {0};
    struct err err;

    make_roles(conn);
    live_exec(conn, "GRANT CREATE ON SCHEMA app TO live_owner");
    struct conn *owner = live_open(LIVE_DB, "live_owner");
    CHECK_OK(aside_indexes_drop(owner, "app", "T", false, &report, &err));
    CHECK_INT(report.done, 1);
    CHECK_STR(live_value(conn, "SELECT string_agg(index_name || ' ' || set_by, ', ')"
                               " FROM app.archiver_set_aside"),
              "i live_owner");
    CHECK_OK(aside_put_back_all(conn, "app", &report, &err));
    CHECK_INT(report.done, 2);
    CHECK_STR(live_value(conn, "SELECT to_regclass('app.i')"), "app.i");
    aside_report_done(&report);
    conn_close(owner);
    conn_close(conn);
}

static const struct test_case cases[] = {
    {"triggers are off and back in the mode they had", test_triggers},
    {"triggers of partitions keep their own modes", test_triggers_of_partitions},
    {"triggers of another role's table are refused", test_triggers_of_another_role},
    {"indexes go and come back as they were", test_indexes},
    {"an index comes back to its tablespace", test_tablespace},
    {"a partitioned table's indexes take the partitions' along", test_partitioned},
    {"a partition's index that is its parent's stays", test_one_partition},
    {"whoever comes after a crash puts them back", test_dies_after_the_drop},
    {"an index that the rows do not allow stays recorded", test_unlucky_rows},
    {"what people did meanwhile is left alone", test_made_by_hand_meanwhile},
    {"records of strangers are not run", test_records_of_strangers},
    {"a record is one CREATE INDEX and no more", test_one_statement_only},
    {"without a ledger of the owner's nothing is dropped", test_no_ledger},
    {"the ledger may stand beside the table", test_ledger_beside_the_table},
    {NULL, NULL},
};

const struct test_suite live_aside_suite = {"live/aside", cases};
