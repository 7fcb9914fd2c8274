/* SPDX-License-Identifier: PostgreSQL
 *
 * Searching downwards reads on from a row; upwards, windows of rows from the nearest on, each
 * downwards for its last match.
 */
#include <stdlib.h>

#include "browse_part.h"
#include "find.h"

enum { WINDOW_MIN = 2000, WINDOW_MAX = 256000 };

/* --- one row --- */

/* A value has it: the line alone would have the columns' names, too. */
static bool row_has(struct browse_searched *s, const char *line, size_t len, bool *ret_has,
                    struct err *err)
{
    size_t count = reader_column_count(s->reader);
    bool null;

    *ret_has = false;
    if (count == 0) { /* nobody knows its columns */
        buf_reset(&s->value);
        buf_add(&s->value, line, len);
        *ret_has = strcasestr(buf_str(&s->value), s->text) != NULL;
    }
    for (size_t i = 0; !*ret_has && i < count; i++) {
        if (!reader_value(s->reader, i, &s->value, &null, err))
            return false;
        *ret_has = !null && strcasestr(buf_str(&s->value), s->text);
    }
    return true;
}

/* --- one archive --- */

static bool open_part(struct browse *b, size_t part, struct err *err)
{
    struct browse_searched *s = &b->searched;

    if (s->reader && s->part == part)
        return true;
    browse_close_reader(b, s->reader);
    s->part = part;
    s->reader = browse_open_reader(b, part, s->is_where ? s->text : NULL, err);
    return s->reader != NULL;
}

/* The first match from `from` on, before `end`; the last, if that is wanted. Rows of the archive.
 */
static bool search_rows(struct browse_searched *s, uint64_t from, uint64_t end, bool last,
                        bool *ret_found, uint64_t *ret_row, struct err *err)
{
    const char *line;
    size_t len;
    bool has = true;

    *ret_found = false;
    reader_seek(s->reader, from);
    reader_until(s->reader, end);
    while (last || !*ret_found) {
        if (!reader_next(s->reader, &line, &len, err))
            return false;
        if (!line)
            return true;
        if (!s->is_where && !row_has(s, line, len, &has, err))
            return false;
        if (has) {
            *ret_found = true;
            *ret_row = reader_row(s->reader);
        }
    }
    return true;
}

static bool search_up(struct browse_searched *s, uint64_t end, bool *ret_found, uint64_t *ret_row,
                      struct err *err)
{
    uint64_t window = WINDOW_MIN;

    *ret_found = false;
    while (!*ret_found && end > 0) {
        uint64_t from = end > window ? end - window : 0;
        if (!search_rows(s, from, end, true, ret_found, ret_row, err))
            return false;
        end = from;
        window = window < WINDOW_MAX ? window * 2 : window;
    }
    return true;
}

/* --- all of them --- */

static bool search_down_all(struct browse *b, uint64_t from, bool *ret_found, uint64_t *ret_row,
                            struct err *err)
{
    uint64_t row;
    size_t part;

    browse_place(b, from, &part, &row);
    for (; !*ret_found && part < b->part_count; part++, row = 0) {
        if (!open_part(b, part, err) ||
            !search_rows(&b->searched, row, UINT64_MAX, false, ret_found, ret_row, err))
            return false;
        *ret_row += b->firsts[part];
    }
    return true;
}

static bool search_up_all(struct browse *b, uint64_t from, bool *ret_found, uint64_t *ret_row,
                          struct err *err)
{
    uint64_t row;
    size_t part;

    browse_place(b, from, &part, &row);
    for (row++; !*ret_found; row = b->parts[part].rows) {
        if (!open_part(b, part, err) || !search_up(&b->searched, row, ret_found, ret_row, err))
            return false;
        *ret_row += b->firsts[part];
        if (part-- == 0)
            break;
    }
    return true;
}

void browse_forget_search(struct browse *b)
{
    browse_close_reader(b, b->searched.reader);
    buf_done(&b->searched.value);
    free(b->searched.text);
    b->searched = (struct browse_searched){0};
}

/* An expression where it is one for the first archive that is looked at. */
static bool read_wanted(struct browse *b, const struct browse_wanted *wanted, struct err *err)
{
    uint64_t row;
    size_t part;

    if (b->searched.text && strcmp(b->searched.text, wanted->text) == 0)
        return true;
    browse_forget_search(b);
    b->searched.text = mem_strdup(wanted->text);
    browse_place(b, wanted->from, &part, &row);
    b->searched.is_where = true;
    if (open_part(b, part, err))
        return true;
    b->searched.is_where = false;
    if (err->kind != ERR_USAGE || wanted->is_where)
        return false;
    *err = ERR_INIT;
    return open_part(b, part, err);
}

bool browse_search(struct browse *b, const struct browse_wanted *wanted, bool *ret_found,
                   uint64_t *ret_row, struct err *err)
{
    *ret_found = false;
    *ret_row = 0;
    if (read_wanted(b, wanted, err) &&
        (wanted->back ? search_up_all(b, wanted->from, ret_found, ret_row, err)
                      : search_down_all(b, wanted->from, ret_found, ret_row, err)))
        return true;
    browse_forget_search(b); /* the next one begins anew */
    return false;
}

/* --- a key --- */

struct hit {
    bool found;
    uint64_t row;
};

static bool take_hit(const struct find_hit *hit, void *state, struct err *err)
{
    struct hit *first = state;

    (void)err;
    if (!first->found || hit->row < first->row)
        *first = (struct hit){true, hit->row};
    return true;
}

bool browse_find(struct browse *b, const char *value, bool *ret_found, uint64_t *ret_row,
                 struct err *err)
{
    struct find_params params = {.config = b->config, .value = value, .stop = b->stop};
    struct find_report report;
    struct hit hit = {0};

    for (size_t i = 0; !hit.found && i < b->part_count; i++) {
        params.archive = b->parts[i].key;
        if (!find_run(&params, take_hit, &hit, &report, err))
            return false;
        b->spent.requests += report.requests;
        b->spent.bytes_received += report.bytes_received;
        if (!hit.found && report.failed > 0) {
            *err = report.err;
            return false;
        }
        *ret_row = b->firsts[i] + hit.row;
    }
    *ret_found = hit.found;
    return true;
}
