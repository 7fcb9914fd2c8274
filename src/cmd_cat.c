/* SPDX-License-Identifier: PostgreSQL */
#include <errno.h>
#include <stdlib.h>

#include "base/csv.h"
#include "base/log.h"
#include "base/text.h"
#include "command.h"
#include "output.h"
#include "reader.h"

#define CELL_MAX   40  /* columns of a cell in a table for people */
#define TABLE_ROWS 500 /* rows that a table's widths are taken from */

enum format { FORMAT_JSONL, FORMAT_CSV, FORMAT_TABLE };

struct cat {
    const struct call *call;
    enum format format;
    int64_t left, skip; /* rows; left -1: no limit */
    struct reader *reader;
    size_t *columns; /* positions asked for, or all; of the present archive */
    size_t column_count;
    struct buf header; /* of CSV, as it was printed */
    struct buf line, value;
    struct output_table *table;
    struct output_column *headers;
    size_t table_rows;
};

/* --- columns --- */

static bool pick_column(struct cat *c, const char *name, struct err *err)
{
    size_t found = reader_find_column(c->reader, name);

    if (found == SIZE_MAX) {
        size_t count = reader_column_count(c->reader);
        const char **names = mem_alloc((count + 1) * sizeof(*names));
        for (size_t i = 0; i < count; i++)
            names[i] = reader_column(c->reader, i);
        const char *nearest = text_nearest(name, names, count);
        err_set(err, ERR_USAGE, "--columns: the archive has no column \"%s\"", name);
        err_in(err, "%s", reader_key(c->reader));
        if (nearest)
            err_hint(err, "did you mean \"%s\"?", nearest);
        free(names);
        return false;
    }
    c->columns = mem_grow(c->columns, (c->column_count + 1) * sizeof(*c->columns));
    c->columns[c->column_count++] = found;
    return true;
}

static bool pick_asked(struct cat *c, const char *list, struct err *err)
{
    bool ok = true;

    while (ok && *list) {
        size_t len = strcspn(list, ",");
        char *name = mem_printf("%.*s", (int)len, list);
        ok = pick_column(c, name, err);
        free(name);
        list += len + (list[len] == ',');
    }
    return ok;
}

static bool pick_columns(struct cat *c, struct err *err)
{
    size_t count = reader_column_count(c->reader);

    c->column_count = 0;
    if (c->call->options.columns)
        return pick_asked(c, c->call->options.columns, err);
    if (count == 0 && c->format != FORMAT_JSONL) {
        err_set(err, ERR_USAGE, "--format: the archive does not say its columns");
        err_in(err, "%s", reader_key(c->reader));
        return err_hint(err, "--format jsonl");
    }
    c->columns = mem_grow(c->columns, (count + 1) * sizeof(*c->columns));
    for (size_t i = 0; i < count; i++)
        c->columns[i] = i;
    c->column_count = count;
    return true;
}

/* --- rows --- */

static bool add_json(struct cat *c, struct err *err)
{
    buf_addc(&c->line, '{');
    for (size_t i = 0; i < c->column_count; i++) {
        const char *name = reader_column(c->reader, c->columns[i]);
        const char *json;
        size_t len;
        if (!reader_json(c->reader, c->columns[i], &json, &len, err))
            return false;
        if (i > 0)
            buf_addc(&c->line, ',');
        json_quote(&c->line, name, strlen(name));
        buf_addc(&c->line, ':');
        buf_add(&c->line, len > 0 ? json : "null", len > 0 ? len : 4);
    }
    buf_addc(&c->line, '}');
    return true;
}

static void add_csv_names(struct cat *c)
{
    for (size_t i = 0; i < c->column_count; i++) {
        const char *name = reader_column(c->reader, c->columns[i]);
        csv_add(&c->line, i, name, strlen(name), false);
    }
    buf_adds(&c->line, "\r\n");
}

/* One header stands over all archives, so all have to have its columns. */
static bool match_header(struct cat *c, struct err *err)
{
    bool ok = true;

    buf_reset(&c->line);
    add_csv_names(c);
    if (c->header.len == 0) {
        buf_add(&c->header, c->line.data, c->line.len);
        fwrite(c->line.data, 1, c->line.len, stdout);
    } else if (strcmp(buf_str(&c->header), buf_str(&c->line)) != 0) {
        err_set(err, ERR_USAGE, "the archives do not have the same columns");
        err_in(err, "%s", reader_key(c->reader));
        ok = err_hint(err, "name those wanted with --columns, or cat one archive at a time");
    }
    return ok;
}

static bool read_value(struct cat *c, size_t i, bool *ret_null, struct err *err)
{
    buf_reset(&c->value);
    return reader_value(c->reader, c->columns[i], &c->value, ret_null, err);
}

static bool add_csv(struct cat *c, struct err *err)
{
    bool null;

    for (size_t i = 0; i < c->column_count; i++) {
        if (!read_value(c, i, &null, err))
            return false;
        csv_add(&c->line, i, buf_str(&c->value), c->value.len, null);
    }
    buf_addc(&c->line, '\r');
    return true;
}

/* What a terminal must not act on is shown as an escape; long values end in dots. */
static void clean_cell(const struct buf *value, struct buf *ret_cell)
{
    buf_reset(ret_cell);
    for (size_t i = 0; i < value->len; i++) {
        unsigned char b = (unsigned char)value->data[i];
        bool starts = (b & 0xc0) != 0x80;
        if (starts && text_width(buf_str(ret_cell)) >= CELL_MAX - 3) {
            buf_adds(ret_cell, "...");
            return;
        }
        if (b == 0xc2 && i + 1 < value->len && (value->data[i + 1] & 0xe0) == 0x80)
            buf_addf(ret_cell, "\\x%02x", (unsigned char)value->data[++i]); /* U+0080..U+009F */
        else if (b == '\n')
            buf_adds(ret_cell, "\\n");
        else if (b == '\t')
            buf_adds(ret_cell, "\\t");
        else if (b < 0x20 || b == 0x7f)
            buf_addf(ret_cell, "\\x%02x", b);
        else
            buf_addc(ret_cell, (char)b);
    }
}

static void print_table(struct cat *c)
{
    if (c->table)
        output_table_print(c->table);
    output_table_free(c->table);
    free(c->headers);
    c->table = NULL;
    c->headers = NULL;
    c->table_rows = 0;
}

static void start_table(struct cat *c)
{
    c->headers = mem_alloc((c->column_count + 1) * sizeof(*c->headers));
    for (size_t i = 0; i < c->column_count; i++)
        c->headers[i].header = reader_column(c->reader, c->columns[i]);
    c->table = output_table_new(c->headers, c->column_count);
}

static bool add_to_table(struct cat *c, struct err *err)
{
    bool null;

    if (!c->table)
        start_table(c);
    for (size_t i = 0; i < c->column_count; i++) {
        if (!read_value(c, i, &null, err))
            return false;
        clean_cell(&c->value, &c->line);
        output_table_add(c->table, null ? "NULL" : buf_str(&c->line));
    }
    buf_reset(&c->line);
    if (++c->table_rows == TABLE_ROWS)
        print_table(c);
    if (ferror(stdout)) /* main says why, where it matters */
        c->left = 0;
    return true;
}

static bool print_row(struct cat *c, const char *line, size_t len, struct err *err)
{
    buf_reset(&c->line);
    if (c->format == FORMAT_TABLE)
        return add_to_table(c, err);
    if (c->format == FORMAT_CSV) {
        if (!add_csv(c, err))
            return false;
    } else if (c->call->options.columns) {
        if (!add_json(c, err))
            return false;
    } else {
        buf_add(&c->line, line, len);
    }
    buf_addc(&c->line, '\n');
    if (fwrite(c->line.data, 1, c->line.len, stdout) == c->line.len)
        return true;
    c->left = 0;
    if (errno == EPIPE) /* `| head` has seen enough */
        return true;
    return err_sys(err, ERR_RESOURCE, errno, "cannot write rows to stdout");
}

/* Goes over the first rows; without --where they need not be read for it. */
static bool skip_rows(struct cat *c, struct err *err)
{
    const char *line = "";
    size_t len;

    if (c->skip > 0 && !c->call->options.where) {
        int64_t rows = (int64_t)reader_rows(c->reader);
        int64_t over = c->skip < rows ? c->skip : rows;
        c->skip -= over;
        reader_seek(c->reader, (uint64_t)over);
        return true;
    }
    while (c->skip > 0 && !stop_asked(c->call->stop)) {
        if (!reader_next(c->reader, &line, &len, err))
            return false;
        if (!line)
            return true;
        c->skip--;
    }
    return true;
}

static bool print_rows(struct cat *c, struct err *err)
{
    const char *line = NULL;
    size_t len;

    while (c->left != 0 && !stop_asked(c->call->stop)) {
        if (!reader_next(c->reader, &line, &len, err))
            return false;
        if (!line)
            break;
        if (!print_row(c, line, len, err))
            return err_in(err, "%s", reader_key(c->reader));
        c->left -= c->left > 0;
    }
    return true;
}

/* What an archive of the earlier archiver no longer holds is said behind its rows. */
static void warn_of_losses(const struct cat *c)
{
    struct buf text = BUF_INIT;

    for (size_t i = 0; reader_loss(c->reader, i, &text); i++)
        log_msg(LOG_WARN, "%s, %s", reader_key(c->reader), buf_str(&text));
    buf_done(&text);
}

static bool cat_archive(struct cat *c, const char *key, struct err *err)
{
    struct reader_params params = {.config = c->call->config,
                                   .key = key,
                                   .where = c->call->options.where,
                                   .stop = c->call->stop};
    bool ok = false;

    c->reader = reader_open(&params, err);
    if (!c->reader || !pick_columns(c, err))
        goto out;
    if (c->format == FORMAT_CSV && !match_header(c, err))
        goto out;
    ok = skip_rows(c, err) && print_rows(c, err);
out:
    print_table(c);
    if (ok)
        warn_of_losses(c);
    reader_close(c->reader);
    c->reader = NULL;
    return ok;
}

static enum format format_of(const struct options *o)
{
    if (!o->format || strcmp(o->format, "jsonl") == 0)
        return FORMAT_JSONL;
    return o->format[0] == 'c' ? FORMAT_CSV : FORMAT_TABLE;
}

static int run(const struct call *call, struct err *err)
{
    struct cat c = {.call = call,
                    .format = format_of(&call->options),
                    .left = call->options.limit > 0 ? call->options.limit : -1,
                    .skip = call->options.offset};
    bool ok = true;

    for (size_t i = 0; ok && c.left != 0 && i < call->arg_count && !stop_asked(call->stop); i++)
        ok = cat_archive(&c, call->args[i], err);
    buf_done(&c.header);
    buf_done(&c.line);
    buf_done(&c.value);
    free(c.columns);
    if (ok && stop_asked(call->stop))
        return err_exit_code(ERR_INTERRUPTED);
    return ok ? 0 : err_exit_code(err->kind);
}

const struct command cmd_cat = {
    .name = "cat",
    .summary = "rows of archives, each member checked before its first row",
    .usage = "KEY... [--where EXPR] [--columns A,B] [FLAGS]",
    .details = "jsonl prints the lines as they are stored; csv and table print PostgreSQL's own\n"
               "text (csv: NULL is nothing, an empty string is \"\"). What an archive of the\n"
               "earlier archiver no longer holds is said on stderr, by column and row.\n\n"
               "Examples:\n"
               "  archiver-tui cat KEY --limit 5 --format table\n"
               "  archiver-tui cat KEY --where \"level = 'error' and body->>'user' = '7'\"\n",
    .takes = TAKES_LIMIT | TAKES_OFFSET | TAKES_COLUMNS | TAKES_FORMAT | TAKES_WHERE,
    .args_min = 1,
    .args_max = SIZE_MAX,
    .needs_config = true,
    .run = run,
};
