/* SPDX-License-Identifier: PostgreSQL */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

static const struct {
    const char *code;
    int exit_code;
} kinds[] = {
    [ERR_NONE] = {"none", 0},
    [ERR_PARTIAL] = {"partial", 1},
    [ERR_USAGE] = {"usage", 2},
    [ERR_DATA] = {"data", 2},
    [ERR_DATABASE] = {"database", 2},
    [ERR_STORE] = {"store", 2},
    [ERR_EXISTS] = {"exists", 2},
    [ERR_NOT_FOUND] = {"not_found", 2},
    [ERR_TRANSIENT] = {"transient", 2},
    [ERR_CONFIG] = {"config", 3},
    [ERR_PREFLIGHT] = {"preflight", 3},
    [ERR_LOCKED] = {"locked", 4},
    [ERR_PERMISSION] = {"permission", 5},
    [ERR_RESOURCE] = {"resource", 6},
    [ERR_NETWORK] = {"network", 7},
    [ERR_INTERRUPTED] = {"interrupted", 130},
};

/* Cuts visibly and keeps the text on one line: errors are one line by contract. */
static void fill(char *field, size_t size, const char *format, va_list args)
{
    int n = vsnprintf(field, size, format, args);

    if (n >= (int)size)
        memcpy(field + size - 4, "...", 4);
    for (char *c = field; *c; c++) {
        if ((unsigned char)*c < 0x20)
            *c = ' ';
    }
    size_t len = strlen(field);
    while (len > 0 && field[len - 1] == ' ')
        field[--len] = '\0';
}

bool err_set(struct err *err, enum err_kind kind, const char *what, ...)
{
    va_list args;

    *err = (struct err){.kind = kind};
    va_start(args, what);
    fill(err->what, sizeof(err->what), what, args);
    va_end(args);
    return false;
}

bool err_why(struct err *err, const char *why, ...)
{
    va_list args;

    va_start(args, why);
    fill(err->why, sizeof(err->why), why, args);
    va_end(args);
    return false;
}

bool err_hint(struct err *err, const char *hint, ...)
{
    va_list args;

    va_start(args, hint);
    fill(err->hint, sizeof(err->hint), hint, args);
    va_end(args);
    return false;
}

bool err_in(struct err *err, const char *where, ...)
{
    char inner[sizeof(err->where)];
    char outer[sizeof(err->where)];
    va_list args;

    va_start(args, where);
    fill(outer, sizeof(outer), where, args);
    va_end(args);
    memcpy(inner, err->where, sizeof(inner));
    int n = snprintf(err->where, sizeof(err->where), "%s%s%s", outer, inner[0] ? ", " : "", inner);
    if (n >= (int)sizeof(err->where))
        memcpy(err->where + sizeof(err->where) - 4, "...", 4);
    return false;
}

static enum err_kind kind_of_errno(int errnum, enum err_kind otherwise)
{
    switch (errnum) {
    case EACCES:
    case EPERM:
    case EROFS:
        return ERR_PERMISSION;
    case ENOSPC:
    case EDQUOT:
    case ENOMEM:
    case EFBIG:
        return ERR_RESOURCE;
    case ENOENT:
        return ERR_NOT_FOUND;
    case EEXIST:
        return ERR_EXISTS;
    default:
        return otherwise;
    }
}

bool err_sys(struct err *err, enum err_kind kind, int errnum, const char *what, ...)
{
    char reason[128];
    va_list args;

    *err = (struct err){.kind = kind_of_errno(errnum, kind)};
    va_start(args, what);
    fill(err->what, sizeof(err->what), what, args);
    va_end(args);
    return err_why(err, "%s", strerror_r(errnum, reason, sizeof(reason)));
}

void err_also(struct err *err, const struct err *other)
{
    if (err->kind == ERR_NONE)
        *err = *other;
}

int err_exit_code(enum err_kind kind)
{
    return kinds[kind].exit_code;
}

const char *err_code(enum err_kind kind)
{
    return kinds[kind].code;
}

int err_line(const struct err *err, char *ret_line, size_t size)
{
    return snprintf(ret_line, size, "%s%s%s%s%s%s%s%s", err->what, err->where[0] ? ": " : "",
                    err->where, err->why[0] ? ": " : "", err->why, err->hint[0] ? " (" : "",
                    err->hint, err->hint[0] ? ")" : "");
}
