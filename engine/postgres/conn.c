/* SPDX-License-Identifier: PostgreSQL */
#include "postgres/conn.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"
#include "config/secret.h"

struct conn {
    PGconn *pg;
    struct conn_server server;
    bool broken; /* a statement found the connection lost */
};

/* --- errors --- */

static enum err_kind kind_of_state(const char *state)
{
    static const struct {
        const char *state; /* a whole SQLSTATE or its class */
        enum err_kind kind;
    } states[] = {
        {"42501", ERR_PERMISSION}, {"28", ERR_PERMISSION},   {"55P03", ERR_TRANSIENT},
        {"40001", ERR_TRANSIENT},  {"40P01", ERR_TRANSIENT}, {"57014", ERR_TRANSIENT},
        {"25P03", ERR_TRANSIENT},  {"25P04", ERR_TRANSIENT}, {"53", ERR_RESOURCE},
        {"42P01", ERR_PREFLIGHT},  {"42703", ERR_PREFLIGHT}, {"57P01", ERR_NETWORK},
        {"57P02", ERR_NETWORK},    {"57P03", ERR_NETWORK},   {"08", ERR_NETWORK},
        {"3D000", ERR_PREFLIGHT},
    };

    for (size_t i = 0; state && i < sizeof(states) / sizeof(states[0]); i++) {
        if (strncmp(state, states[i].state, strlen(states[i].state)) == 0)
            return states[i].kind;
    }
    return ERR_DATABASE;
}

bool err_pg(struct err *err, PGconn *pg, const PGresult *result, const char *what)
{
    const char *state = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    const char *text = result ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : NULL;
    const char *detail = result ? PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL) : NULL;
    const char *hint = result ? PQresultErrorField(result, PG_DIAG_MESSAGE_HINT) : NULL;
    bool lost = PQstatus(pg) != CONNECTION_OK;
    enum err_kind kind = kind_of_state(state);

    if (lost && (!state || kind == ERR_DATABASE))
        kind = ERR_NETWORK;
    err_set(err, kind, "%s", what);
    err->retry = kind == ERR_NETWORK || kind == ERR_TRANSIENT;
    if (!text)
        text = result && *PQresultErrorMessage(result) ? PQresultErrorMessage(result)
                                                       : PQerrorMessage(pg);
    err_why(err, "%s%s%s", text && *text ? text : "the connection was lost", detail ? ": " : "",
            detail ? detail : "");
    if (hint)
        err_hint(err, "%s", hint);
    if (state)
        err_in(err, "SQLSTATE %s", state);
    return false;
}

/* --- connecting --- */

static bool is_local(const char *host)
{
    return !host || host[0] == '/' || host[0] == '@' || strcmp(host, "localhost") == 0 ||
           strncmp(host, "127.", 4) == 0 || strcmp(host, "::1") == 0;
}

struct parameters {
    const char *keys[24], *values[24];
    size_t count;
};

static void add(struct parameters *p, const char *key, const char *value)
{
    if (!value)
        return;
    p->keys[p->count] = key;
    p->values[p->count++] = value;
}

static char *application_name(const struct config_database *database, const char *run_id)
{
    const char *name = database->application_name ? database->application_name : "archiver-tui";
    char host[256] = "";

    if (!run_id)
        return mem_strdup(name);
    gethostname(host, sizeof(host) - 1);
    return mem_printf("%s %s@%s", name, run_id, host);
}

static void hint_connect(const struct config_database *database, struct err *err)
{
    struct buf source = BUF_INIT;

    secret_describe(database, &source);
    if (err->kind == ERR_PERMISSION)
        err_hint(err, "check user and password (from %s) and pg_hba.conf", buf_str(&source));
    else if (err->kind == ERR_NETWORK)
        err_hint(err, "check host and port, and that the server runs and accepts connections");
    buf_done(&source);
}

/* libpq gives no SQLSTATE for a failed connect: the server's own words are what there is. */
static bool connect_failed(const struct config_database *database, PGconn *pg, struct err *err)
{
    const char *text = PQerrorMessage(pg);
    enum err_kind kind = ERR_NETWORK;

    if (strstr(text, "authentication failed") || strstr(text, "no pg_hba.conf entry") ||
        strstr(text, "permission denied") || strstr(text, "no password supplied") ||
        (strstr(text, "role \"") && strstr(text, "does not exist")))
        kind = ERR_PERMISSION;
    else if (strstr(text, "database \"") && strstr(text, "does not exist"))
        kind = ERR_PREFLIGHT;
    err_set(err, kind, "cannot connect to database %s", database->name);
    err->retry = kind == ERR_NETWORK;
    err_in(err, "%s:%s", PQhost(pg) && *PQhost(pg) ? PQhost(pg) : "local socket", PQport(pg));
    err_why(err, "%s", text);
    hint_connect(database, err);
    return false;
}

static void quiet_notice(void *arg, const char *message)
{
    (void)arg;
    log_msg(LOG_DEBUG, "server: %s", message);
}

static bool connect_now(struct conn *conn, const struct config_database *database,
                        const char *run_id, struct err *err)
{
    struct parameters p = {0};
    struct buf password = BUF_INIT;
    char port[24], timeout[24];
    char *name = application_name(database, run_id);
    bool given, ok = false;

    if (!secret_database(database, &password, &given, err))
        goto out;
    snprintf(port, sizeof(port), "%lld", (long long)database->port);
    snprintf(timeout, sizeof(timeout), "%lld",
             (long long)(database->connect_timeout > 0 ? database->connect_timeout : 10));
    /* A service file's entries count only for what is not given here. */
    add(&p, "service", database->service);
    add(&p, "host", database->host);
    add(&p, "port", database->port > 0 ? port : NULL);
    add(&p, "dbname", database->dbname);
    add(&p, "user", database->user);
    add(&p, "password", given ? buf_str(&password) : NULL);
    add(&p, "passfile", database->passfile);
    add(&p, "sslmode",
        database->sslmode          ? database->sslmode
        : database->service        ? NULL
        : is_local(database->host) ? "prefer"
                                   : "verify-full");
    add(&p, "sslrootcert", database->sslrootcert);
    add(&p, "application_name", name);
    add(&p, "connect_timeout", timeout);
    add(&p, "client_encoding", "UTF8");
    add(&p, "keepalives_idle", "30");
    add(&p, "keepalives_interval", "10");
    conn->pg = PQconnectdbParams(p.keys, p.values, 0);
    if (PQstatus(conn->pg) != CONNECTION_OK) {
        connect_failed(database, conn->pg, err);
        goto out;
    }
    PQsetNoticeProcessor(conn->pg, quiet_notice, NULL);
    ok = true;
out:
    secret_done(&password);
    free(name);
    return ok;
}

/* What the codec relies on, whatever the role's or database's own settings are. row_security = off
 * makes the server refuse where it would otherwise hide rows. */
static bool speak(struct conn *conn, struct err *err)
{
    int version = PQserverVersion(conn->pg);
    char sql[640];

    snprintf(sql, sizeof(sql),
             "SET DateStyle = 'ISO, YMD'; SET IntervalStyle = postgres; SET TimeZone = 'UTC';"
             "SET bytea_output = hex; SET extra_float_digits = %d; SET lc_monetary = 'C';"
             "SET xmloption = content; SET statement_timeout = 0; SET lock_timeout = 0;"
             "SET idle_in_transaction_session_timeout = 0; SET row_security = off;"
             "SET default_transaction_read_only = off; SET standard_conforming_strings = on%s%s",
             version < 120000 ? 3 : 1, version < 140000 ? "" : "; SET idle_session_timeout = 0",
             version < 170000 ? "" : "; SET transaction_timeout = 0");
    return conn_exec(conn, sql, err);
}

static void copy_value(char *field, size_t size, PGresult *result, int column)
{
    snprintf(field, size, "%s", PQgetvalue(result, 0, column));
}

/* Asked by itself: a statement that only names the function is refused where it may not be run. */
static bool read_identity(struct conn *conn, bool allowed, struct err *err)
{
    struct conn_server *s = &conn->server;
    PGresult *result;

    snprintf(s->system_identifier, sizeof(s->system_identifier), "0");
    if (!allowed)
        return true;
    result = conn_query(conn, "SELECT system_identifier FROM pg_control_system()", 0, NULL, err);
    if (!result)
        return false;
    copy_value(s->system_identifier, sizeof(s->system_identifier), result, 0);
    PQclear(result);
    return true;
}

static bool read_server(struct conn *conn, struct err *err)
{
    static const char sql[] =
        "SELECT current_setting('server_version'),"
        " has_function_privilege('pg_control_system()', 'execute'), pg_is_in_recovery(),"
        " CASE WHEN pg_is_in_recovery() THEN '' ELSE substr(pg_walfile_name(pg_current_wal_lsn()), "
        "1, 8) END,"
        " clock_timestamp(), current_database(), current_user";
    struct conn_server *s = &conn->server;
    int64_t server_us;
    PGresult *result = conn_query(conn, sql, 0, NULL, err);

    if (!result)
        return false;
    s->version_num = PQserverVersion(conn->pg);
    copy_value(s->version, sizeof(s->version), result, 0);
    s->version[strcspn(s->version, " ")] = '\0';
    bool allowed = PQgetvalue(result, 0, 1)[0] == 't';
    s->in_recovery = PQgetvalue(result, 0, 2)[0] == 't';
    copy_value(s->timeline, sizeof(s->timeline), result, 3);
    if (text_to_time(PQgetvalue(result, 0, 4), strlen(PQgetvalue(result, 0, 4)), &server_us))
        s->clock_skew_us = server_us - text_now_us();
    copy_value(s->database, sizeof(s->database), result, 5);
    copy_value(s->user, sizeof(s->user), result, 6);
    PQclear(result);
    return read_identity(conn, allowed, err);
}

struct conn *conn_open(const struct config_database *database, const char *run_id, struct err *err)
{
    struct conn *conn = mem_alloc(sizeof(*conn));

    if (connect_now(conn, database, run_id, err) && speak(conn, err) && read_server(conn, err))
        return conn;
    conn_close(conn);
    return NULL;
}

void conn_close(struct conn *conn)
{
    if (!conn)
        return;
    PQfinish(conn->pg);
    free(conn);
}

const struct conn_server *conn_server(const struct conn *conn)
{
    return &conn->server;
}

PGconn *conn_pg(struct conn *conn)
{
    return conn->pg;
}

bool conn_alive(const struct conn *conn)
{
    return conn && PQstatus(conn->pg) == CONNECTION_OK;
}

bool conn_idle(const struct conn *conn)
{
    if (!conn_alive(conn) || PQtransactionStatus(conn->pg) != PQTRANS_IDLE)
        return false;
    /* What a server says that nobody asked is goodbye. */
    struct pollfd fd = {.fd = PQsocket(conn->pg), .events = POLLIN};
    return poll(&fd, 1, 0) == 0;
}

/* --- statements --- */

bool conn_exec(struct conn *conn, const char *sql, struct err *err)
{
    PGresult *result = PQexec(conn->pg, sql);
    ExecStatusType status = PQresultStatus(result);
    bool ok = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;

    if (!ok)
        err_pg(err, conn->pg, result, "the server refused a statement");
    PQclear(result);
    return ok;
}

bool conn_end(struct conn *conn, bool ok, struct err *err)
{
    struct err other = ERR_INIT;

    if (conn_exec(conn, ok ? "COMMIT" : "ROLLBACK", &other))
        return ok;
    if (ok)
        *err = other;
    return false;
}

PGresult *conn_query(struct conn *conn, const char *sql, size_t count, const char *const *values,
                     struct err *err)
{
    PGresult *result = PQexecParams(conn->pg, sql, (int)count, NULL, values, NULL, NULL, 0);
    ExecStatusType status = PQresultStatus(result);

    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK)
        return result;
    err_pg(err, conn->pg, result, "the server refused a query");
    PQclear(result);
    return NULL;
}

/* False: the answer is not there, *err says why. */
static bool wait_for_answer(PGconn *pg, int fd, struct err *err)
{
    while (PQisBusy(pg)) {
        struct pollfd fds[] = {{.fd = PQsocket(pg), .events = POLLIN},
                               {.fd = fd, .events = POLLIN}};
        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            return err_sys(err, ERR_DATABASE, errno, "cannot wait for the server");
        if (fds[1].revents)
            return err_set(err, ERR_INTERRUPTED, "the server's answer was not waited for");
        if (fds[0].revents && !PQconsumeInput(pg))
            return err_pg(err, pg, NULL, "the server did not answer");
    }
    return true;
}

/* All of an answer that has begun. */
static PGresult *take_answer(PGconn *pg)
{
    PGresult *result = PQgetResult(pg), *next;

    while ((next = PQgetResult(pg)))
        PQclear(next);
    return result;
}

PGresult *conn_query_until(struct conn *conn, const char *sql, int fd, struct err *err)
{
    PGconn *pg = conn->pg;

    if (!PQsendQuery(pg, sql)) {
        err_pg(err, pg, NULL, "the server refused a query");
        return NULL;
    }
    if (!wait_for_answer(pg, fd, err))
        return NULL;
    PGresult *result = take_answer(pg);
    if (PQresultStatus(result) == PGRES_TUPLES_OK)
        return result;
    err_pg(err, pg, result, "the server refused a query");
    PQclear(result);
    return NULL;
}

/* Until the answer begins: asked to stop, it goes on waiting for the answer to the cancellation.
 * False: the connection is lost. */
static bool wait_or_cancel(struct conn *conn, const struct stop *stop, bool *ret_cancelled)
{
    PGconn *pg = conn->pg;

    *ret_cancelled = false;
    while (PQisBusy(pg)) {
        struct pollfd fds[] = {{.fd = PQsocket(pg), .events = POLLIN},
                               {.fd = stop_fd(stop), .events = POLLIN}};
        if (poll(fds, *ret_cancelled ? 1 : 2, -1) < 0 && errno != EINTR)
            return false;
        if (!*ret_cancelled && stop_asked(stop)) {
            conn_cancel(conn);
            *ret_cancelled = true;
        }
        if (fds[0].revents && !PQconsumeInput(pg))
            return false;
    }
    return true;
}

PGresult *conn_query_stop(struct conn *conn, const char *sql, const struct stop *stop,
                          struct err *err)
{
    PGresult *result = NULL;
    bool cancelled = false;

    if (PQsendQuery(conn->pg, sql) && wait_or_cancel(conn, stop, &cancelled))
        result = take_answer(conn->pg);
    ExecStatusType status = PQresultStatus(result);
    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK)
        return result;
    if (cancelled && PQstatus(conn->pg) == CONNECTION_OK)
        err_set(err, ERR_INTERRUPTED, "the statement was cancelled, as the operator asked to stop");
    else
        err_pg(err, conn->pg, result, "the server refused a query");
    PQclear(result);
    return NULL;
}

bool conn_value(struct conn *conn, const char *sql, size_t count, const char *const *values,
                struct buf *ret_value, bool *ret_found, struct err *err)
{
    PGresult *result = conn_query(conn, sql, count, values, err);

    if (!result)
        return false;
    *ret_found = PQntuples(result) > 0 && !PQgetisnull(result, 0, 0);
    buf_reset(ret_value);
    if (*ret_found)
        buf_add(ret_value, PQgetvalue(result, 0, 0), (size_t)PQgetlength(result, 0, 0));
    PQclear(result);
    return true;
}

void conn_add_ident(struct conn *conn, struct buf *sql, const char *name)
{
    char *quoted = PQescapeIdentifier(conn->pg, name, strlen(name));

    buf_adds(sql, quoted ? quoted : "\"\"");
    PQfreemem(quoted);
}

void conn_add_literal(struct conn *conn, struct buf *sql, const char *text)
{
    char *quoted = PQescapeLiteral(conn->pg, text, strlen(text));

    buf_adds(sql, quoted ? quoted : "''");
    PQfreemem(quoted);
}

void conn_add_table(struct conn *conn, struct buf *sql, const char *schema, const char *table)
{
    conn_add_ident(conn, sql, schema);
    buf_addc(sql, '.');
    conn_add_ident(conn, sql, table);
}

void conn_cancel(struct conn *conn)
{
    char reason[256];
    PGcancel *cancel = PQgetCancel(conn->pg);

    if (cancel && !PQcancel(cancel, reason, sizeof(reason)))
        log_msg(LOG_DEBUG, "cancel: %s", reason);
    PQfreeCancel(cancel);
}
