/* SPDX-License-Identifier: PostgreSQL */
#include <stdlib.h>

#include "archive_part.h"
#include "base/fault.h"
#include "base/text.h"
#include "catalog/blocks.h"

bool batch_manifest_add(struct batch *b, const struct buf *bytes, struct err *err)
{
    struct buf sealed = BUF_INIT;

    if (!b->cipher)
        return store_put_add(b->manifest, bytes->data, bytes->len, err);
    bool ok = blocks_seal(b->cipher, &b->manifest_block, bytes->data, bytes->len, &sealed, err) &&
              store_put_add(b->manifest, buf_str(&sealed), sealed.len, err);
    buf_done(&sealed);
    return ok;
}

/* What an encrypted object says in the clear: whose it is. */
static bool data_head(struct batch *b, struct err *err)
{
    struct buf head = BUF_INIT;

    if (!b->cipher)
        return true;
    seal_head(buf_str(&b->comment), &head);
    text_digest_add(b->object_digest, head.data, head.len);
    bool ok = store_put_add(b->data, head.data, head.len, err);
    b->object_bytes = b->head_bytes = head.len;
    buf_done(&head);
    return ok;
}

static bool writer_open(struct batch *b, struct err *err)
{
    struct archiver *a = b->archiver;
    struct store_put_params data = {.key = buf_str(&b->data_key),
                                    .content_type = "application/x-ndjson"};
    struct store_put_params manifest = {.key = buf_str(&b->manifest_key),
                                        .content_type = "application/json",
                                        .about = true};
    struct buf head = BUF_INIT;

    if (!fault_point("put.data", err))
        return false;
    b->data = store_put(a->params.store, &data, err);
    if (!b->data)
        return false;
    b->manifest = store_put(a->params.store, &manifest, err);
    if (!b->manifest)
        return false;
    struct manifest_head h = {.database = a->params.database->name,
                              .schema = a->params.table->schema,
                              .table = a->params.table->name,
                              .run_id = a->params.run_id,
                              .batch_id = b->batch_id,
                              .batch_number = b->number,
                              .shape = a->params.info->shape,
                              .deleted_at = buf_str(&b->archived_at)};
    manifest_head(&h, &head);
    bool ok = data_head(b, err) && batch_manifest_add(b, &head, err);
    buf_done(&head);
    return ok;
}

static void writer_remember(struct batch *b, struct member *m)
{
    if (b->member_count == b->member_cap) {
        b->member_cap = b->member_cap ? b->member_cap * 2 : 64;
        b->members = mem_grow(b->members, b->member_cap * sizeof(*b->members));
    }
    b->members[b->member_count] = m->index;
    b->members[b->member_count++].offset = b->object_bytes;
    m->index.min_key = m->index.max_key = NULL; /* the batch's index has them now */
}

static bool writer_add(struct batch *b, struct member *m, struct buf *keys, struct err *err)
{
    int64_t start = text_monotonic_us();
    bool first = !b->data;

    if (first && !writer_open(b, err))
        return false;
    text_digest_add(b->lines_digest, m->lines.data, m->lines.len);
    text_digest_add(b->object_digest, m->sealed.data, m->sealed.len);
    if (!store_put_add(b->data, m->sealed.data, m->sealed.len, err))
        return false;
    buf_reset(keys);
    manifest_keys(keys, &m->keys, first);
    if (!batch_manifest_add(b, keys, err))
        return false;
    writer_remember(b, m);
    b->object_bytes += m->sealed.len;
    b->line_bytes += m->lines.len;
    b->rows_written += m->index.rows;
    b->upload_seconds += batch_seconds_since(start);
    return true;
}

void *batch_writer_main(void *arg)
{
    struct batch *b = arg;
    struct buf keys = BUF_INIT;
    void *item = NULL;

    pthread_setname_np(pthread_self(), "writer");
    while (lane_take(b->lane, &item, &b->writer_err) && item) {
        struct member *m = item;
        bool ok = writer_add(b, m, &keys, &b->writer_err);
        batch_member_return(b->archiver, m);
        if (!ok) {
            lane_cancel(b->lane, &b->writer_err);
            break;
        }
    }
    buf_done(&keys);
    return NULL;
}
