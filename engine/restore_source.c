/* SPDX-License-Identifier: PostgreSQL */
#include "restore_source.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/text.h"
#include "catalog/key.h"

/* --- which rows --- */

static void add_column(struct buf *where, const char *name)
{
    buf_addc(where, '"');
    for (; *name; name++) {
        if (*name == '"')
            buf_addc(where, '"');
        buf_addc(where, *name);
    }
    buf_addc(where, '"');
}

/* A moment as the server's zone tables have it: timestamps without zone are read in the table's. */
static bool in_zone(struct conn *conn, const char *zone, const char *utc, struct buf *ret,
                    struct err *err)
{
    bool found;

    return conn_value(conn, "SELECT ($1::timestamptz AT TIME ZONE $2)::text", 2,
                      (const char *const[]){utc, zone}, ret, &found, err);
}

static void add_epoch(struct buf *where, int64_t us, const struct config_table *table)
{
    int64_t unit = table && table->settings.epoch_unit == EPOCH_US   ? 1
                   : table && table->settings.epoch_unit == EPOCH_MS ? 1000
                                                                     : 1000000;

    buf_addf(where, "%" PRId64, us / unit + (us % unit > 0));
}

/* The moment as a literal of the column's type. A date is a whole day: the first day that begins at
 * the moment or after it. */
static bool add_moment(struct conn *conn, const struct source *source, const struct type *type,
                       const char *text, struct buf *where, struct err *err)
{
    const char *zone = source->table ? source->table->settings.timezone : NULL;
    struct buf utc = BUF_INIT, local = BUF_INIT;
    int64_t us;
    bool ok = true;

    if (!text_to_time(text, strlen(text), &us)) {
        err_set(err, ERR_USAGE, "%s is not a date or timestamp", text);
        return err_hint(err, "write 2026-01-31 or 2026-01-31T12:00:00Z");
    }
    if (type->kind == TYPE_INT) {
        add_epoch(where, us, source->table);
        return true;
    }
    if (type->kind == TYPE_DATE && us % TEXT_US_PER_DAY != 0)
        us += TEXT_US_PER_DAY - (us % TEXT_US_PER_DAY + TEXT_US_PER_DAY) % TEXT_US_PER_DAY;
    text_add_time(&utc, us);
    if (type->kind == TYPE_TIMESTAMP && zone && strcmp(zone, "UTC") != 0)
        ok = in_zone(conn, zone, buf_str(&utc), &local, err);
    else if (type->kind == TYPE_TIMESTAMPTZ)
        buf_adds(&local, buf_str(&utc));
    else
        buf_addf(&local, "%.*s", type->kind == TYPE_DATE ? 10 : (int)strcspn(utc.data, "+"),
                 buf_str(&utc));
    buf_addf(where, "'%s'", buf_str(&local));
    buf_done(&utc);
    buf_done(&local);
    return ok;
}

static const char *timestamp_column(const struct restore_source *s)
{
    if (s->metadata->timestamp_column)
        return s->metadata->timestamp_column;
    return s->source->table ? s->source->table->timestamp_column : NULL;
}

static bool add_dates(struct restore_source *s, struct conn *conn, const struct restore_params *r,
                      struct err *err)
{
    const char *name = timestamp_column(s);
    size_t column = name ? shape_find(s->metadata->shape, name) : SIZE_MAX;

    if (column == SIZE_MAX) {
        err_set(err, ERR_PREFLIGHT, "which column the dates are about is not known");
        err_in(err, "%s", s->source->key);
        return err_hint(err, "use --where with the column's name");
    }
    const struct type *type = s->metadata->shape->columns[column].type;
    const struct {
        const char *date, *sign;
    } limits[] = {{r->start_date, " >= "}, {r->end_date, " < "}};
    for (size_t i = 0; i < 2; i++) {
        if (!limits[i].date)
            continue;
        buf_adds(&s->where, s->where.len > 0 ? " AND " : "");
        add_column(&s->where, name);
        buf_adds(&s->where, limits[i].sign);
        if (!add_moment(conn, s->source, type, limits[i].date, &s->where, err))
            return false;
    }
    return true;
}

static bool make_where(struct restore_source *s, struct conn *conn, const struct restore_params *r,
                       struct err *err)
{
    if ((r->start_date || r->end_date) && !add_dates(s, conn, r, err))
        return false;
    if (r->where)
        buf_addf(&s->where, s->where.len > 0 ? " AND (%s)" : "%s", r->where);
    return true;
}

/* --- which columns --- */

static size_t projected(const struct mapping *m, size_t i)
{
    return m->direct ? m->columns[i].archive : m->staged[i].archive;
}

/* What a COPY of this mapping takes; nothing said where that is the whole line. */
static void make_projection(struct restore_source *s)
{
    const struct mapping *m = s->mapping;
    size_t count = m->direct ? m->column_count : m->staged_count;
    bool same = count == s->metadata->shape->column_count;

    for (size_t i = 0; i < count; i++) {
        size_t column = projected(m, i);
        buf_add(&s->project, &column, sizeof(column));
        same = same && column == i;
    }
    if (same)
        buf_reset(&s->project);
}

static bool make_mapping(struct restore_source *s, const struct restore_params *r,
                         const struct shape *target, struct err *err)
{
    struct mapping_params params = {.archive = s->metadata->shape,
                                    .target = target,
                                    .mode = (enum mapping_mode)r->schema_mode,
                                    .rules_file = r->mapping_file,
                                    .only_columns = r->columns,
                                    .only_count = r->column_count};

    s->mapping = mapping_new(&params, err);
    if (!s->mapping)
        return err_in(err, "%s", s->source->key);
    make_projection(s);
    return true;
}

/* --- the metadata --- */

static bool read_metadata(struct restore_source *s, const struct restore_table_params *params,
                          struct err *err)
{
    struct buf key = BUF_INIT;

    key_sibling(s->source->key, KEY_METADATA, NULL, &key);
    s->metadata = metadata_get(params->store, buf_str(&key), err);
    bool ok = s->metadata &&
              earlier_schemas_fill(params->schemas, buf_str(&key), s->metadata, err) &&
              keyring_open(params->keyring, params->store, buf_str(&key), s->metadata, err);
    buf_done(&key);
    return ok;
}

/* An archive that says nothing of its schema is taken for what the target is. */
static bool need_shape(struct restore_source *s, const struct introspect_table *info,
                       struct err *err)
{
    struct buf json = BUF_INIT;
    struct json_out j = json_out(&json, 0);
    struct json_object *schema;

    if (s->metadata->shape)
        return true;
    if (!info) {
        err_set(err, ERR_PREFLIGHT, "the archive does not say what its columns are");
        err_in(err, "%s", s->source->key);
        return err_hint(err, "make the table first, then restore into it");
    }
    shape_write(info->shape, &j);
    schema = json_parse(json.data, json.len, "the target's schema", err);
    if (schema)
        s->metadata->shape = shape_read(schema, err);
    if (s->metadata->shape)
        s->metadata->shape->earlier = earlier_wrote(s->metadata);
    json_object_put(schema);
    buf_done(&json);
    return s->metadata->shape != NULL;
}

bool restore_source_open(const struct restore_table_params *params, const struct source *source,
                         struct conn *conn, const struct introspect_table *info,
                         struct restore_source *ret, struct err *err)
{
    const struct restore_params *r = params->restore;
    bool ok;

    *ret = (struct restore_source){.source = source};
    ok = read_metadata(ret, params, err) && need_shape(ret, info, err);
    if (ok && info)
        ok = make_where(ret, conn, r, err) && make_mapping(ret, r, info->shape, err);
    ret->whole = ret->where.len == 0 && r->limit == 0;
    if (!ok)
        restore_source_done(ret);
    return ok;
}

void restore_source_done(struct restore_source *s)
{
    mapping_free(s->mapping);
    metadata_free(s->metadata);
    buf_done(&s->where);
    buf_done(&s->project);
    *s = (struct restore_source){0};
}

struct rows_params restore_source_rows(const struct restore_table_params *params,
                                       const struct restore_source *s, bool project)
{
    bool cut = project && s->project.len > 0;

    return (struct rows_params){.store = params->store,
                                .pool = params->pool,
                                .stop = params->restore->stop,
                                .metadata = s->metadata,
                                .data_key = s->source->key,
                                .where = s->where.len > 0 ? buf_str(&s->where) : NULL,
                                .project =
                                    cut ? (const size_t *)(const void *)s->project.data : NULL,
                                .project_count = cut ? s->project.len / sizeof(size_t) : 0,
                                .skip_damaged = params->restore->skip_damaged};
}
