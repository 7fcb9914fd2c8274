/* SPDX-License-Identifier: PostgreSQL
 *
 * The fragments that row/mapping makes, run by a real server: values go into a staging table as
 * COPY text and come out of the target as they were.
 */
#include "row/mapping.h"

#include "live.h"

/* --- the way of a restore, by hand --- */

/* What one COPY gives, another takes. */
static void copy(struct conn *conn, const char *out_sql, const char *in_sql)
{
    PGconn *pg = conn_pg(conn);
    struct buf rows = BUF_INIT;
    char *line = NULL;
    int len;

    PQclear(PQexec(pg, out_sql));
    while ((len = PQgetCopyData(pg, &line, 0)) > 0) {
        buf_add(&rows, line, (size_t)len);
        PQfreemem(line);
    }
    PQclear(PQgetResult(pg));
    PQclear(PQgetResult(pg));
    PQclear(PQexec(pg, in_sql));
    CHECK_INT(PQputCopyData(pg, buf_str(&rows), (int)rows.len), 1);
    CHECK_INT(PQputCopyEnd(pg, NULL), 1);
    PGresult *result = PQgetResult(pg);
    if (!CHECK(PQresultStatus(result) == PGRES_COMMAND_OK))
        printf("    ^ %s: %s\n", in_sql, PQresultErrorMessage(result));
    PQclear(result);
    PQclear(PQgetResult(pg));
    buf_done(&rows);
}

static void make_staging(struct conn *conn, const struct mapping *mapping,
                         const struct shape *archive)
{
    struct buf create = BUF_INIT, out = BUF_INIT;

    buf_adds(&create, "DROP TABLE IF EXISTS s; CREATE TEMP TABLE s (");
    buf_adds(&out, "COPY (SELECT ");
    for (size_t i = 0; i < mapping->staged_count; i++) {
        const struct column *column = &archive->columns[mapping->staged[i].archive];
        buf_adds(&create, i ? ", " : "");
        buf_adds(&out, i ? ", " : "");
        conn_add_ident(conn, &create, column->name);
        conn_add_ident(conn, &out, column->name);
        buf_addf(&create, " %s", mapping->staged[i].type);
    }
    buf_adds(&create, ")");
    buf_adds(&out, " FROM archive) TO STDOUT");
    live_exec(conn, buf_str(&create));
    copy(conn, buf_str(&out), "COPY s FROM STDIN");
    buf_done(&create);
    buf_done(&out);
}

static void insert(struct conn *conn, const struct mapping *mapping)
{
    struct buf sql = BUF_INIT;

    buf_adds(&sql, "INSERT INTO target (");
    for (size_t i = 0; i < mapping->column_count; i++) {
        buf_adds(&sql, i ? ", " : "");
        conn_add_ident(conn, &sql, mapping->columns[i].target);
    }
    buf_addf(&sql, ") %s SELECT ", mapping->identity_always ? "OVERRIDING SYSTEM VALUE" : "");
    for (size_t i = 0; i < mapping->column_count; i++)
        buf_addf(&sql, "%s%s", i ? ", " : "", mapping->columns[i].expression);
    buf_adds(&sql, " FROM s");
    live_exec(conn, buf_str(&sql));
    buf_done(&sql);
}

/* From table `archive` into table `target`; both ways where COPY may go straight in. */
static void restore(struct conn *conn, struct mapping_params params, bool direct)
{
    struct shape *archive = live_shape(conn, "public", "archive");
    struct shape *target = live_shape(conn, "public", "target");
    struct err err = ERR_INIT;

    params.archive = archive;
    params.target = target;
    struct mapping *mapping = mapping_new(&params, &err);
    if (check_ok(__FILE__, __LINE__, "mapping_new", mapping != NULL, &err)) {
        CHECK(!mapping->refused);
        CHECK(mapping->direct == direct);
        make_staging(conn, mapping, archive);
        insert(conn, mapping);
    }
    mapping_free(mapping);
    shape_free(archive);
    shape_free(target);
}

/* All values of a table's column v, as `type`. */
static char *values_of(struct conn *conn, const char *table, const char *type)
{
    char *sql = mem_printf("SELECT array_agg(v::%s::text) FROM %s", type, table);
    char *values = mem_strdup(live_value(conn, sql));

    free(sql);
    return values;
}

/* --- every conversion --- */

static void test_conversions(void)
{
    static const struct {
        const char *from, *to, *values;
        bool direct;
    } cases[] = {
        {"smallint", "bigint", "(-32768), (32767), (NULL)", false},
        {"bigint", "numeric(19,0)", "(-9223372036854775808), (9223372036854775807)", false},
        {"integer", "double precision", "(-2147483648), (2147483647)", false},
        {"oid", "bigint", "(4294967295)", false},
        {"real", "double precision", "('NaN'), ('-Infinity'), (0.1), (1e-45)", false},
        {"numeric(6,2)", "numeric(8,3)", "('NaN'), (1.10), (-9999.99)", false},
        {"numeric(6,2)", "numeric", "(1.10)", false},
        {"character varying(3)", "character varying(5)", "(''), ('ab '), (E'\\\\N'), (E'a\\tb')",
         false},
        {"character(4)", "text", "('a'), ('abcd')", false},
        {"bit(3)", "bit varying(5)", "(B'101')", false},
        {"timestamp(3) with time zone", "timestamp with time zone",
         "('2026-01-01 12:00:00.123+01'), ('infinity'), ('0044-03-15 00:00+00 BC')", false},
        {"time(0) without time zone", "time without time zone", "('24:00:00')", false},
        {"interval(3)", "interval", "('1 mon -2 days 00:00:01.123')", false},
        {"date", "timestamp(0) without time zone", "('-infinity'), ('4713-01-01 BC')", false},
        {"jsonb", "json", "('{\"b\": 1.50, \"a\": null}')", false},
        {"cidr", "inet", "('10.0.0.0/8')", false},
        {"boolean", "text", "(true), (false), (NULL)", false},
        {"yes", "text", "(true), (false)", false},
        {"bytea", "text", "('\\x00ff')", false},
        {"mood", "text", "('bad'), (E'it\\'s \"good\"')", false},
        {"pair", "text", "(ROW(1, 'a\"b,')), (ROW(NULL, NULL))", false},
        {"pair[]", "text", "(ARRAY[ROW(1, 'a\"b,')::pair])", false},
        {"integer[]", "bigint[]", "('{{1,2},{3,NULL}}'), ('[2:3]={1,2}')", false},
        {"boolean[]", "text[]", "('{t,f}')", false},
        {"mood[]", "text", "('{bad}')", false},
        {"tstzrange", "text", "('[2026-01-01 00:00+00,)')", false},
        {"few", "numeric(6,2)", "(1.10)", true},
        {"numeric(6,2)", "few", "(1.10)", true},
        {"mood", "other.mood", "('bad'), (E'it\\'s \"good\"')", true},
        {"mood", "mood", "('bad')", true},
        {"pair", "pair", "(ROW(1, 'a\"b,'))", true},
    };
    struct conn *conn = live_fresh(LIVE_DB);

    live_exec(conn, "CREATE TYPE mood AS ENUM ('bad', 'it''s \"good\"');"
                    "CREATE TYPE pair AS (a integer, b text);"
                    "CREATE DOMAIN yes AS boolean; CREATE DOMAIN few AS numeric(6,2);"
                    "CREATE SCHEMA other;"
                    "CREATE TYPE other.mood AS ENUM ('it''s \"good\"', 'bad')");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *from = cases[i].from;
        char *make = mem_printf("DROP TABLE IF EXISTS archive, target;"
                                "CREATE TABLE archive (v %s); CREATE TABLE target (v %s);"
                                "INSERT INTO archive VALUES %s",
                                from, cases[i].to, cases[i].values);
        live_exec(conn, make);
        char *before = values_of(conn, "archive", from);
        restore(conn, (struct mapping_params){.mode = MAPPING_LENIENT}, cases[i].direct);
        /* Cast to text first: there is no cast between enums. */
        char *back = mem_printf("%s%s",
                                strchr(cases[i].to, 'm') == cases[i].to || strchr(cases[i].to, '.')
                                    ? "text::"
                                    : "",
                                from);
        char *after = values_of(conn, "target", back);
        if (!CHECK_STR(after, before))
            printf("    ^ %s to %s\n", from, cases[i].to);
        if (cases[i].direct) {
            live_exec(conn, "TRUNCATE target");
            copy(conn, "COPY archive TO STDOUT", "COPY target FROM STDIN");
            free(after);
            after = values_of(conn, "target", back);
            CHECK_STR(after, before);
        }
        free(after);
        free(back);
        free(before);
        free(make);
    }
    conn_close(conn);
}

/* What the rest of a mapping says, in one table. */
static void test_whole_row(void)
{
    struct conn *conn = live_fresh(LIVE_DB);
    char *dir = test_mkdtemp();
    char *path = mem_printf("%s/rules.yaml", dir);
    FILE *out = fopen(path, "w");

    CHECK(out &&
          fputs("columns:\n"
                "  \"Lvl \\\"x\\\"\": level\n"
                "  ms: {to: at, using: to_timestamp(s.ms / 1000.0)}\n"
                "  gone: {drop: true}\n"
                "new:\n"
                "  source: {value: it's}\n"
                "  moods: {using: \"CASE WHEN s.gone > 1 THEN 'good' ELSE 'bad' END\"}\n"
                "  cents: {value: 1.50}\n"
                "  nothing: {value: null}\n",
                out) >= 0 &&
          fclose(out) == 0);
    live_exec(conn,
              "CREATE TABLE archive (id bigint NOT NULL, \"Lvl \"\"x\"\"\" text NOT NULL, ms bigint"
              " NOT NULL, gone integer, flag boolean);"
              "CREATE TABLE target (id bigint GENERATED ALWAYS AS IDENTITY, level varchar NOT NULL,"
              " at timestamptz NOT NULL, twice bigint GENERATED ALWAYS AS (id * 2) STORED,"
              " source varchar(10), moods text, cents numeric(4,1), nothing integer DEFAULT 7,"
              " flag text, def integer DEFAULT 8);"
              "INSERT INTO archive VALUES (41, 'a', 1500, 2, true), (42, 'b', 0, NULL, NULL)");
    restore(conn, (struct mapping_params){.mode = MAPPING_TRANSFORM, .rules_file = path}, false);
    CHECK_STR(live_value(conn, "SELECT string_agg(t::text, ' ' ORDER BY id) FROM target t"),
              "(41,a,\"1970-01-01 00:00:01.5+00\",82,it's,good,1.5,,true,8) "
              "(42,b,\"1970-01-01 00:00:00+00\",84,it's,bad,1.5,,,8)");
    free(path);
    test_rmdir(dir);
    conn_close(conn);
}

static const struct test_case cases[] = {
    {"every conversion keeps every value", test_conversions},
    {"rules, identity and defaults fill a row", test_whole_row},
    {NULL, NULL},
};

const struct test_suite live_mapping_suite = {"live/mapping", cases};
