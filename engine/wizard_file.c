/* SPDX-License-Identifier: PostgreSQL
 *
 * What comes of the answers: the configuration as text, tried and saved; and the draft.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/diff.h"
#include "base/file.h"
#include "base/text.h"
#include "config/yaml.h"
#include "wizard.h"

enum { FILE_MAX = 4 << 20 };

/* --- the text --- */

static void add_comment(struct buf *text, const char *indent, const char *comment)
{
    if (comment && *comment)
        buf_addf(text, "%s# %s\n", indent, comment);
}

static void add_line(struct buf *text, const char *indent, const char *name, const char *value)
{
    buf_addf(text, "%s%s: ", indent, name);
    yaml_add_scalar(text, value);
    buf_addc(text, '\n');
}

/* With the option's help above it. */
static void add_option(struct buf *text, const char *indent, enum option_section section,
                       const char *name, const char *value)
{
    const struct option_row *row = options_find(section, name);
    int64_t number;

    add_comment(text, indent, row->help);
    if ((row->type == OPTION_INT || row->type == OPTION_BOOL) && text_to_int(value, &number))
        buf_addf(text, "%s%s: %" PRId64 "\n", indent, name, number);
    else
        add_line(text, indent, name, value);
}

/* Where it was answered, and not with what would be so anyway. */
static void add_answer(const struct wizard *w, struct buf *text, const char *indent, const char *id)
{
    const struct wizard_question *q = wizard_find_question(id);
    const struct option_row *row = options_find(q->section, q->option);

    if (wizard_is_answered(w, id) && wizard_applies(w, q) &&
        !options_is_default(row, wizard_get(w, id)))
        add_option(text, indent, q->section, q->option, wizard_get(w, id));
}

static void write_store(const struct wizard *w, struct buf *text)
{
    buf_adds(text, "\n# Where archives are kept\ns3:\n");
    if (strcmp(wizard_get(w, "store"), "directory") == 0) {
        char *endpoint = mem_printf("file://%s", wizard_get(w, "directory"));
        add_option(text, "  ", IN_S3, "endpoint", endpoint);
        free(endpoint);
    } else if (strcmp(wizard_get(w, "store"), "s3") == 0) {
        add_option(text, "  ", IN_S3, "endpoint", wizard_get(w, "endpoint"));
    }
    add_option(text, "  ", IN_S3, "bucket", wizard_get(w, "bucket"));
    if (*wizard_get(w, "prefix"))
        add_option(text, "  ", IN_S3, "prefix", wizard_get(w, "prefix"));
    if (strcmp(wizard_get(w, "store"), "directory") == 0)
        return;
    if (*wizard_get(w, "region"))
        add_option(text, "  ", IN_S3, "region", wizard_get(w, "region"));
    if (strcmp(wizard_get(w, "credentials"), "env") == 0)
        buf_adds(text, "  # Keys from the environment, never in this file\n"
                       "  access_key_id: ${ARCHIVER_S3_KEY}\n"
                       "  secret_access_key: ${ARCHIVER_S3_SECRET}\n");
    add_answer(w, text, "  ", "profile");
    add_answer(w, text, "  ", "storage-class");
    add_answer(w, text, "  ", "encryption");
}

static void write_defaults(const struct wizard *w, struct buf *text)
{
    buf_adds(text, "\n# For every table that does not say otherwise\ndefaults:\n");
    add_option(text, "  ", IN_SETTINGS, "retention_days", wizard_get(w, "retention-days"));
    add_answer(w, text, "  ", "batch-size");
    add_answer(w, text, "  ", "vacuum");
}

static void write_connection(const struct wizard *w, struct buf *text)
{
    struct config_database d;
    const char *source = wizard_get(w, "password-from");

    wizard_connection(w, NULL, &d);
    if (d.service) {
        add_option(text, "    ", IN_DATABASE, "service", d.service);
        return;
    }
    if (d.host)
        add_line(text, "    ", "host", d.host);
    if (d.port > 0)
        buf_addf(text, "    port: %" PRId64 "\n", d.port);
    if (d.user)
        add_line(text, "    ", "user", d.user);
    if (d.sslmode)
        add_line(text, "    ", "sslmode", d.sslmode);
    if (strcmp(source, "env") == 0)
        add_option(text, "    ", IN_DATABASE, "password_env", wizard_get(w, "password-env"));
    else if (strcmp(source, "file") == 0)
        add_option(text, "    ", IN_DATABASE, "password_file", wizard_get(w, "password-file"));
    else if (strcmp(source, "passfile") == 0)
        add_option(text, "    ", IN_DATABASE, "passfile", wizard_get(w, "passfile"));
    else
        add_comment(text, "    ", "The password by libpq's own rules: ~/.pgpass, PGPASSWORD, peer");
}

static void write_table(const struct wizard_table *t, struct buf *text)
{
    struct buf size = BUF_INIT;

    if (t->rows >= 0) {
        buf_adds(&size, "about ");
        text_add_count(&size, (uint64_t)t->rows);
        buf_adds(&size, " rows, ");
        text_add_bytes(&size, t->bytes);
        if (t->share >= 0)
            buf_addf(&size, ", %.0f %% of them older than kept", t->share * 100);
        buf_adds(&size, " when this was written");
        add_comment(text, "      ", buf_str(&size));
    }
    buf_done(&size);
    buf_adds(text, "      - name: ");
    yaml_add_scalar(text, t->table);
    buf_addc(text, '\n');
    if (strcmp(t->schema, "public") != 0)
        add_line(text, "        ", "schema", t->schema);
    add_line(text, "        ", "timestamp_column", t->timestamp_column);
    if (t->retention_days > 0)
        buf_addf(text, "        retention_days: %" PRId64 "\n", t->retention_days);
}

static bool is_first_of_database(const struct wizard *w, size_t at)
{
    const char *database = wizard_table_at(w, at)->database;

    for (size_t i = 0; i < at; i++) {
        if (strcmp(wizard_table_at(w, i)->database, database) == 0)
            return false;
    }
    return true;
}

static void write_database(const struct wizard *w, const char *database, struct buf *text)
{
    const struct wizard_table *t;

    buf_adds(text, "  - name: ");
    yaml_add_scalar(text, database);
    buf_addc(text, '\n');
    write_connection(w, text);
    buf_adds(text, "    tables:\n");
    for (size_t i = 0; (t = wizard_table_at(w, i)); i++) {
        if (strcmp(t->database, database) == 0)
            write_table(t, text);
    }
}

void wizard_write(const struct wizard *w, struct buf *ret_yaml)
{
    buf_adds(ret_yaml,
             "# archiver-tui: which rows leave which tables, and where they go.\n"
             "# Every option is in doc/configuration.md; `archiver-tui config show` tells "
             "what applies,\n# `archiver-tui check` tries it all.\n"
             "version: \"3\"\n");
    write_store(w, ret_yaml);
    write_defaults(w, ret_yaml);
    buf_adds(ret_yaml, "\ndatabases:\n");
    for (size_t i = 0; wizard_table_at(w, i); i++) {
        if (is_first_of_database(w, i))
            write_database(w, wizard_table_at(w, i)->database, ret_yaml);
    }
}

/* --- trying it --- */

bool wizard_check(const struct wizard *w, const struct stop *stop, struct check_report *ret_report,
                  struct err *err)
{
    struct buf yaml = BUF_INIT;

    wizard_write(w, &yaml);
    struct config *config = config_load_text(buf_str(&yaml), yaml.len, err);
    buf_done(&yaml);
    if (!config)
        return false;
    for (size_t i = 0; i < config->database_count; i++) {
        struct config_database tried; /* with the password of this process, if one was typed */
        wizard_connection(w, config->databases[i].dbname, &tried);
        if (tried.password) {
            config->databases[i].password = tried.password;
            config->databases[i].password_env = config->databases[i].password_file =
                config->databases[i].passfile = NULL;
        }
    }
    bool ok = check_run(&(struct check_params){.config = config, .stop = stop}, ret_report, err);
    config_free(config);
    return ok;
}

bool wizard_check_store(const struct wizard *w, const struct stop *stop,
                        struct check_report *ret_report, struct err *err)
{
    struct buf yaml = BUF_INIT;

    /* A configuration needs a table; none of it is asked for. */
    buf_adds(&yaml, "version: \"3\"\n");
    write_store(w, &yaml);
    buf_adds(&yaml, "databases:\n  - name: none\n    tables:\n      - name: none\n"
                    "        timestamp_column: none\n        retention_days: 90\n");
    struct config *config = config_load_text(buf_str(&yaml), yaml.len, err);
    buf_done(&yaml);
    if (!config)
        return false;
    *ret_report = (struct check_report){0};
    check_store(&(struct check_params){.config = config, .stop = stop}, ret_report);
    config_free(config);
    return true;
}

/* --- files --- */

const char *wizard_path(const struct wizard *w)
{
    return wizard_get(w, "output");
}

bool wizard_diff(const struct wizard *w, struct buf *ret_text, struct err *err)
{
    struct buf before = BUF_INIT, after = BUF_INIT;
    bool there = access(wizard_path(w), F_OK) == 0;
    bool ok = !there || file_read(wizard_path(w), FILE_MAX, &before, err);

    wizard_write(w, &after);
    if (ok && there)
        diff_lines(buf_str(&before), buf_str(&after), ret_text);
    buf_done(&before);
    buf_done(&after);
    return ok;
}

/* For its owner alone. */
static bool put_file(const char *path, const struct buf *bytes, bool overwrite, struct err *err)
{
    struct file_params params = {.path = path, .mode = 0600, .never_over = !overwrite};

    return file_write(&params, bytes->data, bytes->len, err);
}

bool wizard_save(const struct wizard *w, bool overwrite, struct err *err)
{
    struct buf yaml = BUF_INIT;
    struct config *config;
    bool ok;

    wizard_write(w, &yaml);
    config = config_load_text(buf_str(&yaml), yaml.len, err); /* never a file that would not load */
    ok = config && put_file(wizard_path(w), &yaml, overwrite, err);
    config_free(config);
    buf_done(&yaml);
    return ok;
}

/* --- the draft --- */

static bool draft_path(struct buf *ret_path)
{
    return file_state_path("wizard.yaml", ret_path);
}

bool wizard_keep_draft(const struct wizard *w, struct err *err)
{
    struct buf path = BUF_INIT, yaml = BUF_INIT;
    bool ok = true;

    wizard_write_answers(w, &yaml);
    if (yaml.len > 0 && draft_path(&path))
        ok = put_file(buf_str(&path), &yaml, true, err);
    buf_done(&path);
    buf_done(&yaml);
    return ok;
}

bool wizard_has_draft(struct buf *ret_path)
{
    return draft_path(ret_path) && access(buf_str(ret_path), R_OK) == 0;
}

void wizard_drop_draft(void)
{
    struct buf path = BUF_INIT;

    if (draft_path(&path))
        unlink(buf_str(&path));
    buf_done(&path);
}

/* --- estimates --- */

void wizard_estimate(const struct wizard *w, struct buf *ret_text)
{
    /* List prices of AWS us-east-1, dollars a GB and month, 2025. */
    static const struct {
        const char *class;
        double price;
    } classes[] = {{"STANDARD", 0.023}, {"STANDARD_IA", 0.0125}, {"GLACIER_IR", 0.004}};
    double rows = 0, bytes = 0, month = 0;
    size_t unknown = 0;
    const struct wizard_table *t;

    for (size_t i = 0; (t = wizard_table_at(w, i)); i++) {
        if (t->rows < 0 || t->share < 0) {
            unknown++;
            continue;
        }
        rows += (double)t->rows * t->share;
        bytes += (double)t->bytes * t->share;
        month += t->share_a_month > 0 ? (double)t->rows * t->share_a_month : 0;
    }
    buf_adds(ret_text, "now: about ");
    text_add_count(ret_text, (uint64_t)rows);
    buf_adds(ret_text, " rows, ");
    text_add_bytes(ret_text, (uint64_t)bytes);
    buf_adds(ret_text, " of the tables, in about ");
    text_add_duration(ret_text, rows / CHECK_ROWS_A_SECOND);
    buf_adds(ret_text, "; each month: about ");
    text_add_count(ret_text, (uint64_t)month);
    buf_adds(ret_text, " rows\nstored: about ");
    text_add_bytes(ret_text, (uint64_t)(bytes / CHECK_PACKED));
    if (strcmp(wizard_get(w, "store"), "directory") != 0) {
        for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
            buf_addf(ret_text, "%s %s $%.2f",
                     i > 0 ? "," : "; a month (AWS list prices of 2025):", classes[i].class,
                     bytes / CHECK_PACKED / 1e9 * classes[i].price);
    }
    if (unknown > 0)
        buf_addf(ret_text, "\n%zu tables have no statistics: ANALYZE tells more", unknown);
    buf_addc(ret_text, '\n');
}
