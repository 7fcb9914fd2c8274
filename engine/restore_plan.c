/* SPDX-License-Identifier: PostgreSQL */
#include "restore_plan.h"

#include <stddef.h>
#include <stdlib.h>

#include "base/text.h"
#include "postgres/url.h"

struct restore_plan {
    char *answers[RESTORE_PLAN_QUESTIONS_MAX]; /* NULL: none */
    struct restore_plan_rule *rules;           /* their texts are owned */
    size_t rule_count;
};

/* --- the questions --- */

bool restore_plan_is(const struct restore_plan *plan, const char *id, const char *text)
{
    return strcmp(restore_plan_get(plan, id), text) == 0;
}

static bool by_archives(const struct restore_plan *plan)
{
    return restore_plan_is(plan, "source", "archives");
}

static bool by_table(const struct restore_plan *plan)
{
    return restore_plan_is(plan, "source", "table");
}

static bool is_rollback(const struct restore_plan *plan)
{
    return restore_plan_is(plan, "source", "rollback");
}

static bool by_run(const struct restore_plan *plan)
{
    return restore_plan_is(plan, "source", "run") || is_rollback(plan);
}

static bool by_table_or_run(const struct restore_plan *plan)
{
    return !by_archives(plan);
}

/* A rollback is of the whole run. */
static bool may_be_part(const struct restore_plan *plan)
{
    return !is_rollback(plan);
}

static bool has_own_mapping(const struct restore_plan *plan)
{
    return restore_plan_is_answered(plan, "mapping");
}

/* A mapping decides on differences. */
static bool has_no_mapping(const struct restore_plan *plan)
{
    return plan->rule_count == 0 && !has_own_mapping(plan);
}

static bool has_no_rules(const struct restore_plan *plan)
{
    return plan->rule_count == 0;
}

static bool is_moment(const char *text, struct err *err)
{
    int64_t us;

    if (text_to_time(text, strlen(text), &us))
        return true;
    err_set(err, ERR_USAGE, "\"%s\" is not a date or timestamp", text);
    return err_hint(err, "write 2026-01-31 or 2026-01-31T12:00:00Z");
}

static bool is_count(const char *text, struct err *err)
{
    int64_t n;

    if (text_to_int(text, &n) && n > 0)
        return true;
    return err_set(err, ERR_USAGE, "\"%s\" is not a number of rows", text);
}

static bool is_text(const char *text, struct err *err)
{
    if (text[strspn(text, " \t")])
        return true;
    return err_set(err, ERR_USAGE, "blanks alone are no answer");
}

static const char *const source_choices[] = {"table", "archives", "run", "rollback", NULL};
static const char *const truth_choices[] = {"no", "yes", NULL};
static const char *const mode_choices[] = {"strict", "lenient", NULL};
static const char *const conflict_choices[] = {"fail", "skip", "overwrite", "upsert", NULL};

#define FIELD(name) offsetof(struct restore_params, name)

static const struct restore_plan_question questions[] = {
    {.id = "source",
     .step = PLAN_SOURCE,
     .prompt = "Bring back",
     .help = "table: rows of one table, by date. archives: those named. run: what one run "
             "archived. rollback: all of a run, every key looked up, its archives marked",
     .choices = source_choices,
     .fallback = "table"},
    {.id = "keys",
     .step = PLAN_SOURCE,
     .prompt = "Archives",
     .help = "their names, with blanks between; Archives (3) marks them and brings them here",
     .may_be = is_text,
     .applies = by_archives},
    {.id = "run",
     .step = PLAN_SOURCE,
     .prompt = "Run",
     .help = "its id, or the part behind the last dash; Runs (2) has it",
     .may_be = is_text,
     .applies = by_run,
     .field = FIELD(run_id)},
    {.id = "database",
     .step = PLAN_SOURCE,
     .prompt = "Database",
     .help = "as the configuration names it; empty: any",
     .may_be = is_text,
     .applies = by_table_or_run,
     .flag = "-d",
     .field = FIELD(database)},
    {.id = "schema",
     .step = PLAN_SOURCE,
     .prompt = "Schema",
     .help = "that the rows were in; empty: any",
     .may_be = is_text,
     .applies = by_table_or_run,
     .field = FIELD(schema)},
    {.id = "table",
     .step = PLAN_SOURCE,
     .prompt = "Table",
     .help = "that the rows were in; of a run, empty takes all of them",
     .may_be = is_text,
     .applies = by_table_or_run,
     .field = FIELD(table)},
    {.id = "start-date",
     .step = PLAN_SOURCE,
     .prompt = "Rows from",
     .help = "a date or a timestamp of the rows: 2026-01-31, 2026-01-31T12:00:00Z; empty: from "
             "the first",
     .may_be = is_moment,
     .applies = may_be_part,
     .flag = "--start-date",
     .field = FIELD(start_date)},
    {.id = "end-date",
     .step = PLAN_SOURCE,
     .prompt = "Rows before",
     .help = "exclusive; empty: to the last",
     .may_be = is_moment,
     .applies = may_be_part,
     .flag = "--end-date",
     .field = FIELD(end_date)},
    {.id = "where",
     .step = PLAN_SOURCE,
     .prompt = "Rows where",
     .help = "an expression over the archive's columns (doc/where.md), as: level = 'error' AND id "
             "> 100; empty: all",
     .may_be = is_text,
     .applies = may_be_part,
     .flag = "--where",
     .field = FIELD(where)},
    {.id = "new-only",
     .step = PLAN_SOURCE,
     .prompt = "Only new ones",
     .help = "yes: archives that are back whole already are passed over",
     .choices = truth_choices,
     .fallback = "no",
     .applies = may_be_part,
     .flag = "--new-only",
     .field = FIELD(new_only)},
    {.id = "to-database",
     .step = PLAN_TARGET,
     .prompt = "Into database",
     .help = "a name of the configuration, or postgresql://user@host/name without a password; "
             "empty: where the rows came from",
     .may_be = is_text,
     .flag = "--to-database",
     .field = FIELD(to_database)},
    {.id = "to-schema",
     .step = PLAN_TARGET,
     .prompt = "Into schema",
     .help = "empty: the one the rows came from",
     .may_be = is_text,
     .flag = "--to-schema",
     .field = FIELD(to_schema)},
    {.id = "to-table",
     .step = PLAN_TARGET,
     .prompt = "Into table",
     .help = "empty: the one the rows came from",
     .may_be = is_text,
     .field = FIELD(to_table)},
    {.id = "create-table",
     .step = PLAN_TARGET,
     .prompt = "Create it",
     .help = "yes: a table that is not there is made as it was archived, with keys and indexes",
     .choices = truth_choices,
     .fallback = "no",
     .flag = "--create-table",
     .field = FIELD(create_table)},
    {.id = "differences",
     .step = PLAN_TARGET,
     .prompt = "Differences",
     .help = "lenient: columns go by name, what keeps every value is converted, the rest is said. "
             "strict: any difference refuses",
     .choices = mode_choices,
     .fallback = "lenient",
     .applies = has_no_mapping},
    {.id = "mapping",
     .step = PLAN_TARGET,
     .prompt = "Mapping file",
     .help = "one of your own (doc/restore.md); empty: the next step makes one where it is needed",
     .may_be = is_text,
     .applies = has_no_rules},
    {.id = "on-conflict",
     .step = PLAN_CONFLICT,
     .prompt = "Rows there already",
     .help = "fail: nothing of that table comes back. skip: they stay. overwrite: replaced as a "
             "whole. upsert: they get the columns that the archive has",
     .choices = conflict_choices,
     .fallback = "fail"},
    {.id = "conflict-key",
     .step = PLAN_CONFLICT,
     .prompt = "Known by",
     .help = "columns of a unique key, with commas between; empty: the primary key, else a unique "
             "one",
     .may_be = is_text},
    {.id = "commit-rows",
     .step = PLAN_CONFLICT,
     .prompt = "Rows a commit",
     .help = "empty: with fail, a table is one transaction, else an archive is",
     .may_be = is_count,
     .flag = "--commit-rows"},
    {.id = "disable-triggers",
     .step = PLAN_CONFLICT,
     .prompt = "Triggers off",
     .help = "yes: the table's triggers do not fire for rows that come back",
     .choices = truth_choices,
     .fallback = "no",
     .flag = "--disable-triggers",
     .field = FIELD(disable_triggers)},
    {.id = "drop-indexes",
     .step = PLAN_CONFLICT,
     .prompt = "Indexes aside",
     .help = "yes: indexes that no constraint needs are dropped meanwhile, and made again after",
     .choices = truth_choices,
     .fallback = "no",
     .flag = "--drop-indexes",
     .field = FIELD(drop_indexes)},
    {.id = "skip-damaged",
     .step = PLAN_CONFLICT,
     .prompt = "Skip damage",
     .help = "yes: go on behind what is damaged, and say which rows are lost",
     .choices = truth_choices,
     .fallback = "no",
     .flag = "--skip-damaged",
     .field = FIELD(skip_damaged)},
};

enum { QUESTION_COUNT = sizeof(questions) / sizeof(questions[0]) };
_Static_assert(sizeof(questions) / sizeof(questions[0]) <= RESTORE_PLAN_QUESTIONS_MAX,
               "more questions than answers");

const struct restore_plan_question *restore_plan_question(size_t i)
{
    return i < QUESTION_COUNT ? &questions[i] : NULL;
}

static size_t position(const char *id)
{
    size_t i = 0;

    while (i < QUESTION_COUNT && strcmp(questions[i].id, id) != 0)
        i++;
    return i;
}

static bool is_one_of(const char *const *choices, const char *text)
{
    while (*choices && strcmp(*choices, text) != 0)
        choices++;
    return *choices != NULL;
}

/* --- answers --- */

struct restore_plan *restore_plan_new(void)
{
    return mem_alloc(sizeof(struct restore_plan));
}

static char *copy_of(const char *text)
{
    return text ? mem_strdup(text) : NULL;
}

static void free_rule(struct restore_plan_rule *rule)
{
    free((char *)rule->column);
    free((char *)rule->to);
    free((char *)rule->using);
    free((char *)rule->value);
}

void restore_plan_free(struct restore_plan *plan)
{
    if (!plan)
        return;
    for (size_t i = 0; i < QUESTION_COUNT; i++)
        free(plan->answers[i]);
    for (size_t i = 0; i < plan->rule_count; i++)
        free_rule(&plan->rules[i]);
    free(plan->rules);
    free(plan);
}

static void add_rule(struct restore_plan *plan, const struct restore_plan_rule *rule)
{
    plan->rules = mem_grow(plan->rules, (plan->rule_count + 1) * sizeof(*plan->rules));
    plan->rules[plan->rule_count++] = (struct restore_plan_rule){.column = copy_of(rule->column),
                                                                 .of_table = rule->of_table,
                                                                 .drop = rule->drop,
                                                                 .to = copy_of(rule->to),
                                                                 .using = copy_of(rule->using),
                                                                 .value = copy_of(rule->value)};
}

struct restore_plan *restore_plan_copy(const struct restore_plan *plan)
{
    struct restore_plan *copy = restore_plan_new();

    for (size_t i = 0; i < QUESTION_COUNT; i++)
        copy->answers[i] = copy_of(plan->answers[i]);
    for (size_t i = 0; i < plan->rule_count; i++)
        add_rule(copy, &plan->rules[i]);
    return copy;
}

static bool may_be(const struct restore_plan_question *q, const char *text, struct err *err)
{
    if (q->may_be)
        return q->may_be(text, err);
    if (is_one_of(q->choices, text))
        return true;
    return err_set(err, ERR_USAGE, "%s: \"%s\" is none of the choices", q->prompt, text);
}

bool restore_plan_set(struct restore_plan *plan, const char *id, const char *text, struct err *err)
{
    size_t i = position(id);

    if (i == QUESTION_COUNT)
        return err_set(err, ERR_USAGE, "there is no question \"%s\"", id);
    if (*text && !may_be(&questions[i], text, err))
        return false;
    free(plan->answers[i]);
    plan->answers[i] = *text ? mem_strdup(text) : NULL;
    return true;
}

const char *restore_plan_get(const struct restore_plan *plan, const char *id)
{
    size_t i = position(id);

    if (i < QUESTION_COUNT && plan->answers[i])
        return plan->answers[i];
    return i < QUESTION_COUNT && questions[i].fallback ? questions[i].fallback : "";
}

bool restore_plan_is_answered(const struct restore_plan *plan, const char *id)
{
    size_t i = position(id);

    return i < QUESTION_COUNT && plan->answers[i];
}

bool restore_plan_applies(const struct restore_plan *plan, const struct restore_plan_question *q)
{
    return !q->applies || q->applies(plan);
}

/* --- steps --- */

static bool needs(const struct restore_plan *plan, const char *id, const char *what,
                  struct err *err)
{
    if (*restore_plan_get(plan, id))
        return true;
    err_set(err, ERR_USAGE, "%s", what);
    return err_hint(err, "answer \"%s\"", questions[position(id)].prompt);
}

static bool dates_go_on(const struct restore_plan *plan, struct err *err)
{
    const char *from = restore_plan_get(plan, "start-date");
    const char *to = restore_plan_get(plan, "end-date");
    int64_t from_us, to_us;

    if (is_rollback(plan) || !*from || !*to || !text_to_time(from, strlen(from), &from_us) ||
        !text_to_time(to, strlen(to), &to_us) || from_us < to_us)
        return true;
    return err_set(err, ERR_USAGE, "no row is from %s on and before %s", from, to);
}

static bool check_source(const struct restore_plan *plan, struct err *err)
{
    if (by_archives(plan) && !needs(plan, "keys", "no archive is named", err))
        return false;
    if (by_run(plan) && !needs(plan, "run", "no run is named", err))
        return false;
    if ((by_table(plan) || (by_run(plan) && *restore_plan_get(plan, "schema"))) &&
        !needs(plan, "table", "no table is named", err))
        return false;
    return dates_go_on(plan, err);
}

static bool check_target(const struct restore_plan *plan, const struct config *config,
                         struct err *err)
{
    const char *name = restore_plan_get(plan, "to-database");
    const char **names;
    bool found = !*name || url_is(name);

    if (found)
        return true;
    names = mem_alloc((config->database_count + 1) * sizeof(*names));
    for (size_t i = 0; i < config->database_count; i++) {
        names[i] = config->databases[i].name;
        found = found || strcmp(names[i], name) == 0;
    }
    if (!found) {
        const char *nearest = text_nearest(name, names, config->database_count);
        err_set(err, ERR_USAGE, "database %s is not in the configuration", name);
        if (nearest)
            err_hint(err, "did you mean \"%s\"?", nearest);
        else
            err_hint(err, "name one of %s, or a postgresql:// URL", config->path);
    }
    free(names);
    return found;
}

bool restore_plan_check(const struct restore_plan *plan, enum restore_plan_step step,
                        const struct config *config, struct err *err)
{
    switch (step) {
    case PLAN_SOURCE:
        return check_source(plan, err);
    case PLAN_TARGET:
        return check_target(plan, config, err);
    case PLAN_CONFLICT:
        break;
    }
    return true;
}

/* --- what becomes of columns --- */

static size_t find_rule(const struct restore_plan *plan, const char *column, bool of_table)
{
    size_t i = 0;

    while (i < plan->rule_count &&
           (plan->rules[i].of_table != of_table || strcmp(plan->rules[i].column, column) != 0))
        i++;
    return i;
}

static bool makes_sense(const struct restore_plan_rule *rule, struct err *err)
{
    if (rule->of_table && rule->using && rule->value)
        return err_set(err, ERR_USAGE, "\"%s\" gets a value or an expression, not both",
                       rule->column);
    if (!rule->of_table && rule->drop && (rule->to || rule->using))
        return err_set(err, ERR_USAGE, "\"%s\" is left out: it goes nowhere", rule->column);
    if (!rule->of_table && !rule->drop && !rule->to && !rule->using)
        return err_set(err, ERR_USAGE, "nothing is said of \"%s\"", rule->column);
    return true;
}

bool restore_plan_rule_set(struct restore_plan *plan, const struct restore_plan_rule *rule,
                           struct err *err)
{
    if (!makes_sense(rule, err))
        return false;
    if (has_own_mapping(plan)) {
        err_set(err, ERR_USAGE, "the columns go by %s", restore_plan_get(plan, "mapping"));
        return err_hint(err, "change that file, or take it out of the step before");
    }
    restore_plan_rule_drop(plan, rule->column, rule->of_table);
    add_rule(plan, rule);
    return true;
}

void restore_plan_rule_drop(struct restore_plan *plan, const char *column, bool of_table)
{
    size_t i = find_rule(plan, column, of_table);

    if (i == plan->rule_count)
        return;
    free_rule(&plan->rules[i]);
    plan->rule_count--;
    memmove(plan->rules + i, plan->rules + i + 1, (plan->rule_count - i) * sizeof(*plan->rules));
}

const struct restore_plan_rule *restore_plan_rule(const struct restore_plan *plan,
                                                  const char *column, bool of_table)
{
    size_t i = find_rule(plan, column, of_table);

    return i < plan->rule_count ? &plan->rules[i] : NULL;
}

const struct restore_plan_rule *restore_plan_rule_at(const struct restore_plan *plan, size_t i)
{
    return i < plan->rule_count ? &plan->rules[i] : NULL;
}
