/* SPDX-License-Identifier: PostgreSQL
 *
 * One connection to PostgreSQL: connect by the config, run statements with bound values, cancel,
 * and turn libpq's errors into ours (err_pg). Every session speaks the dialect the codec needs:
 * UTF8, DateStyle ISO YMD, IntervalStyle postgres, TimeZone UTC, bytea_output hex,
 * extra_float_digits, lc_monetary C.
 *
 * Threads: one thread at a time per conn; conn_cancel from any thread.
 */
#ifndef ARCHIVER_POSTGRES_CONN_H
#define ARCHIVER_POSTGRES_CONN_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/queue.h"
#include "config/config.h"

struct conn;

/* What the server is; filled once on connecting. */
struct conn_server {
    int version_num;            /* 150018 */
    char version[64];           /* "15.18" */
    char system_identifier[24]; /* pg_control_system(); "0" where not allowed */
    char timeline[12];          /* 8 hex digits of the current WAL file; "" on a standby */
    bool in_recovery;
    int64_t clock_skew_us; /* server's clock minus ours */
    char database[64 * 4 + 1];
    char user[64 * 4 + 1];
};

/* `run_id` goes into application_name ("archiver-tui 7f3a@host") so that a lock's holder can be
 * named. May be NULL. Blocks for connect_timeout at most; ERR_NETWORK unreachable, ERR_PERMISSION
 * wrong password or role. */
struct conn *conn_open(const struct config_database *database, const char *run_id, struct err *err);
void conn_close(struct conn *conn); /* NULL allowed */
const struct conn_server *conn_server(const struct conn *conn);
PGconn *conn_pg(struct conn *conn); /* for export and import only */
bool conn_alive(const struct conn *conn);
/* Alive as far as is known, no transaction open, nothing unread: good for somebody else's work. */
bool conn_idle(const struct conn *conn);

/* Statements without rows. */
bool conn_exec(struct conn *conn, const char *sql, struct err *err);
/* COMMIT where `ok`, else ROLLBACK; false where either says so. The first error is kept. */
bool conn_end(struct conn *conn, bool ok, struct err *err);
/* Rows, text format; values are bound, NULL is SQL NULL. PQclear the result. NULL: *err filled. */
PGresult *conn_query(struct conn *conn, const char *sql, size_t count, const char *const *values,
                     struct err *err);
/* The same without values, given up when `fd` (-1: none) becomes readable: ERR_INTERRUPTED, and the
 * connection is of no more use. */
PGresult *conn_query_until(struct conn *conn, const char *sql, int fd, struct err *err);
/* The same; asked to stop, it has the server cancel the statement, ERR_INTERRUPTED, and the
 * connection is as good as before. A statement without rows gives a result without any. */
PGresult *conn_query_stop(struct conn *conn, const char *sql, const struct stop *stop,
                          struct err *err);
/* One row, one column into ret_value; *ret_found false where no row or NULL. */
bool conn_value(struct conn *conn, const char *sql, size_t count, const char *const *values,
                struct buf *ret_value, bool *ret_found, struct err *err);
/* The error of a connection or result. Lost connection: ERR_NETWORK, retry. 42501: ERR_PERMISSION;
 * 55P03, 40001, 40P01, 57014, 25P03, 25P04: ERR_TRANSIENT; 53xxx: ERR_RESOURCE; 42P01, 42703:
 * ERR_PREFLIGHT; else ERR_DATABASE. where holds the SQLSTATE; hint the server's hint. */
bool err_pg(struct err *err, PGconn *pg, const PGresult *result, const char *what);
/* Quoted with PQescapeIdentifier / PQescapeLiteral. */
void conn_add_ident(struct conn *conn, struct buf *sql, const char *name);
void conn_add_literal(struct conn *conn, struct buf *sql, const char *text);
/* schema.table, both quoted */
void conn_add_table(struct conn *conn, struct buf *sql, const char *schema, const char *table);
void conn_cancel(
    struct conn *conn); /* asks the server to cancel the statement that runs; any thread */

#endif
