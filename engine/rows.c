/* SPDX-License-Identifier: PostgreSQL */
#include "rows.h"

#include <assert.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/fault.h"
#include "base/text.h"
#include "member/open.h"
#include "member/unpack.h"
#include "row/decode.h"
#include "row/filter.h"

#define FETCH_BYTES (8u << 20) /* of neighbouring members in one request */
#define CHUNK_BYTES (1u << 20) /* of lines, where there are no members */

/* What one thread of the pool works with; kept for the next item. */
struct tool {
    struct opener *opener;
    struct decoder *decoder;
    struct filter *filter;
    struct buf line, fields;
};

struct item {
    struct rows_chunk chunk;
    struct buf sealed, lines, copy, kept;
    bool opened; /* lines are there already */
};

struct rows {
    struct rows_params params;
    bool *wanted; /* one a member */
    struct lane *lane;
    pthread_t fetcher;
    bool fetcher_runs;
    struct item *current;
    pthread_mutex_t lock; /* guards the two free lists */
    struct tool **tools;
    size_t tool_count, tool_cap;
    struct item **spare;
    size_t spare_count, spare_cap;
};

/* --- things that are used again --- */

static void tool_free(struct tool *tool)
{
    if (!tool)
        return;
    opener_free(tool->opener);
    decoder_free(tool->decoder);
    filter_free(tool->filter);
    buf_done(&tool->line);
    buf_done(&tool->fields);
    free(tool);
}

static struct tool *tool_new(const struct rows_params *p, struct err *err)
{
    struct tool *tool = mem_alloc(sizeof(*tool));

    tool->opener = opener_new(p->metadata->cipher, err);
    if (tool->opener)
        tool->decoder = decoder_new(p->metadata->shape, err);
    bool ok = tool->decoder != NULL;
    if (ok && p->where) {
        tool->filter = filter_new(p->where, p->metadata->shape, err);
        ok = tool->filter != NULL;
    }
    if (ok)
        return tool;
    tool_free(tool);
    return NULL;
}

static struct tool *tool_borrow(struct rows *r, struct err *err)
{
    struct tool *tool = NULL;

    pthread_mutex_lock(&r->lock);
    if (r->tool_count > 0)
        tool = r->tools[--r->tool_count];
    pthread_mutex_unlock(&r->lock);
    return tool ? tool : tool_new(&r->params, err);
}

static void tool_return(struct rows *r, struct tool *tool)
{
    pthread_mutex_lock(&r->lock);
    if (r->tool_count == r->tool_cap) {
        r->tool_cap = r->tool_cap ? r->tool_cap * 2 : 8;
        r->tools = mem_grow(r->tools, r->tool_cap * sizeof(struct tool *));
    }
    r->tools[r->tool_count++] = tool;
    pthread_mutex_unlock(&r->lock);
}

static void item_free(struct item *item)
{
    if (!item)
        return;
    buf_done(&item->sealed);
    buf_done(&item->lines);
    buf_done(&item->copy);
    buf_done(&item->kept);
    free(item);
}

static struct item *item_borrow(struct rows *r)
{
    struct item *item = NULL;

    pthread_mutex_lock(&r->lock);
    if (r->spare_count > 0)
        item = r->spare[--r->spare_count];
    pthread_mutex_unlock(&r->lock);
    return item ? item : mem_alloc(sizeof(*item));
}

static void item_return(struct rows *r, struct item *item)
{
    if (!item)
        return;
    /* One huge row must not keep its memory. */
    buf_trim(&item->sealed, CHUNK_BYTES * 3);
    buf_trim(&item->lines, CHUNK_BYTES * 3);
    buf_trim(&item->copy, CHUNK_BYTES * 3);
    buf_reset(&item->sealed);
    buf_reset(&item->lines);
    buf_reset(&item->copy);
    buf_reset(&item->kept);
    item->chunk = (struct rows_chunk){0};
    item->opened = false;
    pthread_mutex_lock(&r->lock);
    if (r->spare_count == r->spare_cap) {
        r->spare_cap = r->spare_cap ? r->spare_cap * 2 : 16;
        r->spare = mem_grow(r->spare, r->spare_cap * sizeof(struct item *));
    }
    r->spare[r->spare_count++] = item;
    pthread_mutex_unlock(&r->lock);
}

/* --- the pool's part: open, check, decode, filter --- */

/* Takes the wanted fields of the line behind `start` and puts them in its place. */
static bool project_line(const struct rows *r, struct tool *tool, struct buf *copy, size_t start,
                         struct err *err)
{
    const struct rows_params *p = &r->params;
    const char *starts[1 + 1600];
    size_t count = p->metadata->shape->column_count, found = 0;

    buf_reset(&tool->line);
    if (count > 1600 || !buf_reserve(&tool->line, copy->len - start, err))
        return count <= 1600 ? false : err_set(err, ERR_DATA, "more columns than a table can have");
    buf_add(&tool->line, copy->data + start, copy->len - start - 1);
    starts[found++] = tool->line.data;
    for (const char *tab = tool->line.data;
         (tab = memchr(tab, '\t', tool->line.len - (size_t)(tab - tool->line.data))); tab++)
        starts[found++] = tab + 1;
    assert(found == count);
    starts[found] = tool->line.data + tool->line.len + 1;
    copy->len = start;
    for (size_t i = 0; i < p->project_count; i++) {
        size_t column = p->project[i];
        if (i > 0)
            buf_addc(copy, '\t');
        buf_add(copy, starts[column], (size_t)(starts[column + 1] - starts[column] - 1));
    }
    buf_addc(copy, '\n');
    return true;
}

static bool decode_line(struct rows *r, struct tool *tool, struct item *item, const char *line,
                        size_t len, struct err *err)
{
    struct rows_chunk *c = &item->chunk;
    size_t start = item->copy.len;
    bool match = true;

    if (!decode_row(tool->decoder, line, len, &item->copy, err))
        return false;
    if (tool->filter &&
        !filter_row(tool->filter, item->copy.data + start, item->copy.len - start, &match, err))
        return false;
    if (!match) {
        item->copy.len = start;
        return true;
    }
    if (r->params.project && !project_line(r, tool, &item->copy, start, err))
        return false;
    if (tool->filter) {
        uint32_t at = (uint32_t)c->read;
        buf_add(&item->kept, &at, sizeof(at));
    }
    c->kept++;
    return true;
}

static bool decode_lines(struct rows *r, struct tool *tool, struct item *item, struct err *err)
{
    struct rows_chunk *c = &item->chunk;
    const char *at = buf_str(&item->lines), *end = at + item->lines.len;
    uint64_t skip = r->params.from_row > c->first_row ? r->params.from_row - c->first_row : 0;

    decoder_at_row(tool->decoder, c->first_row + skip + 1);
    while (at < end) {
        const char *eol = memchr(at, '\n', (size_t)(end - at));
        size_t len = eol ? (size_t)(eol - at) : (size_t)(end - at);
        if (c->read >= skip && !decode_line(r, tool, item, at, len, err))
            return err_in(err, "row %" PRIu64, c->first_row + c->read + 1);
        c->read++;
        at += len + 1;
    }
    /* What is said is what was passed on: rows of an earlier piece were not read for anything. */
    if (skip > 0 && !tool->filter) {
        c->first_row += skip < c->read ? skip : c->read;
        c->read -= skip < c->read ? skip : c->read;
    }
    return true;
}

static bool open_item(struct rows *r, struct tool *tool, struct item *item, struct err *err)
{
    const struct member_index *m = item->chunk.index;

    if (!item->opened &&
        !open_member(tool->opener, item->sealed.data, item->sealed.len, m, &item->lines, err))
        return err_in(err, "member at offset %" PRIu64, m->offset);
    if (!decode_lines(r, tool, item, err))
        return false;
    uint64_t rows = item->chunk.read + (m ? item->chunk.first_row - m->first_row : 0);
    if (!m || rows == m->rows)
        return true;
    err_set(err, ERR_DATA, "a member holds another number of rows than its index says");
    err_in(err, "member at offset %" PRIu64, m->offset);
    return err_why(err, "%" PRIu64 " instead of %" PRIu64, rows, m->rows);
}

static void damage(struct item *item, const struct err *err)
{
    const struct member_index *m = item->chunk.index;

    buf_reset(&item->copy);
    buf_reset(&item->kept);
    item->chunk.damaged = true;
    item->chunk.err = *err;
    item->chunk.read = item->chunk.kept = 0;
    if (m)
        item->chunk.first_row = m->first_row;
}

static bool open_work(void *arg, void *state, struct err *err)
{
    struct rows *r = state;
    struct item *item = arg;
    struct tool *tool;

    if (item->chunk.damaged)
        return true;
    tool = tool_borrow(r, err);
    if (!tool)
        return false;
    bool ok = open_item(r, tool, item, err);
    tool_return(r, tool);
    if (ok)
        return true;
    err_in(err, "%s", r->params.data_key);
    if (err->kind != ERR_DATA || !r->params.skip_damaged || !item->chunk.index)
        return false;
    damage(item, err);
    return true;
}

static void open_drop(void *item, void *state)
{
    item_return(state, item);
}

/* --- the fetcher's part: members --- */

static bool put_member(struct rows *r, size_t member, const char *bytes, struct err *err)
{
    const struct member_index *m = &r->params.metadata->members[member];
    struct item *item = item_borrow(r);
    bool ok = buf_reserve(&item->sealed, m->length, err);

    item->chunk.index = m;
    item->chunk.first_row = m->first_row;
    if (ok)
        buf_add(&item->sealed, bytes, m->length);
    ok = ok && lane_put(r->lane, item, err);
    if (!ok)
        item_return(r, item);
    return ok;
}

static bool put_damaged(struct rows *r, size_t member, const struct err *why, struct err *err)
{
    struct item *item = item_borrow(r);

    item->chunk.index = &r->params.metadata->members[member];
    damage(item, why);
    bool ok = lane_put(r->lane, item, err);
    if (!ok)
        item_return(r, item);
    return ok;
}

static bool fetch_range(struct rows *r, size_t first, size_t end, struct buf *bytes,
                        struct err *err)
{
    const struct member_index *m = r->params.metadata->members;
    uint64_t offset = m[first].offset, length = m[end - 1].offset + m[end - 1].length - offset;

    buf_reset(bytes);
    if (!fault_point("restore.fetch", err) ||
        !store_get(r->params.store, r->params.data_key, offset, length, bytes, err))
        return err_in(err, "bytes %" PRIu64 " to %" PRIu64, offset, offset + length);
    return true;
}

/* An object that is cut short may still hold the members before. */
static bool fetch_one_by_one(struct rows *r, size_t first, size_t end, struct buf *bytes,
                             struct err *err)
{
    for (size_t i = first; i < end; i++) {
        struct err why;
        if (fetch_range(r, i, i + 1, bytes, &why)) {
            if (!put_member(r, i, bytes->data, err))
                return false;
            continue;
        }
        if (why.kind != ERR_DATA && why.kind != ERR_NOT_FOUND) {
            *err = why;
            return false;
        }
        if (!put_damaged(r, i, &why, err))
            return false;
    }
    return true;
}

static bool fetch_members(struct rows *r, size_t first, size_t end, struct buf *bytes,
                          struct err *err)
{
    const struct member_index *m = r->params.metadata->members;

    if (!fetch_range(r, first, end, bytes, err)) {
        bool damaged = err->kind == ERR_DATA || err->kind == ERR_NOT_FOUND;
        return damaged && r->params.skip_damaged && fetch_one_by_one(r, first, end, bytes, err);
    }
    for (size_t i = first; i < end; i++) {
        if (!put_member(r, i, bytes->data + (m[i].offset - m[first].offset), err))
            return false;
    }
    return true;
}

/* Neighbours that are wanted, as many as one request may bring. */
static size_t run_end(const struct rows *r, size_t first)
{
    const struct metadata *m = r->params.metadata;
    uint64_t bytes = 0;
    size_t end = first;

    while (end < m->member_count && r->wanted[end] &&
           (end == first || bytes + m->members[end].length <= FETCH_BYTES))
        bytes += m->members[end++].length;
    return end;
}

static bool fetch_all(struct rows *r, struct err *err)
{
    struct buf bytes = BUF_INIT;
    bool ok = true;

    for (size_t i = 0, end; ok && i < r->params.metadata->member_count; i = end) {
        end = run_end(r, i);
        if (end == i)
            end++;
        else
            ok = fetch_members(r, i, end, &bytes, err);
        if (ok && stop_asked(r->params.stop))
            ok = err_set(err, ERR_INTERRUPTED, "the operator stopped the restore");
    }
    buf_done(&bytes);
    return ok;
}

/* --- the fetcher's part: an object without members --- */

struct lines {
    struct rows *rows;
    struct text_digest *digest;
    struct item *item; /* being filled */
    uint64_t row;      /* rows in the items before */
};

static uint64_t count_lines(const struct buf *lines)
{
    uint64_t count = 0;

    for (const char *at = buf_str(lines), *end = at + lines->len; at < end; count++) {
        const char *eol = memchr(at, '\n', (size_t)(end - at));
        at = eol ? eol + 1 : end;
    }
    return count;
}

static bool put_lines(struct lines *l, size_t len, struct err *err)
{
    struct item *full = l->item;
    struct item *next = item_borrow(l->rows);

    buf_add(&next->lines, buf_str(&full->lines) + len, full->lines.len - len);
    full->lines.len = len;
    full->opened = true;
    full->chunk.first_row = l->row;
    l->row += count_lines(&full->lines);
    l->item = next;
    if (lane_put(l->rows->lane, full, err))
        return true;
    item_return(l->rows, full);
    return false;
}

static bool take_lines(const char *bytes, size_t len, void *state, struct err *err)
{
    struct lines *l = state;
    struct buf *lines = &l->item->lines;

    text_digest_add(l->digest, bytes, len);
    if (!buf_reserve(lines, len, err))
        return false;
    buf_add(lines, bytes, len);
    if (lines->len < CHUNK_BYTES)
        return true;
    const char *last = memrchr(lines->data, '\n', lines->len);
    return !last || put_lines(l, (size_t)(last - lines->data) + 1, err);
}

static bool stream_object(struct rows *r, struct unpack *stream, struct err *err)
{
    uint64_t size = r->params.metadata->object_bytes;
    struct buf bytes = BUF_INIT;
    bool ok = true;

    for (uint64_t at = 0; ok && at < size; at += FETCH_BYTES) {
        uint64_t part = size - at < FETCH_BYTES ? size - at : FETCH_BYTES;
        buf_reset(&bytes);
        ok = store_get(r->params.store, r->params.data_key, at, part, &bytes, err) &&
             unpack_add(stream, bytes.data, bytes.len, err);
        if (ok && stop_asked(r->params.stop))
            ok = err_set(err, ERR_INTERRUPTED, "the operator stopped the restore");
    }
    buf_done(&bytes);
    return ok && unpack_end(stream, err);
}

/* The rest of the lines, kept back until all of them are known to be what was archived. */
static bool end_lines(struct lines *l, struct err *err)
{
    const struct metadata *m = l->rows->params.metadata;
    uint64_t rows = l->row + count_lines(&l->item->lines);
    uint8_t digest[32];

    text_digest_end(l->digest, digest);
    if (memcmp(digest, m->lines_sha256, sizeof(digest)) != 0)
        return err_set(err, ERR_DATA, "the lines' SHA-256 is not the one in the metadata");
    if (rows != m->record_count) {
        err_set(err, ERR_DATA, "the archive holds another number of rows than its metadata says");
        return err_why(err, "%" PRIu64 " instead of %" PRIu64, rows, m->record_count);
    }
    return l->item->lines.len == 0 || put_lines(l, l->item->lines.len, err);
}

static bool fetch_lines(struct rows *r, struct err *err)
{
    struct lines l = {.rows = r, .digest = text_digest_new(), .item = item_borrow(r)};
    struct unpack *stream = unpack_new(r->params.metadata->packing, take_lines, &l, err);
    bool ok = stream && stream_object(r, stream, err) && end_lines(&l, err);

    unpack_free(stream);
    text_digest_free(l.digest);
    item_return(r, l.item);
    return ok || err_in(err, "%s", r->params.data_key);
}

static void *fetch_main(void *arg)
{
    struct rows *r = arg;
    struct err err;

    pthread_setname_np(pthread_self(), "fetch");
    bool ok = r->params.metadata->member_count > 0 ? fetch_all(r, &err) : fetch_lines(r, &err);
    if (ok)
        lane_end(r->lane);
    else
        lane_cancel(r->lane, &err);
    return NULL;
}

/* --- which members --- */

static bool want_members(const struct rows_params *p, bool *wanted, struct err *err)
{
    const struct metadata *m = p->metadata;
    struct filter *filter = p->where ? filter_new(p->where, m->shape, err) : NULL;

    if (p->where && !filter)
        return false;
    for (size_t i = 0; i < m->member_count; i++) {
        const struct member_index *member = &m->members[i];
        struct filter_bounds bounds = {.min_us = member->min_us,
                                       .max_us = member->max_us,
                                       .min_key = member->min_key,
                                       .max_key = member->max_key};
        wanted[i] = member->first_row + member->rows > p->from_row &&
                    (!filter || filter_may_match(filter, &bounds));
    }
    filter_free(filter);
    return true;
}

bool rows_plan(const struct rows_params *params, uint64_t *ret_bytes, uint64_t *ret_rows,
               struct err *err)
{
    const struct metadata *m = params->metadata;
    bool *wanted = mem_alloc(m->member_count + 1);
    bool ok = want_members(params, wanted, err);

    *ret_bytes = m->member_count > 0 ? 0 : m->object_bytes;
    *ret_rows = m->member_count > 0 ? 0 : m->record_count;
    for (size_t i = 0; ok && i < m->member_count; i++) {
        *ret_bytes += wanted[i] ? m->members[i].length : 0;
        *ret_rows += wanted[i] ? m->members[i].rows : 0;
    }
    free(wanted);
    return ok;
}

/* --- the handle --- */

struct rows *rows_open(const struct rows_params *params, struct err *err)
{
    struct rows *r = mem_alloc(sizeof(*r));
    struct lane_params lane = {.pool = params->pool,
                               .depth = pool_threads(params->pool) * 2 + 2,
                               .work = open_work,
                               .drop = open_drop,
                               .state = r};

    r->params = *params;
    pthread_mutex_init(&r->lock, NULL);
    r->wanted = mem_alloc(params->metadata->member_count + 1);
    if (!want_members(params, r->wanted, err)) {
        rows_close(r);
        return NULL;
    }
    r->lane = lane_new(&lane);
    int rc = pthread_create(&r->fetcher, NULL, fetch_main, r);
    r->fetcher_runs = rc == 0;
    if (rc == 0)
        return r;
    err_sys(err, ERR_RESOURCE, rc, "cannot start the fetching thread");
    rows_close(r);
    return NULL;
}

void rows_close(struct rows *r)
{
    struct err closed;

    if (!r)
        return;
    if (r->fetcher_runs) {
        err_set(&closed, ERR_INTERRUPTED, "nobody reads on");
        lane_cancel(r->lane, &closed);
        pthread_join(r->fetcher, NULL);
    }
    lane_free(r->lane);
    item_free(r->current);
    for (size_t i = 0; i < r->tool_count; i++)
        tool_free(r->tools[i]);
    for (size_t i = 0; i < r->spare_count; i++)
        item_free(r->spare[i]);
    free(r->tools);
    free(r->spare);
    free(r->wanted);
    pthread_mutex_destroy(&r->lock);
    free(r);
}

bool rows_next(struct rows *r, const struct rows_chunk **ret, struct err *err)
{
    void *taken = NULL;

    *ret = NULL;
    item_return(r, r->current);
    r->current = NULL;
    if (!lane_take(r->lane, &taken, err))
        return false;
    r->current = taken;
    if (!taken)
        return true;
    struct rows_chunk *c = &r->current->chunk;
    c->lines = buf_str(&r->current->copy);
    c->len = r->current->copy.len;
    c->kept_at = r->params.where ? (const uint32_t *)(const void *)r->current->kept.data : NULL;
    *ret = c;
    return true;
}

/* Each thread's decoder counted what it met. */
void rows_losses(struct rows *r, void (*each)(const struct decode_loss *loss, void *state),
                 void *state)
{
    pthread_mutex_lock(&r->lock);
    for (size_t i = 0; i < r->tool_count; i++) {
        size_t count;
        const struct decode_loss *losses = decoder_losses(r->tools[i]->decoder, &count);
        for (size_t l = 0; l < count; l++)
            each(&losses[l], state);
    }
    pthread_mutex_unlock(&r->lock);
}
