/* SPDX-License-Identifier: PostgreSQL */
#include "config/edit.h"

#include <stdlib.h>
#include <unistd.h>

#include "cases.h"

static const char file[] = "# Ours.\n"
                           "version: \"3\"\n"
                           "s3:\n"
                           "  endpoint: file:///srv   # a disk\n"
                           "  bucket: 'cold # not a comment'\n"
                           "  secret_access_key: ${KEY:-k}\n"
                           "  access_key_id: ${ID:-i}\n"
                           "defaults:\n"
                           "  retention_days: 90 # agreed\n"
                           "databases:\n"
                           "- name: app\n"
                           "  host:   # none yet\n"
                           "  tables:\n"
                           "  - name: logs\n"
                           "    timestamp_column: at\n"
                           "    primary_key: [id, day]\n";

static char *put_file(const char *text)
{
    char *path = mem_strdup("/tmp/archiver-edit-XXXXXX");
    int fd = mkstemp(path);

    CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
    return path;
}

static size_t group_of(const struct edit *e, const char *title)
{
    struct edit_group group;

    for (size_t i = 0; edit_group(e, i, &group); i++) {
        if (strcmp(group.title, title) == 0)
            return i;
    }
    CHECK_STR(title, "a part of the file");
    return 0;
}

static bool set(struct edit *e, const char *title, enum option_section section, const char *name,
                const char *text, struct err *err)
{
    return edit_set(e, group_of(e, title), options_find(section, name), text, err);
}

static void close_file(struct edit *e, char *path)
{
    edit_free(e);
    unlink(path);
    free(path);
}

static void values_change_and_all_else_stays(void)
{
    char *path = put_file(file);
    struct buf text = BUF_INIT;
    struct err err;
    struct edit *e = edit_open(path, &err);

    CHECK_OK(e != NULL);
    CHECK_OK(set(e, "defaults", IN_SETTINGS, "retention_days", "45", &err));
    CHECK_OK(set(e, "s3", IN_S3, "bucket", "warm: yes", &err));
    CHECK_OK(set(e, "database app", IN_DATABASE, "host", "db1", &err));
    CHECK_OK(set(e, "database app", IN_DATABASE, "user", "me", &err));
    CHECK_OK(set(e, "table app.public.logs", IN_SETTINGS, "batch_size", "500", &err));
    CHECK_OK(set(e, "logging", IN_LOGGING, "level", "debug", &err));
    CHECK_OK(set(e, "logging", IN_LOGGING, "format", "json", &err));
    CHECK_INT(edit_changes(e), 7);
    CHECK_OK(edit_text(e, &text, &err));
    CHECK_STR(buf_str(&text), "# Ours.\n"
                              "version: \"3\"\n"
                              "s3:\n"
                              "  endpoint: file:///srv   # a disk\n"
                              "  bucket: \"warm: yes\"\n"
                              "  secret_access_key: ${KEY:-k}\n"
                              "  access_key_id: ${ID:-i}\n"
                              "defaults:\n"
                              "  retention_days: 45 # agreed\n"
                              "databases:\n"
                              "- name: app\n"
                              "  user: me\n"
                              "  host: db1 # none yet\n"
                              "  tables:\n"
                              "  - name: logs\n"
                              "    batch_size: 500\n"
                              "    timestamp_column: at\n"
                              "    primary_key: [id, day]\n"
                              "\n"
                              "logging:\n"
                              "  level: debug\n"
                              "  format: json\n");
    buf_done(&text);
    close_file(e, path);
}

static void an_option_can_be_taken_out_and_put_back(void)
{
    char *path = put_file(file);
    struct buf text = BUF_INIT;
    struct err err;
    struct edit *e = edit_open(path, &err);

    CHECK_OK(set(e, "s3", IN_S3, "endpoint", NULL, &err));
    CHECK_INT(edit_changes(e), 1);
    CHECK_OK(edit_text(e, &text, &err));
    CHECK(strstr(text.data, "endpoint") == NULL);
    CHECK_OK(set(e, "s3", IN_S3, "endpoint", "file:///srv", &err));
    CHECK_INT(edit_changes(e), 0);
    buf_reset(&text);
    CHECK_OK(edit_diff(e, &text, &err));
    CHECK_STR(buf_str(&text), "");
    buf_done(&text);
    close_file(e, path);
}

static void what_an_option_may_not_be_is_refused(void)
{
    char *path = put_file(file);
    struct err err;
    struct edit *e = edit_open(path, &err);

    CHECK_FAILS(set(e, "defaults", IN_SETTINGS, "retention_days", "many", &err), ERR_CONFIG,
                "is not a whole number");
    CHECK_FAILS(set(e, "s3", IN_S3, "bucket", NULL, &err), ERR_CONFIG, "has to be said");
    CHECK_FAILS(set(e, "s3", IN_S3, "secret_access_key", "x", &err), ERR_CONFIG,
                "a secret is not edited here");
    CHECK_STR(edit_said(e, group_of(e, "s3"), options_find(IN_S3, "secret_access_key")), "");
    CHECK_FAILS(set(e, "table app.public.logs", IN_TABLE, "primary_key", "id", &err), ERR_CONFIG,
                "not written as one value");
    CHECK_INT(edit_changes(e), 0);
    close_file(e, path);
}

static void what_holds_comes_from_above(void)
{
    char *path = put_file(file);
    struct err err;
    struct edit *e = edit_open(path, &err);
    size_t table = group_of(e, "table app.public.logs");
    const struct option_row *days = options_find(IN_SETTINGS, "retention_days");

    CHECK(edit_said(e, table, days) == NULL);
    CHECK_STR(edit_inherited(e, table, days), "90");
    CHECK_OK(set(e, "database app", IN_SETTINGS, "retention_days", "30", &err));
    CHECK_STR(edit_inherited(e, table, days), "30");
    CHECK_STR(edit_inherited(e, table, options_find(IN_SETTINGS, "compression")), "gzip");
    close_file(e, path);
}

static void a_file_that_others_change_is_not_written_over(void)
{
    char *path = put_file(file);
    struct err err;
    struct edit *e = edit_open(path, &err);
    FILE *other;

    CHECK_OK(set(e, "defaults", IN_SETTINGS, "retention_days", "45", &err));
    other = fopen(path, "a");
    fputs("# and another\n", other);
    fclose(other);
    CHECK_FAILS(edit_save(e, &err), ERR_EXISTS, "was changed by somebody else");
    close_file(e, path);
}

static void what_would_not_load_is_not_written(void)
{
    char *path = put_file(file);
    struct err err;
    struct edit *e = edit_open(path, &err);

    /* The value may be; without a key the file may not. */
    CHECK_OK(set(e, "encryption", IN_ENCRYPTION, "enabled", "true", &err));
    CHECK_FAILS(edit_save(e, &err), ERR_CONFIG, "key_id");
    close_file(e, path);
}

static const struct test_case cases[] = {
    {"values_change_and_all_else_stays", values_change_and_all_else_stays},
    {"an_option_can_be_taken_out_and_put_back", an_option_can_be_taken_out_and_put_back},
    {"what_an_option_may_not_be_is_refused", what_an_option_may_not_be_is_refused},
    {"what_holds_comes_from_above", what_holds_comes_from_above},
    {"a_file_that_others_change_is_not_written_over",
     a_file_that_others_change_is_not_written_over},
    {"what_would_not_load_is_not_written", what_would_not_load_is_not_written},
    {NULL, NULL},
};
const struct test_suite config_edit_suite = {"config/edit", cases};
