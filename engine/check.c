/* SPDX-License-Identifier: PostgreSQL */
#include "check.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/text.h"
#include "config/secret.h"
#include "keyring.h"
#include "postgres/introspect.h"
#include "postgres/lock.h"
#include "postgres/plan.h"
#include "postgres/way.h"
#include "store/policy.h"
#include "store/store.h"
#include "targets.h"

/* Clocks further apart than this deserve a word; plan refuses at a day. */
#define SKEW_WARN_US INT64_C(60000000)
/* 1990-01-01: older rows than the oldest of these databases. */
#define EARLY_US (INT64_C(7305) * TEXT_US_PER_DAY)

/* --- items --- */

static struct check_item *add_item(struct check_report *report, enum check_verdict verdict,
                                   const char *subject, const char *name)
{
    if ((report->count & (report->count + 1)) == 0) /* full at 0, 1, 3, 7, ... */
        report->items = mem_grow(report->items, (report->count * 2 + 2) * sizeof(*report->items));
    struct check_item *item = &report->items[report->count++];
    *item = (struct check_item){.verdict = verdict};
    snprintf(item->subject, sizeof(item->subject), "%s", subject);
    snprintf(item->name, sizeof(item->name), "%s", name);
    report->passed += verdict == CHECK_PASS;
    report->warned += verdict == CHECK_WARN;
    report->failed += verdict == CHECK_FAIL;
    return item;
}

ERR_PRINTF(5, 6)
static struct check_item *say(struct check_report *report, enum check_verdict verdict,
                              const char *subject, const char *name, const char *detail, ...)
{
    struct check_item *item = add_item(report, verdict, subject, name);
    va_list args;

    va_start(args, detail);
    vsnprintf(item->detail, sizeof(item->detail), detail, args);
    va_end(args);
    if (verdict == CHECK_FAIL)
        item->kind = ERR_PREFLIGHT;
    return item;
}

static void fail_with(struct check_report *report, const char *subject, const char *name,
                      const struct err *err)
{
    struct check_item *item = add_item(report, CHECK_FAIL, subject, name);
    struct err shown = *err;

    item->kind = err->kind;
    snprintf(item->hint, sizeof(item->hint), "%s", err->hint);
    shown.hint[0] = '\0';
    err_line(&shown, item->detail, sizeof(item->detail));
}

/* --- the store --- */

struct listing {
    const char *key;
    bool found;
};

static bool find_probe(const struct store_object *object, void *state, struct err *err)
{
    struct listing *listing = state;

    (void)err;
    listing->found = listing->found || strcmp(object->key, listing->key) == 0;
    return true;
}

/* Does what a run does: puts, reads, lists, removes. The steps taken stand in *ret_step. */
static bool probe(struct store *store, const char *key, const char **ret_step, struct err *err)
{
    static const char content[] = "archiver-tui probes this store\n";
    struct store_put_params put = {.key = key, .content_type = "text/plain", .small = true};
    struct buf read = BUF_INIT;
    struct listing listing = {.key = key};
    bool ok = false;

    *ret_step = "write";
    if (!store_put_bytes(store, &put, content, sizeof(content) - 1, err))
        goto out;
    *ret_step = "no overwriting";
    if (store_put_bytes(store, &put, content, sizeof(content) - 1, err)) {
        err_set(err, ERR_STORE, "the store overwrote an object that was there");
        goto out;
    }
    if (err->kind != ERR_EXISTS)
        goto out;
    *ret_step = "read";
    if (!store_get(store, key, 0, UINT64_MAX, &read, err))
        goto out;
    if (read.len != sizeof(content) - 1 || memcmp(read.data, content, read.len) != 0) {
        err_set(err, ERR_DATA, "the store gave other bytes than it was sent");
        goto out;
    }
    *ret_step = "list";
    if (!store_list(store, key, NULL, find_probe, &listing, err))
        goto out;
    if (!listing.found) {
        err_set(err, ERR_STORE, "the store does not list an object it has");
        goto out;
    }
    *ret_step = "delete";
    ok = store_remove(store, key, err);
out:
    buf_done(&read);
    return ok;
}

static void take_finding(const struct store_finding *finding, void *state)
{
    static const enum check_verdict verdicts[] = {
        [STORE_FINE] = CHECK_PASS, [STORE_ADVICE] = CHECK_WARN, [STORE_WRONG] = CHECK_FAIL};
    struct check_item *item =
        say(state, verdicts[finding->verdict], "store", finding->topic, "%s", finding->detail);

    snprintf(item->hint, sizeof(item->hint), "%s", finding->hint ? finding->hint : "");
}

void check_store(const struct check_params *params, struct check_report *report)
{
    static const char *const steps[] = {"write", "no overwriting", "read", "list", "delete"};
    const char *prefix = params->config->s3.prefix;
    struct err err, ignored;
    const char *step = "";
    struct store *store = store_open(&params->config->s3, params->stop, &err);

    if (!store) {
        fail_with(report, "store", "open", &err);
        return;
    }
    char *key = mem_printf("%s%s_probe/%" PRId64 "-%ld", prefix, *prefix ? "/" : "", text_now_us(),
                           (long)getpid());
    bool ok = probe(store, key, &step, &err);
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        if (!ok && strcmp(step, steps[i]) == 0)
            break;
        say(report, CHECK_PASS, "store", steps[i], "%s", store_name(store));
    }
    if (!ok) {
        fail_with(report, "store", step, &err);
        store_remove(store, key, &ignored);
    }
    if (!store_examine(store, take_finding, report, &err))
        fail_with(report, "store", "settings", &err);
    free(key);
    store_close(store);
}

/* --- a database --- */

static void check_server(struct check_report *report, const struct config_database *database,
                         struct conn *conn)
{
    const struct conn_server *s = conn_server(conn);

    say(report, CHECK_PASS, database->name, "connection", "PostgreSQL %s, database %s, user %s",
        s->version, s->database, s->user);
    if (s->in_recovery) {
        struct check_item *item =
            say(report, CHECK_FAIL, database->name, "primary", "the server is a standby");
        snprintf(item->hint, sizeof(item->hint), "archiving deletes rows: connect to the primary");
    }
    if (s->version_num >= 190000)
        say(report, CHECK_WARN, database->name, "version",
            "PostgreSQL %s is newer than what this version was tested with (11 to 18)", s->version);
    if (s->version_num < 110000)
        say(report, CHECK_FAIL, database->name, "version", "PostgreSQL 11 or later is needed");
    if (strcmp(s->system_identifier, "0") == 0) {
        struct check_item *item =
            say(report, CHECK_WARN, database->name, "identity",
                "the role may not ask which cluster this is: after a crash, batches are decided by "
                "their keys alone");
        snprintf(item->hint, sizeof(item->hint),
                 "GRANT EXECUTE ON FUNCTION pg_control_system() TO \"%s\"", s->user);
    }
    int64_t skew = s->clock_skew_us < 0 ? -s->clock_skew_us : s->clock_skew_us;
    say(report, skew > SKEW_WARN_US ? CHECK_WARN : CHECK_PASS, database->name, "clock",
        "server and host are %.1f s apart", (double)skew / 1e6);
}

/* --- a table --- */

static void check_rights(struct check_report *report, const char *subject,
                         const struct config_table *table, const struct introspect_table *info,
                         struct conn *conn)
{
    const char *missing = !info->can_select && !info->can_delete ? "SELECT, DELETE"
                          : !info->can_select                    ? "SELECT"
                          : !info->can_delete                    ? "DELETE"
                                                                 : NULL;

    if (missing) {
        struct check_item *item =
            say(report, CHECK_FAIL, subject, "rights", "no right to %s", missing);
        item->kind = ERR_PERMISSION;
        snprintf(item->hint, sizeof(item->hint), "GRANT %s ON \"%s\".\"%s\" TO \"%s\"", missing,
                 table->schema, table->name, conn_server(conn)->user);
    } else {
        say(report, CHECK_PASS, subject, "rights", "SELECT, DELETE%s",
            info->can_lock ? ", UPDATE" : "");
    }
    if (!missing && !info->can_lock) {
        struct check_item *item =
            say(report, CHECK_WARN, subject, "locked rows",
                "without the right to UPDATE, rows locked by others are waited for");
        snprintf(item->hint, sizeof(item->hint), "GRANT UPDATE (\"%s\") ON \"%s\".\"%s\" TO \"%s\"",
                 table->timestamp_column, table->schema, table->name, conn_server(conn)->user);
    }
    if (info->row_security) {
        struct check_item *item = say(report, CHECK_FAIL, subject, "row security",
                                      "row security hides rows from this role");
        snprintf(item->hint, sizeof(item->hint), "ALTER ROLE \"%s\" BYPASSRLS, or use the owner",
                 conn_server(conn)->user);
    }
    if (!info->can_vacuum && table->settings.vacuum_strategy != VACUUM_NONE) {
        struct check_item *item =
            say(report, CHECK_WARN, subject, "vacuum",
                "not the owner: the space is given back when autovacuum comes by");
        snprintf(item->hint, sizeof(item->hint),
                 "GRANT its owner's role to \"%s\", or vacuum_strategy: none",
                 conn_server(conn)->user);
    }
}

static void check_index(struct check_report *report, const char *subject,
                        const struct config_table *table, const struct introspect_table *info)
{
    if (info->timestamp_index) {
        say(report, CHECK_PASS, subject, "index", "an index starts with %s",
            table->timestamp_column);
        return;
    }
    struct check_item *item =
        say(report, CHECK_WARN, subject, "index",
            "no index starts with %s: every run reads the whole table", table->timestamp_column);
    snprintf(item->hint, sizeof(item->hint), "CREATE INDEX CONCURRENTLY ON \"%s\".\"%s\" (\"%s\")",
             table->schema, table->name, table->timestamp_column);
}

static void check_key(struct check_report *report, const char *subject,
                      const struct introspect_table *info)
{
    struct buf names = BUF_INIT;

    for (size_t i = 0; i < info->shape->key_count; i++)
        buf_addf(&names, "%s%s", i ? ", " : "",
                 info->shape->columns[info->shape->key_columns[i]].name);
    if (info->shape->key_count > 0)
        say(report, CHECK_PASS, subject, "key", "%s", buf_str(&names));
    else
        say(report, CHECK_WARN, subject, "key",
            "the table has no key: archives are proved by their checksums alone");
    buf_done(&names);
}

static void check_references(struct check_report *report, const char *subject,
                             const struct introspect_table *info)
{
    if (info->cascades > 0) {
        struct check_item *item =
            say(report, CHECK_FAIL, subject, "foreign keys",
                "deleting its rows would delete or change rows of other tables: %s",
                info->cascades_text);
        snprintf(item->hint, sizeof(item->hint),
                 "archive those tables first, or make the keys NO ACTION");
    } else if (info->foreign_keys_here > 0) {
        struct check_item *item = say(report, CHECK_WARN, subject, "foreign keys",
                                      "other tables refer to it: %s", info->foreign_keys_text);
        snprintf(item->hint, sizeof(item->hint),
                 "a row that is referred to stops its batch: archive those tables first");
    }
    if (info->triggers > 0)
        say(report, CHECK_WARN, subject, "triggers", "run for every row that leaves: %s",
            info->triggers_text);
    if (!info->timestamp_not_null)
        say(report, CHECK_WARN, subject, "timestamp", "may be NULL: such rows are never archived");
}

/* Rows from long before there was such a table, or from tomorrow: a clock or a default, not a time.
 */
static void check_times(struct check_report *report, const char *subject,
                        const struct introspect_table *info, struct conn *conn)
{
    struct buf oldest = BUF_INIT, newest = BUF_INIT;
    int64_t oldest_us, newest_us;
    struct err err;

    if (info->timestamp_type[0] == 'i') /* a number tells less */
        return;
    if (!introspect_bounds(conn, info, &oldest, &newest, &err)) {
        fail_with(report, subject, "timestamps", &err);
    } else if (text_to_time(buf_str(&oldest), oldest.len, &oldest_us) &&
               text_to_time(buf_str(&newest), newest.len, &newest_us)) {
        bool early = oldest_us<EARLY_US, late = newest_us> text_now_us() + TEXT_US_PER_DAY;
        struct check_item *item =
            say(report, early || late ? CHECK_WARN : CHECK_PASS, subject, "timestamps",
                "from %.19s to %.19s", buf_str(&oldest), buf_str(&newest));
        if (early)
            snprintf(item->hint, sizeof(item->hint),
                     "rows so old leave with the first run: is that what they are?");
        else if (late)
            snprintf(item->hint, sizeof(item->hint),
                     "rows from the future stay until their time has come");
    }
    buf_done(&oldest);
    buf_done(&newest);
}

/* Looked at, not taken: a run that starts just now must not find it held by a check. */
static void check_lock(struct check_report *report, const char *subject,
                       const struct config_table *table, struct conn *conn)
{
    struct buf holder = BUF_INIT;

    if (lock_holder(conn, table->schema, table->name, &holder)) {
        struct check_item *item = say(report, CHECK_WARN, subject, "lock", "%s", buf_str(&holder));
        snprintf(item->hint, sizeof(item->hint), "a run works on it: wait for it, or stop it");
    } else {
        say(report, CHECK_PASS, subject, "lock", "no run works on it");
    }
    buf_done(&holder);
}

static uint64_t bytes_to_store(const struct introspect_table *info, int64_t rows)
{
    double share = info->rows_estimate > 0 ? (double)rows / (double)info->rows_estimate : 0;

    return (uint64_t)((share < 1 ? share : 1) * (double)info->total_bytes / CHECK_PACKED);
}

static void check_way(struct check_report *report, const char *subject, struct plan *plan,
                      const struct way_params *params)
{
    struct err err;

    if (way_choose(plan, params, &err))
        say(report, CHECK_PASS, subject, "walk", "%s: %s", plan->strategy, plan->reason);
    else
        fail_with(report, subject, "walk", &err);
}

static uint64_t check_eligible(struct check_report *report, const char *subject,
                               const struct config_table *table, struct introspect_table *info,
                               struct conn *conn)
{
    struct plan_params params = {.table = table, .info = info};
    struct buf rows = BUF_INIT, size = BUF_INIT, work = BUF_INIT;
    struct err err;
    int64_t estimate = 0;
    uint64_t bytes = 0;
    struct plan *plan = plan_make(conn, &params, &err);

    if (!plan || !plan_estimate(conn, plan, info, &estimate, &err)) {
        fail_with(report, subject, "cutoff", &err);
    } else {
        text_add_count(&rows, (uint64_t)estimate);
        text_add_bytes(&size, info->total_bytes);
        bytes = bytes_to_store(info, estimate);
        text_add_bytes(&work, bytes);
        buf_adds(&work, " to store, ");
        text_add_duration(&work, (double)estimate / CHECK_ROWS_A_SECOND);
        say(report, CHECK_PASS, subject, "cutoff",
            "%s: about %s rows are older (table: %s), about %s", plan->cutoff, buf_str(&rows),
            buf_str(&size), buf_str(&work));
        check_way(
            report, subject, plan,
            &(struct way_params){.conn = conn, .table = table, .info = info, .eligible = estimate});
    }
    plan_free(plan);
    buf_done(&rows);
    buf_done(&size);
    buf_done(&work);
    return bytes;
}

/* The bytes that a run would store, estimated. */
static uint64_t check_table(struct check_report *report, const struct config_database *database,
                            const struct config_table *table, struct conn *conn)
{
    char subject[160];
    struct err err;
    struct introspect_table *info = introspect_table(conn, table, &err);

    snprintf(subject, sizeof(subject), "%s.%s.%s", database->name, table->schema, table->name);
    if (!info) {
        fail_with(report, subject, "table", &err);
        return 0;
    }
    say(report, CHECK_PASS, subject, "table", "%zu columns, %s is %s", info->shape->column_count,
        table->timestamp_column, info->shape->columns[info->shape->timestamp_column].type->name);
    check_rights(report, subject, table, info, conn);
    check_key(report, subject, info);
    check_index(report, subject, table, info);
    check_references(report, subject, info);
    check_lock(report, subject, table, conn);
    uint64_t bytes = 0;
    if (info->can_select && !info->row_security) {
        check_times(report, subject, info, conn);
        bytes = check_eligible(report, subject, table, info, conn);
    }
    introspect_free(info);
    return bytes;
}

/* One connection for all of a database's tables that follow each other. */
static uint64_t check_targets(const struct check_params *params, const struct targets *targets,
                              struct check_report *report)
{
    const struct config_database *database = NULL;
    uint64_t bytes = 0;
    struct conn *conn = NULL;
    struct err err;

    for (size_t i = 0; i < targets->count && !stop_asked(params->stop); i++) {
        if (targets->items[i].database != database) {
            database = targets->items[i].database;
            conn_close(conn);
            conn = conn_open(database, NULL, &err);
            if (conn)
                check_server(report, database, conn);
            else
                fail_with(report, database->name, "connection", &err);
        }
        if (conn)
            bytes += check_table(report, database, targets->items[i].table, conn);
    }
    conn_close(conn);
    return bytes;
}

/* --- room on this host --- */

static void check_room(struct check_report *report, const char *subject, const char *path,
                       uint64_t needed)
{
    struct statvfs fs;
    struct buf text = BUF_INIT;

    if (statvfs(path, &fs) != 0) /* that it is not there is said elsewhere */
        return;
    uint64_t room = (uint64_t)fs.f_bavail * fs.f_frsize;
    text_add_bytes(&text, room);
    buf_addf(&text, " free on the disk of %s", path);
    if (needed > 0) {
        buf_adds(&text, ", about ");
        text_add_bytes(&text, needed);
        buf_adds(&text, " to come");
    }
    struct check_item *item =
        say(report, room < needed ? CHECK_WARN : CHECK_PASS, subject, "room", "%s", buf_str(&text));
    if (room < needed)
        snprintf(item->hint, sizeof(item->hint),
                 "a run stops when it is full, and loses nothing; more room lets it go on");
    buf_done(&text);
}

static void check_rooms(const struct config_s3 *s3, uint64_t needed, struct check_report *report)
{
    if (config_directory(s3)) {
        char *path = mem_printf("%s/%s", config_directory(s3), s3->bucket);
        check_room(report, "store", path, needed);
        free(path);
    }
    if (s3->spool_dir)
        check_room(report, "spool", s3->spool_dir, 0);
}

static void check_keys(const struct check_params *params, struct check_report *report)
{
    struct keyring *keyring = keyring_new(params->config);
    const struct config_key *key;
    struct err err;

    for (size_t i = 0; (key = keyring_key(keyring, i)); i++) {
        struct buf source = BUF_INIT;
        bool encrypts = keyring_id(keyring) && i == 0;
        secret_describe_key(key, &source);
        if (keyring_fetch(keyring, i, &err))
            say(report, CHECK_PASS, "encryption", key->id, "%s, %s",
                encrypts ? "new batches are encrypted with it" : "opens old archives",
                buf_str(&source));
        else
            fail_with(report, "encryption", key->id, &err);
        buf_done(&source);
    }
    keyring_free(keyring);
}

bool check_run(const struct check_params *params, struct check_report *report, struct err *err)
{
    struct targets targets = {0};

    *report = (struct check_report){0};
    if (!targets_find(params->config, params->database, params->schema, params->table, &targets,
                      err))
        return false;
    say(report, CHECK_PASS, "config", "file", "%s", params->config->path);
    for (size_t i = 0; i < params->config->warning_count; i++)
        say(report, CHECK_WARN, "config", "file", "%s", params->config->warnings[i]);
    check_store(params, report);
    check_keys(params, report);
    uint64_t bytes = check_targets(params, &targets, report);
    check_rooms(&params->config->s3, bytes, report);
    targets_done(&targets);
    return true;
}

bool check_iam_policy(const struct config *config, struct json_out *j, struct err *err)
{
    if (config_directory(&config->s3))
        return err_set(err, ERR_CONFIG, "the store is a directory: it asks for no policy");
    policy_write(&config->s3, j);
    return true;
}

void check_report_done(struct check_report *report)
{
    free(report->items);
    *report = (struct check_report){0};
}

void check_report_write(const struct check_report *report, struct json_out *j)
{
    static const char *const verdicts[] = {"pass", "warn", "fail"};

    json_begin_object(j);
    json_put_bool(j, "ok", report->failed == 0);
    json_put_int(j, "passed", (int64_t)report->passed);
    json_put_int(j, "warned", (int64_t)report->warned);
    json_put_int(j, "failed", (int64_t)report->failed);
    json_key(j, "checks");
    json_begin_array(j);
    for (size_t i = 0; i < report->count; i++) {
        const struct check_item *item = &report->items[i];
        json_begin_object(j);
        json_put_str(j, "verdict", verdicts[item->verdict]);
        json_put_str(j, "subject", item->subject);
        json_put_str(j, "name", item->name);
        json_put_str(j, "detail", item->detail);
        json_put_str(j, "hint", item->hint[0] ? item->hint : NULL);
        if (item->verdict == CHECK_FAIL)
            json_put_str(j, "code", err_code(item->kind));
        json_end(j);
    }
    json_end(j);
    json_end(j);
}

int check_exit_code(const struct check_report *report)
{
    int code = 0;

    for (size_t i = 0; i < report->count; i++) {
        if (report->items[i].verdict != CHECK_FAIL)
            continue;
        int one = err_exit_code(report->items[i].kind);
        if (one != err_exit_code(ERR_PERMISSION) && one != err_exit_code(ERR_NETWORK))
            one = err_exit_code(ERR_PREFLIGHT);
        if (code != 0 && code != one)
            return err_exit_code(ERR_PREFLIGHT);
        code = one;
    }
    return code;
}
