/* SPDX-License-Identifier: PostgreSQL */
#include "postgres/url.h"

#include <libpq-fe.h>

#include "base/text.h"

#define CONNECT_TIMEOUT_S 10

bool url_is(const char *text)
{
    return strncmp(text, "postgresql://", 13) == 0 || strncmp(text, "postgres://", 11) == 0;
}

static const char *option(const PQconninfoOption *options, const char *keyword, struct arena *arena)
{
    for (const PQconninfoOption *o = options; o->keyword; o++) {
        if (strcmp(o->keyword, keyword) == 0)
            return o->val ? arena_strdup(arena, o->val) : NULL;
    }
    return NULL;
}

bool url_read(const char *text, struct arena *arena, struct config_database *ret, struct err *err)
{
    char *message = NULL;
    PQconninfoOption *o = PQconninfoParse(text, &message);
    const char *port;
    bool ok = true;

    if (!o) {
        err_set(err, ERR_USAGE, "the database's URL cannot be read");
        err_why(err, "%s", message ? message : "out of memory");
        PQfreemem(message);
        return false;
    }
    *ret = (struct config_database){.dbname = option(o, "dbname", arena),
                                    .host = option(o, "host", arena),
                                    .user = option(o, "user", arena),
                                    .service = option(o, "service", arena),
                                    .passfile = option(o, "passfile", arena),
                                    .sslmode = option(o, "sslmode", arena),
                                    .sslrootcert = option(o, "sslrootcert", arena),
                                    .connect_timeout = CONNECT_TIMEOUT_S};
    ret->name = ret->dbname ? ret->dbname : "target";
    port = option(o, "port", arena);
    if (option(o, "password", arena)) {
        ok = err_set(err, ERR_USAGE, "a password does not belong into a command line");
        err_hint(err, "leave it out of the URL; use PGPASSWORD, ~/.pgpass or a service");
    } else if (port && !text_to_int(port, &ret->port)) {
        ok = err_set(err, ERR_USAGE, "%s is no port", port);
    }
    PQconninfoFree(o);
    return ok;
}
