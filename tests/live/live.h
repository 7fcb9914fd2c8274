/* SPDX-License-Identifier: PostgreSQL
 *
 * For suites that need a server: databases of their own on the one that tests/run started (PGHOST,
 * PGPORT, PGUSER).
 *
 * Threads: one thread.
 */
#ifndef ARCHIVER_TESTS_LIVE_H
#define ARCHIVER_TESTS_LIVE_H

#include <stdlib.h>

#include "cases.h"
#include "postgres/columns.h"
#include "postgres/conn.h"

#define LIVE_DB "archiver_live"

static inline struct conn *live_open(const char *database, const char *user)
{
    struct err err = ERR_INIT;
    const char *port = getenv("PGPORT");
    struct config_database config = {.name = database,
                                     .dbname = database,
                                     .host = getenv("PGHOST"),
                                     .port = port ? strtol(port, NULL, 10) : 0,
                                     .user = user ? user : getenv("PGUSER")};
    struct conn *conn = conn_open(&config, NULL, &err);

    if (!check_ok(__FILE__, __LINE__, "conn_open", conn != NULL, &err)) {
        printf("no server: run this with tests/run live\n");
        exit(2);
    }
    return conn;
}

/* What a test takes for granted; a refusal fails it. */
static inline void live_exec(struct conn *conn, const char *sql)
{
    struct err err = ERR_INIT;

    check_ok(__FILE__, __LINE__, sql, conn_exec(conn, sql, &err), &err);
}

/* One value as text, "(none)" where there is none; lives until the next call. */
static inline const char *live_value(struct conn *conn, const char *sql)
{
    static struct buf value;
    struct err err = ERR_INIT;
    bool found = false;

    check_ok(__FILE__, __LINE__, sql, conn_value(conn, sql, 0, NULL, &value, &found, &err), &err);
    return found ? buf_str(&value) : "(none)";
}

/* A new database of that name, and a connection to it. */
static inline struct conn *live_fresh(const char *database)
{
    struct conn *conn = live_open("postgres", NULL);
    char *drop = mem_printf("DROP DATABASE IF EXISTS %s WITH (FORCE)", database);
    char *create = mem_printf("CREATE DATABASE %s TEMPLATE template0", database);

    live_exec(conn, drop);
    live_exec(conn, create);
    conn_close(conn);
    free(drop);
    free(create);
    return live_open(database, NULL);
}

static inline struct shape *live_shape(struct conn *conn, const char *schema, const char *table)
{
    static const struct config_names none;
    static const char sql[] = "SELECT c.oid FROM pg_class c JOIN pg_namespace n"
                              " ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = $2";
    struct buf oid = BUF_INIT;
    struct err err = ERR_INIT;
    bool found;

    live_exec(conn, "BEGIN; SET LOCAL search_path = pg_catalog");
    CHECK_OK(conn_value(conn, sql, 2, (const char *const[]){schema, table}, &oid, &found, &err));
    struct columns_params params = {.oid = buf_str(&oid),
                                    .schema = schema,
                                    .table = table,
                                    .key = &none};
    struct shape *shape = columns_read(conn, &params, &err);
    check_ok(__FILE__, __LINE__, "columns_read", shape != NULL, &err);
    live_exec(conn, "COMMIT");
    buf_done(&oid);
    return shape;
}

#endif
