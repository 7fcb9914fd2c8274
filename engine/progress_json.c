/* SPDX-License-Identifier: PostgreSQL
 *
 * One table of fields a struct serves both ways, so that what is written is what is read.
 */
#include "progress_json.h"

#include <stddef.h>

#include "base/text.h"

enum field_type {
    FIELD_TEXT,   /* char[]; "" is null */
    FIELD_COUNT,  /* int64_t; negative is null */
    FIELD_BYTES,  /* uint64_t */
    FIELD_NUMBER, /* double; negative is null */
    FIELD_BOOL,
    FIELD_CODE, /* int; negative is null */
    FIELD_TIME, /* int64_t, microseconds since 1970 */
    FIELD_STATE,
};

struct field {
    const char *name;
    enum field_type type;
    size_t offset, size;
};

#define FIELD(of, field, as)                                                                       \
    {#field, as, offsetof(struct of, field), sizeof(((struct of *)NULL)->field)}

static const struct field run_fields[] = {
    FIELD(progress_snapshot, run_id, FIELD_TEXT),
    FIELD(progress_snapshot, kind, FIELD_TEXT),
    FIELD(progress_snapshot, state, FIELD_TEXT),
    FIELD(progress_snapshot, status, FIELD_TEXT),
    FIELD(progress_snapshot, exit_code, FIELD_CODE),
    FIELD(progress_snapshot, pausable, FIELD_BOOL),
    FIELD(progress_snapshot, pause_asked, FIELD_BOOL),
    FIELD(progress_snapshot, stop_asked, FIELD_BOOL),
    FIELD(progress_snapshot, rows_ceiling, FIELD_NUMBER),
    FIELD(progress_snapshot, mb_ceiling, FIELD_NUMBER),
    {"started_at", FIELD_TIME, offsetof(struct progress_snapshot, started_utc_us), sizeof(int64_t)},
    FIELD(progress_snapshot, seconds, FIELD_NUMBER),
    FIELD(progress_snapshot, rows_done, FIELD_COUNT),
    FIELD(progress_snapshot, rows_total, FIELD_COUNT),
    FIELD(progress_snapshot, batches, FIELD_COUNT),
    FIELD(progress_snapshot, bytes, FIELD_BYTES),
    FIELD(progress_snapshot, rows_per_second, FIELD_NUMBER),
    FIELD(progress_snapshot, seconds_left, FIELD_NUMBER),
};

static const struct field server_fields[] = {
    FIELD(progress_server, database, FIELD_TEXT),
    FIELD(progress_server, answered, FIELD_NUMBER),
    FIELD(progress_server, asked, FIELD_NUMBER),
    FIELD(progress_server, active, FIELD_COUNT),
    FIELD(progress_server, backends, FIELD_COUNT),
    FIELD(progress_server, backends_max, FIELD_COUNT),
    FIELD(progress_server, blocked, FIELD_COUNT),
    FIELD(progress_server, blocked_seconds, FIELD_NUMBER),
    FIELD(progress_server, locks, FIELD_COUNT),
    FIELD(progress_server, transaction_age, FIELD_NUMBER),
    FIELD(progress_server, lag, FIELD_NUMBER),
    FIELD(progress_server, wal_per_second, FIELD_NUMBER),
};

static const struct field table_fields[] = {
    FIELD(progress_table, database, FIELD_TEXT),
    FIELD(progress_table, table, FIELD_TEXT),
    FIELD(progress_table, state, FIELD_STATE),
    FIELD(progress_table, phase, FIELD_TEXT),
    FIELD(progress_table, rows_done, FIELD_COUNT),
    FIELD(progress_table, rows_total, FIELD_COUNT),
    FIELD(progress_table, rows_in_flight, FIELD_COUNT),
    FIELD(progress_table, bytes, FIELD_BYTES),
    FIELD(progress_table, batches, FIELD_COUNT),
    FIELD(progress_table, skipped, FIELD_COUNT),
    FIELD(progress_table, retries, FIELD_COUNT),
    FIELD(progress_table, object, FIELD_TEXT),
    FIELD(progress_table, wait, FIELD_TEXT),
    FIELD(progress_table, why, FIELD_TEXT),
    FIELD(progress_table, waited, FIELD_NUMBER),
    FIELD(progress_table, vacuum_table, FIELD_TEXT),
    FIELD(progress_table, vacuum_phase, FIELD_TEXT),
    FIELD(progress_table, vacuum_share, FIELD_NUMBER),
    FIELD(progress_table, seconds, FIELD_NUMBER),
    FIELD(progress_table, error, FIELD_TEXT),
    FIELD(progress_table, rows_per_second, FIELD_NUMBER),
    FIELD(progress_table, seconds_left, FIELD_NUMBER),
};

#define COUNT(fields) (sizeof(fields) / sizeof((fields)[0]))

/* --- out --- */

static void put_number(struct json_out *j, double value)
{
    if (value < 0)
        json_add_null(j);
    else
        json_add_real(j, value, 3);
}

static void put_field(const struct field *f, const char *at, struct json_out *j)
{
    json_key(j, f->name);
    switch (f->type) {
    case FIELD_TEXT:
        json_add_str(j, *at ? at : NULL);
        break;
    case FIELD_COUNT:
        if (*(const int64_t *)(const void *)at < 0)
            json_add_null(j);
        else
            json_add_int(j, *(const int64_t *)(const void *)at);
        break;
    case FIELD_BYTES:
        json_add_uint(j, *(const uint64_t *)(const void *)at);
        break;
    case FIELD_NUMBER:
        put_number(j, *(const double *)(const void *)at);
        break;
    case FIELD_BOOL:
        json_add_bool(j, *(const bool *)at);
        break;
    case FIELD_CODE:
        if (*(const int *)(const void *)at < 0)
            json_add_null(j);
        else
            json_add_int(j, *(const int *)(const void *)at);
        break;
    case FIELD_TIME: {
        struct buf text = BUF_INIT;
        text_add_time(&text, *(const int64_t *)(const void *)at);
        json_add_str(j, buf_str(&text));
        buf_done(&text);
        break;
    }
    case FIELD_STATE:
        json_add_str(j, progress_state_name(*(const enum progress_state *)(const void *)at));
        break;
    }
}

static void put_fields(const struct field *fields, size_t count, const void *base,
                       struct json_out *j)
{
    for (size_t i = 0; i < count; i++)
        put_field(&fields[i], (const char *)base + fields[i].offset, j);
}

static void put_table(const struct progress_table *t, struct json_out *j)
{
    json_begin_object(j);
    put_fields(table_fields, COUNT(table_fields), t, j);
    json_key(j, "phases");
    json_begin_object(j);
    for (int i = 0; i < PHASE_COUNT; i++)
        json_put_real(j, progress_phase_name((enum progress_phase)i), t->phases[i], 3);
    json_end(j);
    json_end(j);
}

void progress_json_write(const struct progress_snapshot *s, struct json_out *j)
{
    json_begin_object(j);
    put_fields(run_fields, COUNT(run_fields), s, j);
    json_key(j, "server");
    if (s->server.database[0]) {
        json_begin_object(j);
        put_fields(server_fields, COUNT(server_fields), &s->server, j);
        json_end(j);
    } else {
        json_add_null(j);
    }
    json_key(j, "current");
    if (s->current < s->table_count)
        json_add_uint(j, s->current);
    else
        json_add_null(j);
    json_key(j, "tables");
    json_begin_array(j);
    for (size_t i = 0; i < s->table_count; i++)
        put_table(&s->tables[i], j);
    json_end(j);
    json_end(j);
}

/* --- in --- */

static enum progress_state take_state(const char *name)
{
    for (int i = 0; i < TABLE_STATES; i++) {
        if (strcmp(progress_state_name((enum progress_state)i), name) == 0)
            return (enum progress_state)i;
    }
    return TABLE_WAITING;
}

static double take_number(struct json_object *value)
{
    bool number = json_object_is_type(value, json_type_double) ||
                  json_object_is_type(value, json_type_int);

    return number ? json_object_get_double(value) : -1;
}

static void take_field(const struct field *f, struct json_object *o, char *at)
{
    const char *text = json_opt_str(o, f->name, "");

    switch (f->type) {
    case FIELD_TEXT:
        progress_set(at, f->size, text);
        break;
    case FIELD_COUNT:
        *(int64_t *)(void *)at = json_opt_int(o, f->name, -1);
        break;
    case FIELD_BYTES:
        *(uint64_t *)(void *)at = (uint64_t)json_opt_int(o, f->name, 0);
        break;
    case FIELD_NUMBER:
        *(double *)(void *)at = take_number(json_opt(o, f->name));
        break;
    case FIELD_BOOL:
        *(bool *)at = json_opt_bool(o, f->name, false);
        break;
    case FIELD_CODE: {
        int64_t code = json_opt_int(o, f->name, -1);
        *(int *)(void *)at = code >= 0 && code <= 255 ? (int)code : -1;
        break;
    }
    case FIELD_TIME:
        if (!text_to_time(text, strlen(text), (int64_t *)(void *)at))
            *(int64_t *)(void *)at = 0;
        break;
    case FIELD_STATE:
        *(enum progress_state *)(void *)at = take_state(text);
        break;
    }
}

static void take_fields(const struct field *fields, size_t count, struct json_object *o, void *base)
{
    for (size_t i = 0; i < count; i++)
        take_field(&fields[i], o, (char *)base + fields[i].offset);
}

static void take_table(struct json_object *o, struct progress_table *t)
{
    struct json_object *phases = json_opt(o, "phases");

    *t = (struct progress_table){0};
    take_fields(table_fields, COUNT(table_fields), o, t);
    for (int i = 0; i < PHASE_COUNT; i++) {
        double seconds =
            take_number(json_opt(phases, progress_phase_name((enum progress_phase)i)));
        t->phases[i] = seconds > 0 ? seconds : 0;
    }
}

bool progress_json_read(struct json_object *o, struct progress_snapshot *s, struct err *err)
{
    struct json_object *tables = json_opt(o, "tables");
    const char *run_id = json_opt_str(o, "run_id", NULL);

    if (!run_id || !json_object_is_type(tables, json_type_array))
        return err_set(err, ERR_DATA, "this is no snapshot of a run");
    struct progress_table *own = s->tables;
    *s = (struct progress_snapshot){.table_count = json_object_array_length(tables)};
    s->tables = mem_grow(own, (s->table_count + 1) * sizeof(*own));
    take_fields(run_fields, COUNT(run_fields), o, s);
    take_fields(server_fields, COUNT(server_fields), json_opt(o, "server"), &s->server);
    int64_t current = json_opt_int(o, "current", -1);
    s->current = current >= 0 ? (size_t)current : SIZE_MAX;
    for (size_t i = 0; i < s->table_count; i++)
        take_table(json_object_array_get_idx(tables, i), &s->tables[i]);
    return true;
}
