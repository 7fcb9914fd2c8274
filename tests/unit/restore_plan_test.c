/* SPDX-License-Identifier: PostgreSQL */
#include "restore_plan.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "cases.h"

static struct restore_plan *plan_of(const char *const *answers)
{
    struct restore_plan *plan = restore_plan_new();
    struct err err;

    for (; *answers; answers += 2)
        CHECK_OK(restore_plan_set(plan, answers[0], answers[1], &err));
    return plan;
}

static const struct restore_plan_question *question(const char *id)
{
    const struct restore_plan_question *q;

    for (size_t i = 0; (q = restore_plan_question(i)); i++) {
        if (strcmp(q->id, id) == 0)
            return q;
    }
    return NULL;
}

/* The words of the command, as a shell would take them. */
static void check_command(const char *const *answers, const char *expected)
{
    struct restore_plan *plan = plan_of(answers);
    struct restore_plan_call call;
    struct buf text = BUF_INIT;

    restore_plan_make(plan, NULL, &call);
    restore_plan_add_command(&call, "a.yaml", &text);
    char *whole = mem_printf("archiver-tui -c a.yaml %s", expected);
    CHECK_STR(buf_str(&text), whole);
    free(whole);
    buf_done(&text);
    restore_plan_call_done(&call);
    restore_plan_free(plan);
}

static void answers_are_what_they_may_be(void)
{
    struct restore_plan *plan = restore_plan_new();
    struct err err;

    CHECK_FAILS(restore_plan_set(plan, "start-date", "soon", &err), ERR_USAGE,
                "\"soon\" is not a date or timestamp");
    CHECK_FAILS(restore_plan_set(plan, "commit-rows", "0", &err), ERR_USAGE, "number of rows");
    CHECK_FAILS(restore_plan_set(plan, "on-conflict", "hope", &err), ERR_USAGE,
                "\"hope\" is none of the choices");
    CHECK_FAILS(restore_plan_set(plan, "run", "  ", &err), ERR_USAGE, "blanks alone");
    CHECK_FAILS(restore_plan_set(plan, "colour", "red", &err), ERR_USAGE,
                "there is no question \"colour\"");
    CHECK_STR(restore_plan_get(plan, "on-conflict"), "fail");
    CHECK_OK(restore_plan_set(plan, "on-conflict", "skip", &err));
    CHECK(restore_plan_is_answered(plan, "on-conflict"));
    CHECK_OK(restore_plan_set(plan, "on-conflict", "", &err));
    CHECK_STR(restore_plan_get(plan, "on-conflict"), "fail");
    restore_plan_free(plan);
}

static void questions_apply_to_their_source(void)
{
    struct restore_plan *plan = restore_plan_new();
    struct err err;

    CHECK(!restore_plan_applies(plan, question("keys")));
    CHECK(restore_plan_applies(plan, question("where")));
    CHECK_OK(restore_plan_set(plan, "source", "archives", &err));
    CHECK(restore_plan_applies(plan, question("keys")));
    CHECK(!restore_plan_applies(plan, question("table")));
    CHECK_OK(restore_plan_set(plan, "source", "rollback", &err));
    CHECK(restore_plan_applies(plan, question("run")));
    CHECK(!restore_plan_applies(plan, question("where")));
    restore_plan_free(plan);
}

static void a_step_says_what_it_lacks(void)
{
    struct restore_plan *plan = restore_plan_new();
    struct config_database databases[] = {{.name = "appdb"}, {.name = "crm"}};
    struct config config = {.path = "a.yaml", .databases = databases, .database_count = 2};
    struct err err;

    CHECK_FAILS(restore_plan_check(plan, PLAN_SOURCE, &config, &err), ERR_USAGE,
                "no table is named");
    CHECK_OK(restore_plan_set(plan, "table", "logs", &err));
    CHECK_OK(restore_plan_check(plan, PLAN_SOURCE, &config, &err));
    CHECK_OK(restore_plan_set(plan, "start-date", "2026-02-01", &err));
    CHECK_OK(restore_plan_set(plan, "end-date", "2026-01-01", &err));
    CHECK_FAILS(restore_plan_check(plan, PLAN_SOURCE, &config, &err), ERR_USAGE,
                "no row is from 2026-02-01 on and before 2026-01-01");
    CHECK_OK(restore_plan_set(plan, "source", "run", &err));
    CHECK_FAILS(restore_plan_check(plan, PLAN_SOURCE, &config, &err), ERR_USAGE, "no run is named");
    CHECK_OK(restore_plan_set(plan, "source", "archives", &err));
    CHECK_FAILS(restore_plan_check(plan, PLAN_SOURCE, &config, &err), ERR_USAGE,
                "no archive is named");
    CHECK_OK(restore_plan_check(plan, PLAN_TARGET, &config, &err));
    CHECK_OK(restore_plan_set(plan, "to-database", "postgresql://u@h/db", &err));
    CHECK_OK(restore_plan_check(plan, PLAN_TARGET, &config, &err));
    CHECK_OK(restore_plan_set(plan, "to-database", "apdb", &err));
    CHECK_FAILS(restore_plan_check(plan, PLAN_TARGET, &config, &err), ERR_USAGE,
                "did you mean \"appdb\"?");
    restore_plan_free(plan);
}

static void answers_become_the_words_of_the_command(void)
{
    check_command((const char *[]){"table", "logs", NULL}, "restore --all -t logs");
    check_command((const char *[]){"database", "appdb", "schema", "my.s", "table", "a\"b",
                                   "start-date", "2026-01-01", "where", "level = 'error'", NULL},
                  "restore -d appdb --start-date 2026-01-01 --where 'level = '\\''error'\\''' "
                  "-t '\"my.s\".\"a\"\"b\"'");
    check_command((const char *[]){"source", "archives", "keys", " pg/a  pg/b ", "table", "logs",
                                   "to-table", "found", "create-table", "yes", "on-conflict",
                                   "upsert", "conflict-key", "a, b", "commit-rows", "500", NULL},
                  "restore --create-table --commit-rows 500 pg/a pg/b --to-table found "
                  "--on-conflict upsert --conflict-key a,b");
    check_command((const char *[]){"source", "run", "run", "7f3a", "new-only", "yes", "differences",
                                   "strict", "to-table", "a.b", NULL},
                  "restore --new-only --run 7f3a --to-table '\"a.b\"' --schema strict");
    check_command((const char *[]){"source", "rollback", "run", "7f3a", "where", "id = 1",
                                   "on-conflict", "skip", NULL},
                  "rollback 7f3a --on-conflict skip");
    check_command((const char *[]){"table", "logs", "mapping", "m.yaml", "differences", "strict",
                                   NULL},
                  "restore --all -t logs --schema transform --mapping m.yaml");
}

static void the_same_answers_become_parameters(void)
{
    struct restore_plan *plan = plan_of((const char *[]){
        "source",      "archives",   "keys",         "pg/a pg/b", "run",          "7f3a",
        "to-database", "crm",        "to-schema",    "old",       "to-table",     "found",
        "start-date",  "2026-01-01", "create-table", "yes",       "on-conflict",  "skip",
        "commit-rows", "500",        "conflict-key", "a,b",       "where",        "id = 1",
        "new-only",    "yes",        "skip-damaged", "no",        "drop-indexes", "yes",
        NULL});
    struct restore_plan_call call;

    restore_plan_make(plan, NULL, &call);
    const struct restore_params *p = &call.params;
    CHECK_INT(p->key_count, 2);
    CHECK_STR(p->keys[1], "pg/b");
    CHECK(!p->run_id); /* not a question of this source */
    CHECK_STR(p->to_database, "crm");
    CHECK_STR(p->to_schema, "old");
    CHECK_STR(p->to_table, "found");
    CHECK_STR(p->start_date, "2026-01-01");
    CHECK_STR(p->where, "id = 1");
    CHECK(p->create_table && p->new_only && p->drop_indexes);
    CHECK(!p->skip_damaged && !p->disable_triggers && !p->rollback);
    CHECK_INT(p->conflict, RESTORE_SKIP);
    CHECK_INT(p->commit_rows, 500);
    CHECK_INT(p->conflict_key->count, 2);
    CHECK_STR(p->conflict_key->names[1], "b");
    CHECK_INT(p->schema_mode, RESTORE_LENIENT);
    restore_plan_call_done(&call);
    restore_plan_free(plan);
}

static void rules_become_a_mapping_file(void)
{
    struct restore_plan *plan = restore_plan_new();
    struct restore_plan_rule rules[] = {
        {.column = "lvl", .to = "level"},
        {.column = "odd: one", .using = "upper(s.\"odd: one\")"},
        {.column = "debug", .drop = true},
        {.column = "source", .of_table = true, .value = "null"},
        {.column = "seen", .of_table = true},
        {.column = "loaded_at", .of_table = true, .using = "now()"},
    };
    struct buf yaml = BUF_INIT;
    struct err err;

    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
        CHECK_OK(restore_plan_rule_set(plan, &rules[i], &err));
    restore_plan_write_mapping(plan, &yaml);
    CHECK_STR(buf_str(&yaml), "columns:\n"
                              "  lvl:\n"
                              "    to: level\n"
                              "  \"odd: one\":\n"
                              "    using: \"upper(s.\\\"odd: one\\\")\"\n"
                              "  debug:\n"
                              "    drop: true\n"
                              "new:\n"
                              "  source:\n"
                              "    value: \"null\"\n"
                              "  seen:\n"
                              "    value: null\n"
                              "  loaded_at:\n"
                              "    using: \"now()\"\n");
    buf_done(&yaml);
    CHECK_STR(restore_plan_rule(plan, "lvl", false)->to, "level");
    CHECK(!restore_plan_rule(plan, "lvl", true));
    restore_plan_rule_drop(plan, "lvl", false);
    CHECK(!restore_plan_rule(plan, "lvl", false));
    CHECK(!restore_plan_applies(plan, question("differences")));
    restore_plan_free(plan);
}

static void rules_that_say_nothing_or_two_things_are_refused(void)
{
    struct restore_plan *plan = restore_plan_new();
    struct err err;

    CHECK_FAILS(restore_plan_rule_set(plan, &(struct restore_plan_rule){.column = "a"}, &err),
                ERR_USAGE, "nothing is said of \"a\"");
    CHECK_FAILS(restore_plan_rule_set(
                    plan, &(struct restore_plan_rule){.column = "a", .drop = true, .to = "b"},
                    &err),
                ERR_USAGE, "it goes nowhere");
    CHECK_OK(restore_plan_set(plan, "mapping", "own.yaml", &err));
    CHECK_FAILS(restore_plan_rule_set(plan, &(struct restore_plan_rule){.column = "a", .to = "b"},
                                      &err),
                ERR_USAGE, "the columns go by own.yaml");
    restore_plan_free(plan);
}

static void other_rules_are_another_file(void)
{
    struct restore_plan *plan = restore_plan_new(), *other;
    struct restore_plan_call call, again;
    struct buf text = BUF_INIT;
    char *dir = test_mkdtemp();
    struct err err;

    setenv("XDG_STATE_HOME", dir, 1);
    CHECK_OK(
        restore_plan_rule_set(plan, &(struct restore_plan_rule){.column = "a", .to = "b"}, &err));
    other = restore_plan_copy(plan);
    CHECK_OK(restore_plan_keep_mapping(plan, &err));
    restore_plan_make(plan, NULL, &call);
    CHECK_INT(call.params.schema_mode, RESTORE_TRANSFORM);
    CHECK_OK(file_read(call.params.mapping_file, 1000, &text, &err));
    CHECK_STR(buf_str(&text), "columns:\n  a:\n    to: b\n");
    restore_plan_make(other, NULL, &again);
    CHECK_STR(again.params.mapping_file, call.params.mapping_file);
    restore_plan_call_done(&again);
    CHECK_OK(
        restore_plan_rule_set(other, &(struct restore_plan_rule){.column = "a", .to = "c"}, &err));
    restore_plan_make(other, NULL, &again);
    CHECK(strcmp(again.params.mapping_file, call.params.mapping_file) != 0);
    unsetenv("XDG_STATE_HOME");
    restore_plan_call_done(&again);
    restore_plan_call_done(&call);
    restore_plan_free(other);
    restore_plan_free(plan);
    buf_done(&text);
    test_rmdir(dir);
}

static const struct test_case cases[] = {
    {"answers_are_what_they_may_be", answers_are_what_they_may_be},
    {"questions_apply_to_their_source", questions_apply_to_their_source},
    {"a_step_says_what_it_lacks", a_step_says_what_it_lacks},
    {"answers_become_the_words_of_the_command", answers_become_the_words_of_the_command},
    {"the_same_answers_become_parameters", the_same_answers_become_parameters},
    {"rules_become_a_mapping_file", rules_become_a_mapping_file},
    {"rules_that_say_nothing_or_two_things_are_refused",
     rules_that_say_nothing_or_two_things_are_refused},
    {"other_rules_are_another_file", other_rules_are_another_file},
    {NULL, NULL},
};
const struct test_suite restore_plan_suite = {"restore_plan", cases};
