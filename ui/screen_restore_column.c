/* SPDX-License-Identifier: PostgreSQL
 *
 * Restore, what becomes of one column: a rule of the mapping file as a form.
 */
#include <stdlib.h>

#include "base/text.h"
#include "restoring.h"
#include "stepform.h"

static const char *const archive_choices[] = {"by its name", "another column", "left out", NULL};
static const char *const table_choices[] = {"its default", "a value", "NULL", "an expression",
                                            NULL};
enum { BY_NAME, ANOTHER, LEFT_OUT };
enum { ITS_DEFAULT, A_VALUE, A_NULL, AN_EXPRESSION };

struct column_form {
    struct restoring *r;
    char *column, *intro;
    bool of_table;
    size_t what; /* of the choices */
    struct buf to, using, value;
    void (*changed)(void *owner);
    void *owner;
};

/* --- the fields: what, and then what that asks for --- */

enum field { WHAT, TO, USING, VALUE };

static enum field field_at(const struct column_form *f, size_t i)
{
    if (i == 0)
        return WHAT;
    if (f->of_table)
        return f->what == A_VALUE ? VALUE : USING;
    return f->what == ANOTHER && i == 1 ? TO : USING;
}

static size_t count(const void *self)
{
    const struct column_form *f = self;

    if (f->of_table)
        return f->what == A_VALUE || f->what == AN_EXPRESSION ? 2 : 1;
    return f->what == BY_NAME ? 2 : f->what == ANOTHER ? 3 : 1;
}

static const char *const *choices_of(const struct column_form *f)
{
    return f->of_table ? table_choices : archive_choices;
}

static void field(const void *self, size_t i, struct form_field *ret)
{
    const struct column_form *f = self;

    switch (field_at(f, i)) {
    case WHAT:
        *ret = (struct form_field){
            .label = f->of_table ? "Gets" : "Goes into",
            .value = choices_of(f)[f->what],
            .help = f->of_table ? "what the archive has nothing for"
                                : "by its name: the table's column of the same name; left out: "
                                  "its values do not come back"};
        break;
    case TO:
        *ret = (struct form_field){.label = "Column",
                                   .value = buf_str(&f->to),
                                   .help = "of the table"};
        break;
    case USING:
        *ret = (struct form_field){
            .label = "SQL",
            .value = buf_str(&f->using),
            .help = f->of_table ? "an expression of PostgreSQL's; the archive's row is s: "
                                  "lower(s.name), now()"
                                : "empty: converted where every value is kept; else an "
                                  "expression, the archive's row is s: s.amount::numeric(12,2)"};
        break;
    case VALUE:
        *ret = (struct form_field){.label = "Value",
                                   .value = buf_str(&f->value),
                                   .help = "the same text for every row"};
    }
    ret->set = true;
}

static const char *choice(const void *self, size_t i, size_t n)
{
    const struct column_form *f = self;

    return field_at(f, i) != WHAT ? NULL : choices_of(f)[n];
}

/* The nearest name, else all of them. */
static void hint_at_names(const char *name, const char *const *names, size_t count, struct err *err)
{
    const char *nearest = text_nearest(name, names, count);
    struct buf all = BUF_INIT;

    for (size_t i = 0; i < count; i++)
        buf_addf(&all, "%s%s", i > 0 ? ", " : "", names[i]);
    if (nearest)
        err_hint(err, "did you mean \"%s\"?", nearest);
    else
        err_hint(err, "it has %s", buf_str(&all));
    buf_done(&all);
}

/* Does the table have it? */
static bool is_of_table(const struct column_form *f, const char *name, struct err *err)
{
    const struct restore_comparison *of = &f->r->compare.tables[0];
    const char **names = mem_alloc((of->column_count + 1) * sizeof(*names));
    size_t n = 0;
    bool found = false;

    for (size_t i = 0; i < of->column_count; i++) {
        if (!of->columns[i].target || of->columns[i].earlier)
            continue;
        names[n++] = of->columns[i].target;
        found = found || strcmp(name, names[n - 1]) == 0;
    }
    if (!found) {
        err_set(err, ERR_USAGE, "the table has no column \"%s\"", name);
        hint_at_names(name, names, n, err);
    }
    free(names);
    return found;
}

static bool set(void *self, size_t i, const char *text, struct err *err)
{
    struct column_form *f = self;
    enum field which = field_at(f, i);
    struct buf *texts[] = {[TO] = &f->to, [USING] = &f->using, [VALUE] = &f->value};

    if (which == WHAT) {
        for (f->what = 0; strcmp(choices_of(f)[f->what], text) != 0; f->what++)
            ;
        return true;
    }
    if (which == TO && !is_of_table(f, text, err))
        return false;
    buf_reset(texts[which]);
    buf_adds(texts[which], text);
    return true;
}

/* --- the rule --- */

static const char *said(const struct buf *text)
{
    return text->len > 0 ? buf_str(text) : NULL;
}

static void read_rule(struct column_form *f)
{
    const struct restore_plan_rule *rule = restore_plan_rule(f->r->plan, f->column, f->of_table);

    if (!rule)
        return;
    if (f->of_table)
        f->what = rule->using ? AN_EXPRESSION : rule->value ? A_VALUE : A_NULL;
    else
        f->what = rule->drop ? LEFT_OUT : rule->to ? ANOTHER : BY_NAME;
    buf_adds(&f->to, rule->to ? rule->to : "");
    buf_adds(&f->using, rule->using ? rule->using : "");
    buf_adds(&f->value, rule->value ? rule->value : "");
}

static bool write_rule(const struct column_form *f, struct err *err)
{
    struct restore_plan_rule rule = {.column = f->column, .of_table = f->of_table};

    if (f->of_table && f->what == AN_EXPRESSION)
        rule.using = said(&f->using);
    else if (f->of_table && f->what == A_VALUE)
        rule.value = buf_str(&f->value);
    else if (!f->of_table) {
        rule.drop = f->what == LEFT_OUT;
        rule.to = f->what == ANOTHER ? said(&f->to) : NULL;
        rule.using = rule.drop ? NULL : said(&f->using);
    }
    if (f->of_table && f->what == AN_EXPRESSION && !rule.using)
        return err_set(err, ERR_USAGE, "which expression?");
    if (!f->of_table && f->what == ANOTHER && !rule.to)
        return err_set(err, ERR_USAGE, "which column of the table?");
    if (f->of_table ? f->what == ITS_DEFAULT : f->what == BY_NAME && !rule.using) {
        restore_plan_rule_drop(f->r->plan, f->column, f->of_table);
        return true;
    }
    return restore_plan_rule_set(f->r->plan, &rule, err);
}

static void take_rule(struct app *app, void *self)
{
    struct column_form *f = self;
    void (*changed)(void *) = f->changed;
    void *owner = f->owner;
    struct err err;

    if (!write_rule(f, &err)) {
        app_fail(app, &err);
        return;
    }
    app_pop(app); /* the form goes with it */
    changed(owner);
}

static void close_form(void *self)
{
    struct column_form *f = self;

    buf_done(&f->to);
    buf_done(&f->using);
    buf_done(&f->value);
    free(f->column);
    free(f->intro);
    free(f);
}

void restoring_edit_column(struct restoring *r, const struct restore_column *column,
                           void (*changed)(void *owner), void *owner)
{
    static const struct keys_binding bindings[] = {
        STEPFORM_KEYS("take it", "take the rule, and compare again")};
    struct column_form *f = mem_alloc(sizeof(*f));

    f->r = r;
    f->of_table = !column->archive;
    f->column = mem_strdup(column->archive ? column->archive : column->target);
    f->intro = mem_printf("%s's column %s, %s", f->of_table ? "The table" : "The archive",
                          f->column, f->of_table ? column->target_type : column->archive_type);
    f->changed = changed;
    f->owner = owner;
    read_rule(f);
    stepform_open(r->app, &(struct stepform){.crumb = f->column,
                                             .intro = f->intro,
                                             .source = {.self = f,
                                                        .count = count,
                                                        .field = field,
                                                        .choice = choice,
                                                        .set = set},
                                             .forwards = take_rule,
                                             .keys = KEYS(bindings),
                                             .close = close_form});
}
