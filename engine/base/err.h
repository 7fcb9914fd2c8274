/* SPDX-License-Identifier: PostgreSQL
 *
 * The one error of the program: what failed, where, why, and what to do next.
 *
 * Whatever can fail takes `struct err *err` last and returns false (or NULL) with *err filled. All
 * setters return false so that `return err_set(err, ...)` is one line. The struct is of fixed size,
 * is copied by assignment and may cross a queue. Texts too long are cut and end in "...". Never put
 * a secret in.
 *
 * Not for: logging (the operation that decides logs, once), bugs (assert).
 * Threads: a struct err belongs to one thread at a time.
 */
#ifndef ARCHIVER_BASE_ERR_H
#define ARCHIVER_BASE_ERR_H

#include <stdbool.h>
#include <stdio.h>

/* Each kind maps to exactly one exit code (cli.md). */
enum err_kind {
    ERR_NONE,        /* 0 */
    ERR_PARTIAL,     /* 1: some tables failed, or verify found problems */
    ERR_USAGE,       /* 2: wrong command line */
    ERR_DATA,        /* 2: a row, value or object is not what it should be */
    ERR_DATABASE,    /* 2: the server refused a statement */
    ERR_STORE,       /* 2: the store refused a request */
    ERR_EXISTS,      /* 2: the object name is taken */
    ERR_NOT_FOUND,   /* 2: no such object */
    ERR_TRANSIENT,   /* 2: lock timeout, deadlock, serialization: try again later */
    ERR_CONFIG,      /* 3: configuration */
    ERR_PREFLIGHT,   /* 3: a precondition of the run does not hold */
    ERR_LOCKED,      /* 4: another run holds the lock */
    ERR_PERMISSION,  /* 5: rights or credentials */
    ERR_RESOURCE,    /* 6: memory, disk */
    ERR_NETWORK,     /* 7: server or store unreachable, or connection lost */
    ERR_INTERRUPTED, /* 130: the operator stopped it */
};

struct err {
    enum err_kind kind;
    bool retry; /* trying the same again may help */
    char what[160], where[240], why[240], hint[160];
};

#define ERR_INIT         ((struct err){.kind = ERR_NONE})
#define ERR_PRINTF(f, a) __attribute__((format(printf, f, a)))

/* Starts an error: kind and what failed; clears where, why and hint. */
bool err_set(struct err *err, enum err_kind kind, const char *what, ...) ERR_PRINTF(3, 4);
/* Adds why, or what to do next, to an error that err_set began. */
bool err_why(struct err *err, const char *why, ...) ERR_PRINTF(2, 3);
bool err_hint(struct err *err, const char *hint, ...) ERR_PRINTF(2, 3);
/* Adds where, outermost first: "table public.t, batch 3" goes before what stood there. */
bool err_in(struct err *err, const char *where, ...) ERR_PRINTF(2, 3);
/* An error from errno: EACCES and EPERM are ERR_PERMISSION, ENOSPC, EDQUOT and ENOMEM are
 * ERR_RESOURCE, ENOENT is ERR_NOT_FOUND, EEXIST is ERR_EXISTS, the rest are `kind`. */
bool err_sys(struct err *err, enum err_kind kind, int errnum, const char *what, ...)
    ERR_PRINTF(4, 5);
/* A failure while cleaning up: takes `other` only where *err holds nothing yet. */
void err_also(struct err *err, const struct err *other);

int err_exit_code(enum err_kind kind);
/* The code of the JSON error: "config", "locked", "network", ... */
const char *err_code(enum err_kind kind);
/* One line, no newline: "what: where: why (hint)". Returns a length like snprintf. */
int err_line(const struct err *err, char *ret_line, size_t size);

#endif
