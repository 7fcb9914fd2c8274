/* SPDX-License-Identifier: PostgreSQL
 *
 * Keys are not kept: of each member's keys there is one digest, made once from the rows and once
 * from the manifest, which is read afterwards.
 */
#include "verify_rows.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/text.h"
#include "row/encode.h"

struct verify_rows {
    const struct metadata *metadata;
    struct verify_report *report;
    struct encoder *encoder;
    struct text_digest *digest; /* of the present member's keys */
    uint8_t (*digests)[32];     /* by member */
    size_t member;              /* the present one */
    uint64_t row;               /* how many there were */
    struct buf line, keys;
    bool bad_row, bad_bounds, bad_key;
};

static struct encoder *encoder_for(const struct metadata *m, bool bare, struct err *err)
{
    struct encode_metadata fields = {.archived_at = m->archived_at,
                                     .batch_id = m->batch_id,
                                     .source_database = m->database,
                                     .source_table = m->table};

    return encoder_new(m->shape, bare ? &(struct encode_metadata){0} : &fields, err);
}

struct verify_rows *verify_rows_new(const struct metadata *metadata, struct verify_report *report,
                                    struct err *err)
{
    struct verify_rows *r = mem_alloc(sizeof(*r));

    r->metadata = metadata;
    r->report = report;
    r->digest = text_digest_new();
    r->digests = mem_alloc((metadata->member_count + 1) * sizeof(*r->digests));
    r->encoder = encoder_for(metadata, false, err);
    if (r->encoder)
        return r;
    verify_rows_free(r);
    return NULL;
}

void verify_rows_free(struct verify_rows *rows)
{
    if (!rows)
        return;
    encoder_free(rows->encoder);
    text_digest_free(rows->digest);
    free(rows->digests);
    buf_done(&rows->line);
    buf_done(&rows->keys);
    free(rows);
}

/* --- rows --- */

static bool encode_again(struct verify_rows *r, const char *line, size_t len,
                         const struct buf *copy_line, struct err *err)
{
    buf_reset(&r->line);
    buf_reset(&r->keys);
    if (!encode_row(r->encoder, copy_line->data, copy_line->len, &r->line, &r->keys, err))
        return false;
    if (r->line.len == len + 1 && memcmp(r->line.data, line, len) == 0)
        return true;
    return err_set(err, ERR_DATA, "decoded and encoded again it is another line");
}

/* Whether rows carry _archived_at and so on is not in the metadata: the first row tells. */
static bool try_bare(struct verify_rows *r, const char *line, size_t len,
                     const struct buf *copy_line, struct err *err)
{
    struct encoder *bare = encoder_for(r->metadata, true, err);

    if (!bare)
        return false;
    encoder_free(r->encoder);
    r->encoder = bare;
    return encode_again(r, line, len, copy_line, err);
}

static bool same_key(const char *a, const char *b)
{
    return !a || (*b && strcmp(a, b) == 0);
}

static void end_member(struct verify_rows *r)
{
    const struct member_index *m = &r->metadata->members[r->member];
    const struct encode_bounds *bounds = encode_bounds(r->encoder);
    bool same_time = m->min_us == bounds->min_us && m->max_us == bounds->max_us;
    bool same_keys = same_key(m->min_key, buf_str(&bounds->min_key)) &&
                     same_key(m->max_key, buf_str(&bounds->max_key));

    if (!(same_time && same_keys) && !r->bad_bounds && !r->bad_row) {
        r->bad_bounds = true;
        verify_report_problem(r->report, r->metadata->data_key, "bad_bounds",
                              "member %zu: its rows have other %s bounds than its index says",
                              r->member, same_time ? "key" : "timestamp");
    }
    encode_bounds_reset(r->encoder);
    text_digest_end(r->digest, r->digests[r->member]);
    r->member++;
}

void verify_rows_line(struct verify_rows *r, const char *line, size_t len,
                      const struct buf *copy_line)
{
    const struct metadata *m = r->metadata;
    struct err err;
    bool ok = encode_again(r, line, len, copy_line, &err);

    if (!ok && r->row == 0)
        ok = try_bare(r, line, len, copy_line, &err);
    if (!ok && !r->bad_row) {
        r->bad_row = true;
        err_in(&err, "row %" PRIu64, r->row);
        verify_report_problem_err(r->report, m->data_key, "bad_row", &err);
    }
    text_digest_add(r->digest, buf_str(&r->keys), r->keys.len);
    text_digest_add(r->digest, "\n", 1);
    r->row++;
    if (r->member < m->member_count &&
        r->row == m->members[r->member].first_row + m->members[r->member].rows)
        end_member(r);
}

/* --- the manifest --- */

struct manifest_check {
    struct verify_rows *rows;
    size_t member;
    uint64_t row;
};

static bool check_key(const char *key_json, size_t len, void *state, struct err *err)
{
    struct manifest_check *c = state;
    struct verify_rows *r = c->rows;
    const struct metadata *m = r->metadata;
    uint8_t digest[32];

    (void)err;
    text_digest_add(r->digest, key_json, len);
    text_digest_add(r->digest, "\n", 1);
    c->row++;
    if (c->member >= r->member ||
        c->row != m->members[c->member].first_row + m->members[c->member].rows)
        return true;
    text_digest_end(r->digest, digest);
    if (memcmp(digest, r->digests[c->member], 32) != 0 && !r->bad_key) {
        r->bad_key = true;
        verify_report_problem(r->report, m->data_key, "bad_key",
                              "member %zu (rows %" PRIu64 " to %" PRIu64
                              "): its keys are not those of the manifest in their order",
                              c->member, m->members[c->member].first_row, c->row - 1);
    }
    c->member++;
    return true;
}

bool verify_rows_manifest(struct verify_rows *rows, struct store *store, const char *manifest_key)
{
    struct manifest_source manifest = {.store = store,
                                       .key = manifest_key,
                                       .cipher = rows->metadata->cipher};
    struct manifest_check check = {.rows = rows};
    uint8_t rest[32];
    struct err err;

    text_digest_end(rows->digest, rest); /* nothing is left over, but for rows too many */
    if (rows->metadata->shape->key_count > 0 && manifest_key &&
        !manifest_read(&manifest, check_key, &check, &err) && !rows->bad_key) {
        rows->bad_key = true;
        verify_report_problem_err(rows->report, manifest_key, "bad_key", &err);
    }
    return !rows->bad_row && !rows->bad_bounds && !rows->bad_key;
}
