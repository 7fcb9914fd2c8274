/* SPDX-License-Identifier: PostgreSQL */
#include "postgres/export.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>

#include "base/fault.h"

enum {
    GATHER_NS = 1000000,
    GATHER_BYTES = 16384, /* libpq reads no more at a time */
};

struct export
{
    struct conn *conn;
    PGconn *pg;
    const struct stop *stop;
    char *row;  /* libpq's; freed at the next call */
    bool ended; /* the COPY gave its last row */
    bool over;  /* the command's result was read */
};

static bool interrupted(struct err *err)
{
    return err_set(err, ERR_INTERRUPTED, "the operator stopped the run");
}

static bool wait_for_result(struct export *e, struct err *err)
{
    struct pollfd fds[2] = {{.fd = PQsocket(e->pg), .events = POLLIN},
                            {.fd = stop_fd(e->stop), .events = POLLIN}};
    /* Once asked to finish the batch, the fd stays readable: only `now` matters from there on. */
    nfds_t count = stop_asked(e->stop) ? 1 : 2;

    if (stop_now(e->stop))
        return interrupted(err);
    if (poll(fds, count, 1000) < 0 && errno != EINTR)
        return err_sys(err, ERR_NETWORK, errno, "cannot wait for the server");
    if (PQconsumeInput(e->pg))
        return true;
    return err_pg(err, e->pg, NULL, "the connection was lost while rows came in");
}

/* The server sends rows by 8 KiB. Who sleeps on the socket is woken for each of them, which costs
 * the server more than sending them: where there is little to read, a short sleep elsewhere lets
 * more gather. */
static void let_rows_gather(const struct export *e)
{
    int there = 0;

    if (ioctl(PQsocket(e->pg), FIONREAD, &there) == 0 && there < GATHER_BYTES)
        nanosleep(&(struct timespec){.tv_nsec = GATHER_NS}, NULL);
}

static bool next_result(struct export *e, PGresult **ret_result, struct err *err)
{
    *ret_result = NULL;
    while (PQisBusy(e->pg)) {
        if (!wait_for_result(e, err))
            return false;
    }
    *ret_result = PQgetResult(e->pg);
    return true;
}

struct export *export_open(struct conn *conn, const char *copy_sql, const struct stop *stop,
                           struct err *err)
{
    struct export *e = mem_alloc(sizeof(*e));
    PGresult *result = NULL;
    bool ok = false;

    *e = (struct export){.conn = conn, .pg = conn_pg(conn), .stop = stop};
    if (!PQsendQuery(e->pg, copy_sql)) {
        err_pg(err, e->pg, NULL, "cannot send the COPY");
        goto out;
    }
    do { /* what stands before the COPY gives no rows */
        PQclear(result);
        if (!next_result(e, &result, err))
            goto out;
    } while (PQresultStatus(result) == PGRES_COMMAND_OK);
    ok = PQresultStatus(result) == PGRES_COPY_OUT;
    if (!ok)
        err_pg(err, e->pg, result, "the server refused to export and delete the rows");
out:
    PQclear(result);
    if (!ok) {
        export_close(e);
        e = NULL;
    }
    return e;
}

bool export_line(struct export *e, const char **ret_line, size_t *ret_len, struct err *err)
{
    int len;

    *ret_line = NULL;
    *ret_len = 0;
    PQfreemem(e->row);
    e->row = NULL;
    if (!fault_point("export.row", err))
        return false;
    if (fault_is("export.cut", "cut"))
        shutdown(PQsocket(e->pg), SHUT_RDWR);
    while ((len = PQgetCopyData(e->pg, &e->row, 1)) == 0) {
        let_rows_gather(e);
        if (!wait_for_result(e, err))
            return false;
    }
    if (len == -2)
        return err_pg(err, e->pg, NULL, "the connection was lost while rows came in");
    if (len == -1) {
        e->ended = true;
        return true;
    }
    *ret_line = e->row;
    *ret_len = (size_t)len - (len > 0 && e->row[len - 1] == '\n');
    return true;
}

bool export_end(struct export *e, int64_t *ret_rows, struct err *err)
{
    PGresult *result;
    bool ok;

    if (!next_result(e, &result, err))
        return false;
    ok = PQresultStatus(result) == PGRES_COMMAND_OK;
    if (ok)
        *ret_rows = strtoll(PQcmdTuples(result), NULL, 10);
    else
        err_pg(err, e->pg, result, "the server ended the export with an error");
    PQclear(result);
    while ((result = PQgetResult(e->pg)))
        PQclear(result);
    e->over = true;
    return ok;
}

/* Cancelled first, else a long DELETE would have to be sat out. */
void export_close(struct export *e)
{
    PGresult *result;

    if (!e)
        return;
    PQfreemem(e->row);
    if (!e->over && conn_alive(e->conn)) {
        conn_cancel(e->conn);
        while ((result = PQgetResult(e->pg))) {
            bool copying = PQresultStatus(result) == PGRES_COPY_OUT;
            char *row = NULL;
            PQclear(result);
            while (copying && PQgetCopyData(e->pg, &row, 0) > 0)
                PQfreemem(row);
            if (PQstatus(e->pg) != CONNECTION_OK)
                break;
        }
    }
    free(e);
}
