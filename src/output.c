/* SPDX-License-Identifier: PostgreSQL */
#include "output.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/text.h"

static bool colors;

void output_setup(const struct options *options)
{
    const char *no_color = getenv("NO_COLOR");

    colors = isatty(STDOUT_FILENO) && !options->no_color && !(no_color && *no_color);
}

void output_colored(enum output_color color, const char *text, int width)
{
    static const char *const codes[] = {[COLOR_GOOD] = "\033[32m",
                                        [COLOR_WARN] = "\033[33m",
                                        [COLOR_BAD] = "\033[31m",
                                        [COLOR_DIM] = "\033[2m"};
    int pad = width - (int)text_width(text);

    if (colors && color != COLOR_NONE)
        printf("%s%s\033[0m", codes[color], text);
    else
        fputs(text, stdout);
    printf("%*s", pad > 0 ? pad : 0, "");
}

/* --- errors and documents --- */

void output_error(const struct err *err, bool json)
{
    struct err without_hint = *err;
    struct buf text = BUF_INIT;
    char line[sizeof(*err)];

    if (!json) {
        err_line(err, line, sizeof(line));
        fprintf(stderr, "archiver-tui: %s\n", line);
        return;
    }
    without_hint.hint[0] = '\0';
    err_line(&without_hint, line, sizeof(line));
    struct json_out j = json_out(&text, 0); /* one line: it may end a stream of lines */
    json_begin_object(&j);
    json_key(&j, "error");
    json_begin_object(&j);
    json_put_str(&j, "code", err_code(err->kind));
    json_put_str(&j, "message", line);
    json_put_str(&j, "hint", err->hint);
    json_put_str(&j, "where", err->where);
    json_put_str(&j, "why", err->why);
    json_end(&j);
    json_end(&j);
    output_json(&text);
}

void output_json(struct buf *json)
{
    fwrite(buf_str(json), 1, json->len, stdout);
    if (json->len == 0 || json->data[json->len - 1] != '\n')
        putchar('\n');
    buf_done(json);
}

/* --- tables --- */

struct output_table {
    const struct output_column *columns;
    size_t column_count;
    struct arena *texts;
    const char **cells;
    size_t cell_count;
    size_t *spare; /* positions of columns, in the order in which they go */
    size_t spare_count;
};

struct output_table *output_table_new(const struct output_column *columns, size_t count)
{
    struct output_table *table = mem_alloc(sizeof(*table));

    table->columns = columns;
    table->column_count = count;
    table->texts = arena_new();
    return table;
}

void output_table_spare(struct output_table *table, size_t column)
{
    table->spare = mem_grow(table->spare, (table->spare_count + 1) * sizeof(*table->spare));
    table->spare[table->spare_count++] = column;
}

void output_table_add(struct output_table *table, const char *cell)
{
    if ((table->cell_count & (table->cell_count + 1)) == 0) /* full at 0, 1, 3, 7, ... */
        table->cells = mem_grow(table->cells, (table->cell_count * 2 + 2) * sizeof(*table->cells));
    table->cells[table->cell_count++] = arena_strdup(table->texts, cell ? cell : "");
}

void output_table_addf(struct output_table *table, const char *format, ...)
{
    char cell[512];
    va_list args;

    va_start(args, format);
    vsnprintf(cell, sizeof(cell), format, args);
    va_end(args);
    output_table_add(table, cell);
}

void output_table_add_count(struct output_table *table, int64_t count)
{
    struct buf text = BUF_INIT;

    if (count >= 0)
        text_add_count(&text, (uint64_t)count);
    output_table_add(table, count >= 0 ? buf_str(&text) : "?");
    buf_done(&text);
}

void output_table_add_bytes(struct output_table *table, uint64_t bytes)
{
    struct buf text = BUF_INIT;

    text_add_bytes(&text, bytes);
    output_table_add(table, buf_str(&text));
    buf_done(&text);
}

static size_t column_width(const struct output_table *table, size_t column)
{
    size_t width = text_width(table->columns[column].header);

    for (size_t i = column; i < table->cell_count; i += table->column_count) {
        size_t cell = text_width(table->cells[i]);
        width = cell > width ? cell : width;
    }
    return width;
}

static void print_blanks(size_t count)
{
    static const char blanks[] = "                ";

    for (size_t part; count > 0; count -= part) {
        part = count < sizeof(blanks) - 1 ? count : sizeof(blanks) - 1;
        fwrite(blanks, 1, part, stdout);
    }
}

static void print_cell(const char *text, size_t width, bool right, bool last)
{
    size_t pad = width - text_width(text);

    if (right)
        print_blanks(pad);
    fputs(text, stdout);
    if (!right && !last)
        print_blanks(pad);
    fputs(last ? "\n" : "  ", stdout);
}

/* Columns of the terminal; SIZE_MAX where stdout is none. */
static size_t terminal_width(void)
{
    struct winsize size;

    if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
        return SIZE_MAX;
    return size.ws_col;
}

/* Widths of the columns, 0 for those that are left out; returns the last that is shown. */
static size_t fit_columns(const struct output_table *table, size_t *ret_widths)
{
    size_t have = terminal_width(), need = 0, last = 0;

    for (size_t i = 0; i < table->column_count; i++) {
        ret_widths[i] = column_width(table, i);
        need += ret_widths[i] + (i > 0 ? 2 : 0);
    }
    for (size_t i = 0; i < table->spare_count && need > have; i++) {
        need -= ret_widths[table->spare[i]] + 2;
        ret_widths[table->spare[i]] = 0;
    }
    for (size_t i = 0; i < table->column_count; i++)
        last = ret_widths[i] > 0 ? i : last;
    return last;
}

void output_table_print(const struct output_table *table)
{
    size_t *widths = mem_alloc((table->column_count + 1) * sizeof(*widths));
    size_t last = fit_columns(table, widths);

    for (size_t i = 0; i < table->column_count; i++) {
        if (widths[i] > 0)
            print_cell(table->columns[i].header, widths[i], table->columns[i].right, i == last);
    }
    for (size_t i = 0; i < table->cell_count; i++) {
        size_t column = i % table->column_count;
        if (widths[column] > 0)
            print_cell(table->cells[i], widths[column], table->columns[column].right,
                       column == last);
    }
    free(widths);
}

void output_table_free(struct output_table *table)
{
    if (!table)
        return;
    arena_free(table->texts);
    free(table->cells);
    free(table->spare);
    free(table);
}
