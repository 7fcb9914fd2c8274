/* SPDX-License-Identifier: PostgreSQL */
#include "wizard.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/text.h"
#include "cases.h"

static void answers_are_what_their_options_may_be(void)
{
    struct wizard *w = wizard_new();
    struct err err;

    CHECK_OK(wizard_set(w, "port", "5433", &err));
    CHECK_STR(wizard_get(w, "port"), "5433");
    CHECK_FAILS(wizard_set(w, "port", "many", &err), ERR_USAGE, "is not a whole number");
    CHECK_FAILS(wizard_set(w, "store", "tape", &err), ERR_USAGE,
                "is not one of aws, s3, directory");
    CHECK_FAILS(wizard_set(w, "hots", "x", &err), ERR_USAGE, "did you mean \"host\"?");
    CHECK_STR(wizard_get(w, "port"), "5433"); /* what was right stays */
    CHECK_OK(wizard_set(w, "port", "", &err));
    CHECK_STR(wizard_get(w, "port"), "5432");
    wizard_free(w);
}

static void every_question_has_a_prompt_and_a_help(void)
{
    struct wizard *w = wizard_new();

    for (size_t i = 0; wizard_question(i); i++) {
        const struct wizard_question *q = wizard_question(i);
        CHECK(*q->prompt && *wizard_help(q));
        CHECK(wizard_find_question(q->id) == q);
        CHECK(wizard_get(w, q->id) != NULL);
    }
    wizard_free(w);
}

static void questions_apply_where_they_make_sense(void)
{
    struct wizard *w = wizard_new();
    struct err err;

    CHECK(wizard_applies(w, wizard_find_question("region")));
    CHECK(!wizard_applies(w, wizard_find_question("directory")));
    CHECK_OK(wizard_set(w, "store", "directory", &err));
    CHECK(!wizard_applies(w, wizard_find_question("region")));
    CHECK(wizard_applies(w, wizard_find_question("directory")));
    wizard_free(w);
}

static void tables_come_as_a_list(void)
{
    struct wizard *w = wizard_new();
    struct err err;

    CHECK_OK(wizard_add_tables(w, "db", "logs, audit.changes:at:365,\"my.schema\".\"a:b\":\"t,s\"",
                               &err));
    CHECK_STR(wizard_table_at(w, 0)->schema, "public");
    CHECK_STR(wizard_table_at(w, 1)->timestamp_column, "at");
    CHECK_INT(wizard_table_at(w, 1)->retention_days, 365);
    CHECK_STR(wizard_table_at(w, 2)->schema, "my.schema");
    CHECK_STR(wizard_table_at(w, 2)->table, "a:b");
    CHECK_STR(wizard_table_at(w, 2)->timestamp_column, "t,s");
    CHECK(wizard_table_at(w, 3) == NULL);
    CHECK_FAILS(wizard_add_tables(w, "db", "logs:at:many", &err), ERR_USAGE, "[:COLUMN[:DAYS]]");
    CHECK_FAILS(wizard_add_tables(w, "db", "\"open", &err), ERR_USAGE, "[:COLUMN[:DAYS]]");
    wizard_remove_table(w, "db", "public", "logs");
    CHECK_STR(wizard_table_at(w, 0)->table, "changes");
    wizard_free(w);
}

static char *file_of(const struct buf *text)
{
    static char path[] = "/tmp/archiver-wizard-XXXXXX";

    strcpy(path + sizeof(path) - 7, "XXXXXX");
    int fd = mkstemp(path);
    CHECK(fd >= 0 && write(fd, text->data, text->len) == (ssize_t)text->len);
    close(fd);
    return path;
}

/* Names that mean something else in YAML, and variables, come back as they were. */
static void what_is_written_loads_as_it_was_answered(void)
{
    struct wizard *w = wizard_new();
    struct buf text = BUF_INIT;
    struct err err;

    CHECK_OK(wizard_set(w, "host", "db-1.example.com", &err));
    CHECK_OK(wizard_set(w, "user", "${not a variable}", &err));
    CHECK_OK(wizard_set(w, "bucket", "123", &err));
    CHECK_OK(wizard_set(w, "password-from", "env", &err));
    CHECK_OK(wizard_set(w, "password-env", "APP_PASSWORD", &err));
    wizard_password(w, "hush-Xq7");
    wizard_table_column(wizard_add_table(w, "yes", "null", "- a: \"b\" #c"), "at");
    wizard_write(w, &text);
    CHECK(strstr(text.data, "hush-Xq7") == NULL);
    char *path = file_of(&text);
    struct config *config = config_load(path, &err);
    CHECK_OK(config != NULL);
    if (config) {
        CHECK_STR(config->databases[0].name, "yes");
        CHECK_STR(config->databases[0].user, "${not a variable}");
        CHECK_STR(config->databases[0].password_env, "APP_PASSWORD");
        CHECK_STR(config->databases[0].tables[0].schema, "null");
        CHECK_STR(config->databases[0].tables[0].name, "- a: \"b\" #c");
        CHECK_STR(config->s3.bucket, "123");
        CHECK_INT(config->warning_count, 0);
    }
    config_free(config);
    unlink(path);
    buf_done(&text);
    wizard_free(w);
}

static void answers_come_back_from_their_file(void)
{
    struct wizard *w = wizard_new(), *again = wizard_new();
    struct buf text = BUF_INIT, other = BUF_INIT;
    struct err err;

    CHECK_OK(wizard_set(w, "host", "h: #1", &err));
    CHECK_OK(wizard_set(w, "dbname", "app", &err));
    CHECK_OK(wizard_add_tables(w, "app", "logs:at:30", &err));
    wizard_password(w, "hush-Xq7");
    wizard_write_answers(w, &text);
    CHECK(strstr(text.data, "hush-Xq7") == NULL);
    char *path = file_of(&text);
    CHECK_OK(wizard_read(again, path, &err));
    wizard_write_answers(again, &other);
    CHECK_STR(buf_str(&other), buf_str(&text));
    unlink(path);
    buf_done(&text);
    buf_done(&other);
    wizard_free(w);
    wizard_free(again);
}

static void the_share_of_old_rows_comes_from_the_bounds(void)
{
    struct discover_column column = {.bound_count = 0};

    CHECK(discover_share(&column, 100) < 0); /* not known */
    for (int i = 0; i <= 10; i++)
        column.bounds_us[column.bound_count++] = i * TEXT_US_PER_DAY;
    CHECK(discover_share(&column, -1) == 0);
    CHECK(discover_share(&column, 11 * TEXT_US_PER_DAY) == 1);
    double half = discover_share(&column, 5 * TEXT_US_PER_DAY + TEXT_US_PER_DAY / 2);
    CHECK(half > 0.549 && half < 0.551);
}

static void what_is_missing_comes_as_a_statement(void)
{
    struct discover_table table = {.schema = "a\"b", .name = "t", .can_select = true};
    struct discover_column column = {.name = "at"};
    struct buf sql = BUF_INIT;

    CHECK(discover_grant(&table, "me", &sql));
    CHECK_STR(buf_str(&sql), "GRANT DELETE ON \"a\"\"b\".\"t\" TO \"me\"");
    buf_reset(&sql);
    CHECK(discover_index(&table, &column, &sql));
    CHECK_STR(buf_str(&sql), "CREATE INDEX CONCURRENTLY ON \"a\"\"b\".\"t\" (\"at\")");
    table.can_delete = true;
    column.indexed = true;
    CHECK(!discover_grant(&table, "me", &sql));
    CHECK(!discover_index(&table, &column, &sql));
    buf_done(&sql);
}

static const struct test_case cases[] = {
    {"answers_are_what_their_options_may_be", answers_are_what_their_options_may_be},
    {"every_question_has_a_prompt_and_a_help", every_question_has_a_prompt_and_a_help},
    {"questions_apply_where_they_make_sense", questions_apply_where_they_make_sense},
    {"tables_come_as_a_list", tables_come_as_a_list},
    {"what_is_written_loads_as_it_was_answered", what_is_written_loads_as_it_was_answered},
    {"answers_come_back_from_their_file", answers_come_back_from_their_file},
    {"the_share_of_old_rows_comes_from_the_bounds", the_share_of_old_rows_comes_from_the_bounds},
    {"what_is_missing_comes_as_a_statement", what_is_missing_comes_as_a_statement},
    {NULL, NULL},
};
const struct test_suite wizard_suite = {"wizard", cases};
