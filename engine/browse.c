/* SPDX-License-Identifier: PostgreSQL */
#include "browse.h"

#include <inttypes.h>
#include <stdlib.h>

#include "access.h"
#include "base/text.h"
#include "browse_part.h"

struct browse *browse_new(const struct browse_params *params)
{
    struct browse *b = mem_alloc(sizeof(*b));

    b->config = params->config;
    b->where = params->where ? mem_strdup(params->where) : NULL;
    b->stop = stop_new();
    b->arena = arena_new();
    b->part_count = params->part_count;
    b->parts = mem_alloc((params->part_count + 1) * sizeof(*b->parts));
    b->firsts = mem_alloc((params->part_count + 1) * sizeof(*b->firsts));
    for (size_t i = 0; i < params->part_count; i++) {
        b->parts[i].key = mem_strdup(params->parts[i].key);
        b->parts[i].rows = params->parts[i].rows;
    }
    return b;
}

void browse_free(struct browse *b)
{
    if (!b)
        return;
    browse_forget_search(b);
    browse_close_reader(b, b->reader);
    for (size_t i = 0; i < b->part_count; i++)
        free(b->parts[i].key);
    free(b->parts);
    free(b->firsts);
    free(b->columns);
    free(b->names);
    free(b->types);
    free(b->where);
    arena_free(b->arena);
    stop_free(b->stop);
    free(b);
}

struct stop *browse_stop(struct browse *b)
{
    return b->stop;
}

/* --- archives --- */

struct reader *browse_open_reader(struct browse *b, size_t part, const char *where, struct err *err)
{
    struct browse_archive *archive = &b->parts[part];
    struct reader_params params = {.config = b->config,
                                   .key = archive->key,
                                   .where = where,
                                   .stop = b->stop};
    struct reader *reader = reader_open(&params, err);

    if (!reader)
        return NULL;
    if (archive->rows == BROWSE_ROWS_UNKNOWN)
        archive->rows = reader_rows(reader);
    if (archive->rows == reader_rows(reader)) {
        if (!archive->noted)
            access_note(archive->key, "rows", where);
        archive->noted = true;
        return reader;
    }
    err_set(err, ERR_DATA, "the catalog says %" PRIu64 " rows, the metadata %" PRIu64,
            archive->rows, reader_rows(reader));
    err_in(err, "%s", archive->key);
    err_hint(err, "`archiver-tui verify` tells which is wrong");
    browse_close_reader(b, reader);
    return NULL;
}

static void add_stats(const struct reader *reader, struct store_stats *stats)
{
    struct store_stats own = {0};

    if (reader)
        reader_stats(reader, &own);
    stats->requests += own.requests;
    stats->bytes_received += own.bytes_received;
}

void browse_close_reader(struct browse *b, struct reader *reader)
{
    add_stats(reader, &b->spent);
    reader_close(reader);
}

void browse_stats(const struct browse *b, struct store_stats *ret_stats)
{
    *ret_stats = b->spent;
    add_stats(b->reader, ret_stats);
    add_stats(b->searched.reader, ret_stats);
}

/* Copied as far as a screen asks: what kind it is and what it is called. */
static const struct type *copy_type(struct browse *b, const struct type *type)
{
    struct type *copy = arena_alloc(b->arena, sizeof(*copy));

    *copy = (struct type){.kind = type->kind, .name = arena_strdup(b->arena, type->name)};
    return copy;
}

static size_t column_of(struct browse *b, const char *name, const struct type *type)
{
    for (size_t i = 0; i < b->column_count; i++) {
        if (strcmp(b->names[i], name) != 0)
            continue;
        if (!b->types[i] && type)
            b->types[i] = copy_type(b, type);
        return i;
    }
    size_t at = b->column_count++;
    b->names = mem_grow(b->names, b->column_count * sizeof(*b->names));
    b->types = mem_grow(b->types, b->column_count * sizeof(*b->types));
    b->names[at] = arena_strdup(b->arena, name);
    b->types[at] = type ? copy_type(b, type) : NULL;
    return at;
}

void browse_know_column(struct browse *b, const char *name)
{
    column_of(b, name, NULL);
}

static void know_columns(struct browse *b)
{
    const struct metadata *m = reader_about(b->reader);
    size_t count = reader_column_count(b->reader);

    b->columns = mem_grow(b->columns, (count + 1) * sizeof(*b->columns));
    for (size_t i = 0; i < count; i++)
        b->columns[i] = column_of(b, reader_column(b->reader, i), m->shape->columns[i].type);
    if (count == 0)
        b->columns[0] = column_of(b, "row", NULL);
    if (!b->timestamp && count > 0 && m->timestamp_column)
        b->timestamp = arena_strdup(b->arena, m->timestamp_column);
}

static bool open_part(struct browse *b, size_t part, struct err *err)
{
    if (b->reader && b->part == part)
        return true;
    browse_close_reader(b, b->reader);
    b->part = part;
    b->reader = browse_open_reader(b, part, b->where, err);
    if (b->reader)
        know_columns(b);
    return b->reader != NULL;
}

bool browse_open(struct browse *b, struct err *err)
{
    uint64_t first = 0;

    for (size_t i = b->part_count; i-- > 1;) { /* the first stays open */
        if (b->parts[i].rows == BROWSE_ROWS_UNKNOWN && !open_part(b, i, err))
            return false;
    }
    if (b->part_count > 0 && !open_part(b, 0, err))
        return false;
    for (size_t i = 0; i < b->part_count; i++) {
        b->firsts[i] = first;
        first += b->parts[i].rows;
    }
    return true;
}

uint64_t browse_rows(const struct browse *b)
{
    size_t count = b->part_count;

    return count > 0 ? b->firsts[count - 1] + b->parts[count - 1].rows : 0;
}

const uint64_t *browse_firsts(const struct browse *b)
{
    return b->firsts;
}

size_t browse_part_of(const uint64_t *firsts, size_t count, uint64_t row)
{
    size_t low = 0, high = count;

    while (low + 1 < high) {
        size_t middle = low + (high - low) / 2;
        if (firsts[middle] <= row)
            low = middle;
        else
            high = middle;
    }
    return low;
}

void browse_place(const struct browse *b, uint64_t row, size_t *ret_part, uint64_t *ret_row)
{
    *ret_part = browse_part_of(b->firsts, b->part_count, row);
    *ret_row = row - b->firsts[*ret_part];
}

size_t browse_column_count(const struct browse *b)
{
    return b->column_count;
}

const char *browse_column(const struct browse *b, size_t i)
{
    return b->names[i];
}

const struct type *browse_type(const struct browse *b, size_t i)
{
    return b->types[i];
}

const char *browse_timestamp(const struct browse *b)
{
    return b->timestamp;
}

bool browse_at_end(const struct browse *b)
{
    return b->end;
}

/* --- pages --- */

void browse_page_free(struct browse_page *page)
{
    if (!page)
        return;
    for (size_t i = 0; i < page->rows * page->columns; i++)
        free(page->values[i].text);
    free(page->values);
    free(page->places);
    free(page);
}

/* Values of a new row, all of them absent. */
static struct browse_value *add_row(struct browse_page *page, uint64_t place)
{
    size_t at = page->rows * page->columns;

    page->values = mem_grow(page->values, (at + page->columns + 1) * sizeof(*page->values));
    page->places = mem_grow(page->places, (page->rows + 1) * sizeof(*page->places));
    page->places[page->rows++] = place;
    for (size_t i = 0; i < page->columns; i++)
        page->values[at + i] = (struct browse_value){.is = BROWSE_ABSENT};
    return page->values + at;
}

/* Another archive has brought columns that the rows before do not have. */
static void widen(struct browse_page *page, size_t columns)
{
    struct browse_value *old = page->values;

    if (columns == page->columns)
        return;
    page->values = mem_alloc((page->rows * columns + 1) * sizeof(*page->values));
    for (size_t i = 0; i < page->rows * columns; i++)
        page->values[i] = (struct browse_value){.is = BROWSE_ABSENT};
    for (size_t i = 0; i < page->rows; i++)
        memcpy(page->values + i * columns, old + i * page->columns, page->columns * sizeof(*old));
    page->columns = columns;
    free(old);
}

static void add_unreadable(struct browse_page *page, uint64_t place)
{
    struct browse_value *values = add_row(page, place);

    for (size_t i = 0; i < page->columns; i++)
        values[i].is = BROWSE_UNREADABLE;
}

static bool add_line(struct browse *b, struct browse_page *page, const char *line, size_t len,
                     struct err *err)
{
    struct browse_value *values = add_row(page, b->firsts[b->part] + reader_row(b->reader));
    struct buf text = BUF_INIT;
    size_t count = reader_column_count(b->reader);
    bool ok = true, null;

    if (count == 0) /* as it stands where nobody knows the columns */
        values[b->columns[0]] =
            (struct browse_value){BROWSE_VALUE, mem_printf("%.*s", (int)len, line)};
    for (size_t i = 0; ok && i < count; i++) {
        struct browse_value *value = &values[b->columns[i]];
        ok = reader_value(b->reader, i, &text, &null, err);
        value->is = !ok ? BROWSE_UNREADABLE : null ? BROWSE_NULL : BROWSE_VALUE;
        value->text = ok && !null ? mem_strdup(buf_str(&text)) : NULL;
    }
    buf_done(&text);
    return ok;
}

/* Goes over what cannot be read. False: it is not the archive's fault. */
static bool go_over(struct browse *b, struct browse_page *page, const struct err *why,
                    struct err *err)
{
    if (why->kind != ERR_DATA && why->kind != ERR_NOT_FOUND) {
        *err = *why;
        return false;
    }
    err_also(&page->err, why);
    reader_skip(b->reader);
    return true;
}

/* From where the open archive stands to its end or to that of the page. Rows that cannot be read
 * take their places, but for a filter, which nothing can be said of. */
static bool read_part(struct browse *b, struct browse_page *page, size_t most, struct err *err)
{
    const char *line;
    size_t len;

    while (page->rows < most) {
        struct err why = ERR_INIT;
        uint64_t row = reader_tell(b->reader);
        if (!reader_next(b->reader, &line, &len, &why)) {
            if (!go_over(b, page, &why, err))
                return false;
            for (; !b->where && row < reader_tell(b->reader) && page->rows < most; row++)
                add_unreadable(page, b->firsts[b->part] + row);
        } else if (!line) {
            return true;
        } else if (!add_line(b, page, line, len, &why)) {
            err_also(&page->err, &why);
        }
    }
    return true;
}

static void read_rows(struct browse *b, struct browse_page *page, size_t most, struct err *err)
{
    uint64_t row;
    size_t part;

    browse_place(b, page->first, &part, &row);
    for (; part < b->part_count && page->rows < most; part++, row = 0) {
        if (!open_part(b, part, err))
            return;
        widen(page, b->column_count);
        reader_seek(b->reader, row);
        if (!read_part(b, page, most, err))
            return;
    }
}

static void read_matches(struct browse *b, struct browse_page *page, size_t most, struct err *err)
{
    while (b->next_part < b->part_count && page->rows < most) {
        if (!open_part(b, b->next_part, err))
            return;
        widen(page, b->column_count);
        if (!read_part(b, page, most, err))
            break;
        b->next_part += page->rows < most;
    }
    b->end = b->next_part == b->part_count;
    b->matches += page->rows;
    if (err->kind != ERR_NONE && page->rows > 0) { /* what was found is not lost by it */
        err_also(&page->err, err);
        *err = ERR_INIT;
    }
}

struct browse_page *browse_read(struct browse *b, uint64_t first, size_t rows, struct err *err)
{
    struct browse_page *page = mem_alloc(sizeof(*page));

    page->first = b->where ? b->matches : first;
    page->columns = b->column_count;
    if (b->where)
        read_matches(b, page, rows, err);
    else
        read_rows(b, page, rows, err);
    if (err->kind == ERR_NONE)
        return page;
    browse_page_free(page);
    return NULL;
}
