/* SPDX-License-Identifier: PostgreSQL
 *
 * The archive's columns are placed first, in their order, then the rules' new columns; what no one
 * filled of the table is looked at last. Nothing is ever made up: a column that gets nothing takes
 * the default that the table itself declares.
 */
#include "row/mapping.h"

#include <stdint.h>

#include "row/mapping_rules.h"
#include "row/widening.h"

struct making {
    const struct mapping_params *params;
    struct mapping *mapping;
    struct mapping_rules *rules; /* NULL: none */
    size_t *filled_by;           /* a target column: position in mapping->columns; SIZE_MAX: none */
};

/* --- small things --- */

static void add_quoted(struct buf *sql, const char *text, char quote)
{
    buf_addc(sql, quote);
    for (; *text; text++) {
        if (*text == quote)
            buf_addc(sql, quote);
        buf_addc(sql, *text);
    }
    buf_addc(sql, quote);
}

static const char *keep(struct making *m, struct buf *text)
{
    const char *kept = arena_strdup(m->mapping->arena, buf_str(text));

    buf_done(text);
    return kept;
}

static void note(struct making *m, struct mapping_difference difference)
{
    m->mapping->differences[m->mapping->difference_count++] = difference;
    m->mapping->refused = m->mapping->refused || difference.refuses;
}

static bool is_strict(const struct making *m)
{
    return m->params->mode == MAPPING_STRICT;
}

static bool is_asked_for(const struct making *m, const char *name)
{
    for (size_t i = 0; i < m->params->only_count; i++) {
        if (strcmp(m->params->only_columns[i], name) == 0)
            return true;
    }
    return !m->params->only_columns;
}

static const struct mapping_rule *rule_of(const struct making *m, size_t archive)
{
    for (size_t i = 0; m->rules && i < m->rules->rule_count; i++) {
        if (m->rules->rules[i].archive == archive)
            return &m->rules->rules[i];
    }
    return NULL;
}

/* --- columns of the archive --- */

static void note_removed(struct making *m, const struct column *column)
{
    const char *nearest = mapping_rules_nearest(m->params->target, column->name);
    const char *text = "the table has no such column: its values are left out";

    if (nearest)
        text = arena_printf(m->mapping->arena, "%s; is \"%s\" meant?", text, nearest);
    note(m, (struct mapping_difference){.kind = "removed",
                                        .column = column->name,
                                        .archive_type = column->type->name,
                                        .text = text,
                                        .refuses = is_strict(m)});
}

/* The earlier archiver named some types without schema and length: where it says no more than the
 * catalog's own name, that is all that can be compared. */
static bool is_alike(const struct shape *archive, const struct type *from, const struct type *to)
{
    return archive->earlier && !strchr(from->name, '(') &&
           strcmp(from->udt_name, to->udt_name) == 0;
}

/* How the value gets from the staging table into the column; says where the types differ. */
static const char *convert(struct making *m, const struct column *from, const struct column *to,
                           const struct mapping_rule *rule)
{
    static const char *const texts[] = {
        [WIDENING_ALIKE] = "another name for the same values",
        [WIDENING_CAST] = "converted, every value is kept",
        [WIDENING_LOSES] = "a conversion could change values: say how in a mapping file",
    };
    enum widening widening = is_alike(m->params->archive, from->type, to->type)
                                 ? WIDENING_EQUAL
                                 : widening_of(from->type, to->type);
    struct buf sql = BUF_INIT;

    if (rule && rule->using) {
        note(m, (struct mapping_difference){.kind = "retyped",
                                            .column = from->name,
                                            .archive_type = from->type->name,
                                            .target_type = to->type->name,
                                            .text = "converted as the rules say"});
        buf_addf(&sql, "(%s)", rule->using);
        m->mapping->direct = false;
        return keep(m, &sql);
    }
    if (widening != WIDENING_EQUAL)
        note(m, (struct mapping_difference){.kind = "retyped",
                                            .column = from->name,
                                            .archive_type = from->type->name,
                                            .target_type = to->type->name,
                                            .text = texts[widening],
                                            .refuses = is_strict(m) || widening == WIDENING_LOSES});
    m->mapping->direct = m->mapping->direct && widening <= WIDENING_ALIKE;
    buf_adds(&sql, "s.");
    add_quoted(&sql, from->name, '"');
    if (strcmp(widening_staging(from->type), to->type->name) != 0)
        buf_addf(&sql, "::%s", to->type->name);
    return keep(m, &sql);
}

static void note_written(struct making *m, const struct column *from, const struct column *to)
{
    if (strcmp(from->name, to->name) != 0)
        note(m, (struct mapping_difference){.kind = "renamed",
                                            .column = from->name,
                                            .archive_type = from->type->name,
                                            .target_type = to->type->name,
                                            .text = arena_printf(m->mapping->arena,
                                                                 "goes into \"%s\"", to->name)});
    if (to->identity == 'a') {
        m->mapping->identity_always = true;
        note(m, (struct mapping_difference){.kind = "identity",
                                            .column = from->name,
                                            .archive_type = from->type->name,
                                            .target_type = to->type->name,
                                            .text = "written as archived, over GENERATED ALWAYS"});
    }
    if (to->not_null && !from->not_null)
        note(m, (struct mapping_difference){.kind = "nullable",
                                            .column = from->name,
                                            .archive_type = from->type->name,
                                            .target_type = to->type->name,
                                            .text = "the archive may hold NULLs, the table "
                                                    "refuses them",
                                            .refuses = is_strict(m)});
}

/* One column of the archive has one place only, and a place takes one column. */
static bool fill(struct making *m, size_t target, struct mapping_column column,
                 const struct yaml_node *node, struct err *err)
{
    size_t other = m->filled_by[target];

    if (other == SIZE_MAX) {
        m->filled_by[target] = m->mapping->column_count;
        m->mapping->columns[m->mapping->column_count++] = column;
        return true;
    }
    /* Names differ within a table, so one of the two was named by a rule. */
    size_t archive = m->mapping->columns[other].archive;
    const struct mapping_rule *rule = archive == SIZE_MAX ? NULL : rule_of(m, archive);
    err_set(err, ERR_CONFIG, "two things go into column \"%s\"", column.target);
    if (archive != SIZE_MAX)
        err_why(err, "one is the archive's \"%s\"", m->params->archive->columns[archive].name);
    err_hint(err, "drop one, or give it another place");
    return yaml_at(node ? node : rule->node, err);
}

static bool place(struct making *m, size_t archive, struct err *err)
{
    const struct column *from = &m->params->archive->columns[archive];
    const struct mapping_rule *rule = rule_of(m, archive);
    size_t target = rule && !rule->drop ? rule->target : shape_find(m->params->target, from->name);

    if (rule && rule->drop) {
        note(m, (struct mapping_difference){.kind = "dropped",
                                            .column = from->name,
                                            .archive_type = from->type->name,
                                            .text = "left out, as the rules say"});
        return true;
    }
    if (target == SIZE_MAX) {
        note_removed(m, from);
        return true;
    }
    const struct column *to = &m->params->target->columns[target];
    if (to->generated) {
        note(m, (struct mapping_difference){.kind = "generated",
                                            .column = from->name,
                                            .archive_type = from->type->name,
                                            .target_type = to->type->name,
                                            .text = "computed by the table, not written",
                                            .refuses = is_strict(m) && !from->generated});
        return true;
    }
    note_written(m, from, to);
    struct mapping_column column = {.target = to->name,
                                    .archive = archive,
                                    .expression = convert(m, from, to, rule)};
    return fill(m, target, column, rule ? rule->node : NULL, err);
}

/* --- columns that only the table has --- */

/* A literal takes the column's type, but not its length: what is too long then is an error. */
static void add_literal(struct buf *sql, const char *value, const struct type *type)
{
    const char *end = strchr(type->name, '"') ? NULL : strchr(type->name, '(');
    bool text = strncmp(type->name, "character", 9) == 0 || strncmp(type->name, "bit", 3) == 0;

    if (!value) {
        buf_adds(sql, "NULL");
        return;
    }
    add_quoted(sql, value, '\'');
    if (text)
        return;
    const char *close = end ? strchr(end, ')') : NULL;
    if (close)
        buf_addf(sql, "::%.*s%s", (int)(end - type->name), type->name, close + 1);
    else
        buf_addf(sql, "::%s", type->name);
}

static bool place_source(struct making *m, const struct mapping_source *source, struct err *err)
{
    const struct column *to = &m->params->target->columns[source->target];
    struct buf sql = BUF_INIT;

    if (source->using)
        buf_addf(&sql, "(%s)", source->using);
    else
        add_literal(&sql, source->value, to->type);
    note(m, (struct mapping_difference){.kind = "added",
                                        .column = to->name,
                                        .target_type = to->type->name,
                                        .text = "filled as the rules say"});
    m->mapping->direct = false;
    m->mapping->identity_always = m->mapping->identity_always || to->identity == 'a';
    return fill(m, source->target,
                (struct mapping_column){.target = to->name,
                                        .archive = SIZE_MAX,
                                        .expression = keep(m, &sql)},
                source->node, err);
}

/* A column of the table that nothing goes into. */
static void look_at_unfilled(struct making *m, const struct column *to)
{
    bool in_archive = shape_find(m->params->archive, to->name) != SIZE_MAX;
    bool left_out = in_archive && !is_asked_for(m, to->name);
    struct mapping_difference d = {.kind = "added",
                                   .column = to->name,
                                   .target_type = to->type->name};

    if (to->generated) {
        if (in_archive)
            return; /* said where its values were left out */
        d.text = "computed by the table";
    } else if (to->identity) {
        d.text = "numbered by the table";
    } else if (to->default_expr) {
        d.text = arena_printf(m->mapping->arena, "takes its default: %s", to->default_expr);
    } else if (to->not_null) {
        d.kind = "required";
        d.text = left_out ? "NOT NULL without a default, and not among the columns asked for"
                          : "NOT NULL without a default, and nothing goes into it";
    } else {
        d.text = "becomes NULL";
    }
    /* Whoever asked for some columns only knows that the others are missing. */
    d.refuses = strcmp(d.kind, "required") == 0 || (is_strict(m) && !left_out);
    note(m, d);
}

/* --- all of it --- */

static bool check_only(const struct mapping_params *params, struct err *err)
{
    for (size_t i = 0; i < params->only_count; i++) {
        const char *name = params->only_columns[i];
        if (shape_find(params->archive, name) != SIZE_MAX)
            continue;
        err_set(err, ERR_USAGE, "there is no column \"%s\" in the archive", name);
        const char *nearest = mapping_rules_nearest(params->archive, name);
        if (nearest)
            err_hint(err, "did you mean \"%s\"?", nearest);
        return false;
    }
    return true;
}

static bool load_rules(struct making *m, struct err *err)
{
    const struct mapping_params *p = m->params;

    if (!p->rules_file)
        return true;
    if (p->mode != MAPPING_TRANSFORM) {
        err_set(err, ERR_USAGE, "a mapping file goes with --schema transform only");
        return false;
    }
    m->rules = mapping_rules_load(p->rules_file, p->archive, p->target, m->mapping->arena, err);
    return m->rules != NULL;
}

static void make_room(struct making *m)
{
    size_t archive = m->params->archive->column_count, target = m->params->target->column_count;
    struct arena *arena = m->mapping->arena;

    m->filled_by = arena_alloc(arena, (target + 1) * sizeof(*m->filled_by));
    for (size_t i = 0; i < target; i++)
        m->filled_by[i] = SIZE_MAX;
    m->mapping->columns = arena_alloc(arena, (target + 1) * sizeof(*m->mapping->columns));
    m->mapping->staged = arena_alloc(arena, (archive + 1) * sizeof(*m->mapping->staged));
    /* A column of the archive: renamed, identity, nullable, retyped; of the table: one. */
    m->mapping->differences =
        arena_alloc(arena, (4 * archive + 2 * target + 1) * sizeof(*m->mapping->differences));
}

/* An expression of the rules may read any column; without rules only what is written is staged. */
static void stage(struct making *m)
{
    const struct shape *archive = m->params->archive;
    struct mapping *mapping = m->mapping;

    for (size_t i = 0; i < archive->column_count; i++) {
        bool used = m->rules != NULL;
        for (size_t c = 0; c < mapping->column_count && !used; c++)
            used = mapping->columns[c].archive == i;
        if (used)
            mapping->staged[mapping->staged_count++] =
                (struct mapping_staged){.archive = i,
                                        .type = widening_staging(archive->columns[i].type)};
    }
}

static bool make(struct making *m, struct err *err)
{
    const struct mapping_params *p = m->params;

    if (!check_only(p, err) || !load_rules(m, err))
        return false;
    make_room(m);
    for (size_t i = 0; i < p->archive->column_count; i++) {
        if (is_asked_for(m, p->archive->columns[i].name) && !place(m, i, err))
            return false;
    }
    for (size_t i = 0; m->rules && i < m->rules->source_count; i++) {
        if (!place_source(m, &m->rules->sources[i], err))
            return false;
    }
    for (size_t i = 0; i < p->target->column_count; i++) {
        if (m->filled_by[i] == SIZE_MAX)
            look_at_unfilled(m, &p->target->columns[i]);
    }
    stage(m);
    return true;
}

struct mapping *mapping_new(const struct mapping_params *params, struct err *err)
{
    struct arena *arena = arena_new();
    struct making m = {.params = params, .mapping = arena_alloc(arena, sizeof(*m.mapping))};

    m.mapping->arena = arena;
    m.mapping->direct = true;
    if (make(&m, err))
        return m.mapping;
    arena_free(arena);
    return NULL;
}

void mapping_free(struct mapping *mapping)
{
    if (mapping)
        arena_free(mapping->arena); /* the mapping itself stands in it */
}
