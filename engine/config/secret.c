/* SPDX-License-Identifier: PostgreSQL */
#include "config/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/secret_command.h"

#define SECRET_BYTES_MAX 4096
#define COMMAND_MS       30000

/* What is asked for, as errors name it. */
struct wanted {
    const char *noun, *option;
};
static const struct wanted password = {"password", "password_env"};
static const struct wanted encryption_key = {"key", "key_env"};

/* A place to write to that never has to grow: growing leaves copies behind. */
static bool keep(const struct wanted *w, struct buf *secret, const char *bytes, size_t len,
                 struct err *err)
{
    if (len > SECRET_BYTES_MAX)
        return err_set(err, ERR_CONFIG, "a %s longer than %d bytes", w->noun, SECRET_BYTES_MAX);
    if (!buf_reserve(secret, len, err))
        return false;
    buf_add(secret, bytes, len);
    return true;
}

static bool from_environment(const struct wanted *w, const char *name, struct buf *secret,
                             struct err *err)
{
    const char *value = getenv(name);

    if (value)
        return keep(w, secret, value, strlen(value), err);
    err_set(err, ERR_CONFIG, "environment variable %s is not set", name);
    return err_hint(err, "it is to hold the %s (%s)", w->noun, w->option);
}

/* As libpq does with a private key: root may own it and let a group read it. */
static bool private_file(const struct wanted *w, int fd, const char *path, struct err *err)
{
    struct stat st;

    if (fstat(fd, &st) != 0)
        return err_sys(err, ERR_CONFIG, errno, "cannot read the %s file %s", w->noun, path);
    if (!S_ISREG(st.st_mode) && !S_ISFIFO(st.st_mode))
        return err_set(err, ERR_CONFIG, "the %s file %s is not a file", w->noun, path);
    mode_t others = st.st_uid == 0 ? S_IWGRP | S_IRWXO : S_IRWXG | S_IRWXO;
    if (S_ISFIFO(st.st_mode) || !(st.st_mode & others))
        return true;
    err_set(err, ERR_PERMISSION, "others may read the %s file %s", w->noun, path);
    err_why(err, "its mode is %04o", (unsigned)(st.st_mode & 07777));
    return err_hint(err, "chmod 600 %s", path);
}

static bool read_all(const struct wanted *w, int fd, const char *path, char *bytes, size_t *ret_len,
                     struct err *err)
{
    size_t len = 0;

    while (len < SECRET_BYTES_MAX + 2) {
        ssize_t n = read(fd, bytes + len, SECRET_BYTES_MAX + 2 - len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_sys(err, ERR_CONFIG, errno, "cannot read the %s file %s", w->noun, path);
        if (n == 0)
            break;
        len += (size_t)n;
    }
    *ret_len = len;
    return true;
}

/* The newline at the end of a file, or of what a program prints, is none of the secret. */
static size_t without_newline(const char *bytes, size_t len)
{
    if (len > 0 && bytes[len - 1] == '\n')
        len--;
    return len > 0 && bytes[len - 1] == '\r' ? len - 1 : len;
}

static bool from_file(const struct wanted *w, const char *path, struct buf *secret, struct err *err)
{
    char bytes[SECRET_BYTES_MAX + 2];
    size_t len = 0;
    bool ok = false;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0) {
        err_sys(err, ERR_CONFIG, errno, "cannot read the %s file %s", w->noun, path);
        /* A file that is not there is a wrong configuration, not a missing object. */
        if (err->kind == ERR_NOT_FOUND)
            err->kind = ERR_CONFIG;
        return false;
    }
    if (!private_file(w, fd, path, err) || !read_all(w, fd, path, bytes, &len, err))
        goto out;
    len = without_newline(bytes, len);
    if (len == 0 || memchr(bytes, '\0', len)) {
        err_set(err, ERR_CONFIG, "the %s file %s %s", w->noun, path,
                len == 0 ? "is empty" : "holds a NUL byte");
        goto out;
    }
    ok = keep(w, secret, bytes, len, err);
out:
    explicit_bzero(bytes, sizeof(bytes));
    close(fd);
    return ok;
}

bool secret_database(const struct config_database *database, struct buf *ret_password,
                     bool *ret_given, struct err *err)
{
    bool ok = true;

    *ret_given = database->password || database->password_env || database->password_file;
    if (database->password)
        ok = keep(&password, ret_password, database->password, strlen(database->password), err);
    else if (database->password_env)
        ok = from_environment(&password, database->password_env, ret_password, err);
    else if (database->password_file)
        ok = from_file(&password, database->password_file, ret_password, err);
    return ok || err_in(err, "database %s", database->name);
}

void secret_describe(const struct config_database *database, struct buf *ret_text)
{
    if (database->password)
        buf_adds(ret_text, "configuration file");
    else if (database->password_env)
        buf_addf(ret_text, "environment %s", database->password_env);
    else if (database->password_file)
        buf_addf(ret_text, "file %s", database->password_file);
    else if (database->passfile)
        buf_addf(ret_text, "libpq, passfile %s", database->passfile);
    else if (database->service)
        buf_addf(ret_text, "libpq, service %s", database->service);
    else
        buf_adds(ret_text, "libpq");
}

bool secret_key(const struct config_key *key, struct buf *ret_key, struct err *err)
{
    bool ok;

    if (key->env) {
        ok = from_environment(&encryption_key, key->env, ret_key, err);
    } else if (key->file) {
        ok = from_file(&encryption_key, key->file, ret_key, err);
    } else {
        ok = secret_command(key->command, COMMAND_MS, SECRET_BYTES_MAX, ret_key, err);
        if (ok)
            ret_key->len = without_newline(ret_key->data, ret_key->len);
    }
    return ok || err_in(err, "encryption key \"%s\"", key->id);
}

void secret_describe_key(const struct config_key *key, struct buf *ret_text)
{
    if (key->env)
        buf_addf(ret_text, "environment %s", key->env);
    else if (key->file)
        buf_addf(ret_text, "file %s", key->file);
    else /* without its arguments */
        buf_addf(ret_text, "command %.*s", (int)strcspn(key->command, " \t"), key->command);
}

void secret_done(struct buf *secret)
{
    if (secret->data)
        explicit_bzero(secret->data, secret->cap);
    buf_done(secret);
}
