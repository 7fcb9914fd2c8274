/* SPDX-License-Identifier: PostgreSQL */
#include "extract.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "access.h"
#include "base/csv.h"

struct extract {
    const struct extract_params *params;
    FILE *file;
    bool csv;
    struct reader *reader;
    struct buf line, value, header;
    size_t next;    /* in params->rows */
    uint64_t first; /* of this archive, in the list */
    uint64_t written;
};

static bool ends_in(const char *text, const char *end)
{
    size_t len = strlen(text), end_len = strlen(end);

    return len > end_len && strcmp(text + len - end_len, end) == 0;
}

static bool failed(const struct extract *x, struct err *err)
{
    err_sys(err, ERR_RESOURCE, errno, "rows cannot be written");
    return err_in(err, "%s", x->params->path);
}

static bool open_file(struct extract *x, struct err *err)
{
    const char *path = x->params->path;

    x->csv = ends_in(path, ".csv");
    if (!x->csv && !ends_in(path, ".jsonl")) {
        err_set(err, ERR_USAGE, "what form the rows should have is not said");
        err_in(err, "%s", path);
        return err_hint(err, "end the file's name in .csv or .jsonl");
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    x->file = fd < 0 ? NULL : fdopen(fd, "w");
    if (x->file)
        return true;
    failed(x, err);
    if (err->kind == ERR_EXISTS)
        err_hint(err, "nothing is written over: name another file");
    return false;
}

static bool put_line(struct extract *x, struct err *err)
{
    if (fwrite(x->line.data, 1, x->line.len, x->file) == x->line.len)
        return true;
    return failed(x, err);
}

/* One header stands over all, so all have to have its columns. */
static bool put_header(struct extract *x, struct err *err)
{
    size_t count = reader_column_count(x->reader);

    if (count == 0) {
        err_set(err, ERR_USAGE, "the archive does not say its columns");
        err_in(err, "%s", reader_key(x->reader));
        return err_hint(err, "write .jsonl");
    }
    buf_reset(&x->line);
    for (size_t i = 0; i < count; i++) {
        const char *name = reader_column(x->reader, i);
        csv_add(&x->line, i, name, strlen(name), false);
    }
    buf_adds(&x->line, "\r\n");
    if (x->header.len == 0) {
        buf_add(&x->header, x->line.data, x->line.len);
        return put_line(x, err);
    }
    if (strcmp(buf_str(&x->header), buf_str(&x->line)) == 0)
        return true;
    err_set(err, ERR_USAGE, "the archives do not have the same columns");
    err_in(err, "%s", reader_key(x->reader));
    return err_hint(err, "write .jsonl, or one archive at a time");
}

static bool put_row(struct extract *x, const char *line, size_t len, struct err *err)
{
    bool null;

    buf_reset(&x->line);
    if (!x->csv)
        buf_add(&x->line, line, len);
    for (size_t i = 0; x->csv && i < reader_column_count(x->reader); i++) {
        if (!reader_value(x->reader, i, &x->value, &null, err))
            return false;
        csv_add(&x->line, i, buf_str(&x->value), x->value.len, null);
    }
    buf_adds(&x->line, x->csv ? "\r\n" : "\n");
    x->written++;
    return put_line(x, err);
}

static bool put_rows(struct extract *x, struct err *err)
{
    const struct extract_params *p = x->params;
    const char *line;
    size_t len;

    for (;;) {
        if (p->rows &&
            (x->next == p->row_count || p->rows[x->next] >= x->first + reader_rows(x->reader)))
            return true;
        if (p->rows)
            reader_seek(x->reader, p->rows[x->next++] - x->first);
        if (!reader_next(x->reader, &line, &len, err))
            return false;
        if (!line)
            return true;
        if (!put_row(x, line, len, err))
            return false;
    }
}

static bool put_archive(struct extract *x, const struct browse_part *part, struct err *err)
{
    const struct extract_params *p = x->params;
    struct reader_params params = {.config = p->config,
                                   .key = part->key,
                                   .where = p->where,
                                   .stop = p->stop};
    bool ok = false;

    if (p->rows && part->rows != BROWSE_ROWS_UNKNOWN &&
        (x->next == p->row_count || p->rows[x->next] >= x->first + part->rows)) {
        x->first += part->rows;
        return true;
    }
    x->reader = reader_open(&params, err);
    if (x->reader) {
        access_note(part->key, "export", p->where);
        ok = (!x->csv || put_header(x, err)) && put_rows(x, err);
        x->first += reader_rows(x->reader);
    }
    reader_close(x->reader);
    return ok;
}

bool extract_run(const struct extract_params *params, uint64_t *ret_rows, struct err *err)
{
    struct extract x = {.params = params};
    bool ok = open_file(&x, err);

    if (!ok)
        return false;
    for (size_t i = 0; ok && i < params->part_count; i++)
        ok = put_archive(&x, &params->parts[i], err);
    if (ok && (fflush(x.file) != 0 || fsync(fileno(x.file)) != 0))
        ok = failed(&x, err);
    fclose(x.file);
    if (!ok)
        unlink(params->path);
    buf_done(&x.line);
    buf_done(&x.value);
    buf_done(&x.header);
    *ret_rows = x.written;
    return ok;
}
