/* SPDX-License-Identifier: PostgreSQL */
#include "config/edit.h"

#include <stdlib.h>

#include "base/diff.h"
#include "base/file.h"
#include "config/lines.h"
#include "config/yaml.h"

struct group {
    char *title;
    enum option_section sections[2];
    size_t section_count;
    const struct yaml_node *map; /* NULL: it is not in the file */
    const char *name;            /* of a section that is not there */
};

struct set_value {
    size_t group;
    const struct option_row *row;
    char *text; /* NULL: says nothing any more */
};

struct edit {
    char *path;
    struct arena *arena;
    const struct yaml_node *root;
    struct buf before; /* the file as it was opened */
    struct group *groups;
    size_t group_count;
    struct set_value *values;
    size_t value_count;
};

/* --- parts --- */

static struct group *add_group(struct edit *e, char *title, enum option_section section,
                               const struct yaml_node *map)
{
    e->groups = mem_grow(e->groups, (e->group_count + 1) * sizeof(*e->groups));
    struct group *g = &e->groups[e->group_count++];
    *g = (struct group){.title = title, .sections = {section}, .section_count = 1, .map = map};
    return g;
}

static const char *text_of(const struct yaml_node *map, const char *key, const char *otherwise)
{
    const struct yaml_node *node = yaml_get(map, key);

    return node && node->kind == YAML_SCALAR ? node->text : otherwise;
}

static void add_tables(struct edit *e, const struct yaml_node *database, const char *name)
{
    const struct yaml_node *tables = yaml_get(database, "tables");

    for (size_t i = 0; tables && tables->kind == YAML_LIST && i < tables->count; i++) {
        const struct yaml_node *map = tables->items[i];
        if (map->kind != YAML_MAP)
            continue;
        struct group *g =
            add_group(e,
                      mem_printf("table %s.%s.%s", name, text_of(map, "schema", "public"),
                                 text_of(map, "name", "?")),
                      IN_TABLE, map);
        g->sections[g->section_count++] = IN_SETTINGS;
    }
}

static void add_databases(struct edit *e, const struct yaml_node *list)
{
    for (size_t i = 0; list && list->kind == YAML_LIST && i < list->count; i++) {
        const struct yaml_node *map = list->items[i];
        if (map->kind != YAML_MAP)
            continue;
        const char *name = text_of(map, "name", "?");
        struct group *g = add_group(e, mem_printf("database %s", name), IN_DATABASE, map);
        g->sections[g->section_count++] = IN_SETTINGS;
        add_tables(e, map, name);
    }
}

static const struct option_row *section_row(enum option_section section)
{
    return options_find(IN_FILE, options_section_name(section));
}

static void add_groups(struct edit *e)
{
    static const enum option_section order[] = {IN_S3,         IN_SETTINGS,   IN_LOGGING,
                                                IN_MONITORING, IN_COMPLIANCE, IN_ENCRYPTION};

    add_group(e, mem_strdup("the file"), IN_FILE, e->root);
    for (int there = 1; there >= 0; there--) {
        for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
            const char *name = section_row(order[i])->name;
            const struct yaml_node *map = yaml_get(e->root, name);
            bool is_map = map && map->kind == YAML_MAP;
            if (is_map != (there == 1))
                continue;
            add_group(e, mem_strdup(name), order[i], is_map ? map : NULL)->name = name;
        }
        if (there)
            add_databases(e, yaml_get(e->root, "databases"));
    }
}

bool edit_group(const struct edit *e, size_t i, struct edit_group *ret_group)
{
    if (i >= e->group_count)
        return false;
    *ret_group = (struct edit_group){e->groups[i].title, e->groups[i].map != NULL};
    return true;
}

static bool is_editable(const struct option_row *row)
{
    return row->effect == OPTION_ACTS && row->type != OPTION_MAP && row->type != OPTION_LIST &&
           row->type != OPTION_ANY && strcmp(row->name, "version") != 0;
}

const struct option_row *edit_option(const struct edit *e, size_t group, size_t i)
{
    const struct group *g = &e->groups[group];

    for (size_t s = 0; s < g->section_count; s++) {
        for (size_t r = 0; r < options_count; r++) {
            if (options_table[r].section == g->sections[s] && is_editable(&options_table[r]) &&
                i-- == 0)
                return &options_table[r];
        }
    }
    return NULL;
}

/* --- values --- */

/* Under whichever of its names; *ret_key may be NULL. */
static const struct yaml_node *find_value(const struct group *g, const struct option_row *row,
                                          const struct yaml_node **ret_key)
{
    for (size_t i = 0; g->map && i < g->map->count; i++) {
        if (options_find(row->section, g->map->keys[i]->text) != row)
            continue;
        if (ret_key)
            *ret_key = g->map->keys[i];
        return g->map->items[i];
    }
    return NULL;
}

static struct set_value *find_set(const struct edit *e, size_t group, const struct option_row *row)
{
    for (size_t i = 0; i < e->value_count; i++) {
        if (e->values[i].group == group && e->values[i].row == row)
            return &e->values[i];
    }
    return NULL;
}

const char *edit_said(const struct edit *e, size_t group, const struct option_row *row)
{
    const struct set_value *set = find_set(e, group, row);
    const struct yaml_node *value = find_value(&e->groups[group], row, NULL);

    if (set)
        return set->text;
    if (!value || yaml_is_null(value))
        return NULL;
    if (row->secret)
        return "";
    return value->kind == YAML_SCALAR ? value->text : "(a list)";
}

/* The part that a table's or database's settings come from; SIZE_MAX: none. */
static size_t above(const struct edit *e, size_t group)
{
    enum option_section section = e->groups[group].sections[0];

    if (section == IN_TABLE) { /* its database stands before it */
        while (e->groups[group].sections[0] != IN_DATABASE)
            group--;
        return group;
    }
    for (size_t i = 0; section == IN_DATABASE && i < e->group_count; i++) {
        if (e->groups[i].sections[0] == IN_SETTINGS)
            return i;
    }
    return SIZE_MAX;
}

const char *edit_inherited(const struct edit *e, size_t group, const struct option_row *row)
{
    const char *said = NULL;

    while (!said && row->section == IN_SETTINGS && (group = above(e, group)) != SIZE_MAX)
        said = edit_said(e, group, row);
    return said ? said : row->fallback;
}

/* A plain or quoted scalar that ends on the line where its key stands. */
static bool check_place(const struct edit *e, const struct group *g, const struct option_row *row,
                        struct err *err)
{
    const struct yaml_node *key = NULL, *value = find_value(g, row, &key);

    if (g->map && !lines_check_map(e->path, g->map, err))
        return false;
    if (!value)
        return true;
    if (value->kind == YAML_SCALAR && value->line == key->line && strcmp(value->file, e->path) == 0)
        return true;
    err_set(err, ERR_CONFIG, "%s is not written as one value behind its key", row->name);
    yaml_at(value, err);
    return err_hint(err, "change it in the file");
}

static bool check_value(const struct option_row *row, const char *text, struct err *err)
{
    struct arena *arena = arena_new();
    /* The largest of the structs that an offset may be in. */
    union {
        struct config file;
        struct config_s3 s3;
        struct config_settings settings;
        struct config_database database;
        struct config_table table;
    } *any = mem_alloc(sizeof(*any));
    bool ok = options_set(row, text, false, any, arena, err);

    free(any);
    arena_free(arena);
    return ok;
}

bool edit_set(struct edit *e, size_t group, const struct option_row *row, const char *text,
              struct err *err)
{
    struct set_value *set = find_set(e, group, row);
    const char *was = edit_said(e, group, row);
    bool nothing = !text || (!*text && !row->may_empty);

    if (row->secret)
        return err_set(err, ERR_CONFIG, "%s: a secret is not edited here", row->name) ||
               err_hint(err, "${VARIABLE} or a file keeps it out of the configuration");
    if (nothing ? was == NULL : was && strcmp(was, text) == 0)
        return true;
    if (nothing && row->required)
        return err_set(err, ERR_CONFIG, "%s has to be said", row->name);
    if (!check_place(e, &e->groups[group], row, err) || (!nothing && !check_value(row, text, err)))
        return false;
    if (!set) {
        e->values = mem_grow(e->values, (e->value_count + 1) * sizeof(*e->values));
        set = &e->values[e->value_count++];
        *set = (struct set_value){.group = group, .row = row};
    }
    free(set->text);
    set->text = nothing ? NULL : mem_strdup(text);
    return true;
}

/* Does it say another thing than the file? */
static bool is_change(const struct edit *e, const struct set_value *set)
{
    const struct yaml_node *value = find_value(&e->groups[set->group], set->row, NULL);
    bool said = value && !yaml_is_null(value);

    if (!set->text || !said)
        return (set->text != NULL) != said;
    return value->kind != YAML_SCALAR || strcmp(value->text, set->text) != 0;
}

size_t edit_changes(const struct edit *e)
{
    size_t n = 0;

    for (size_t i = 0; i < e->value_count; i++)
        n += is_change(e, &e->values[i]);
    return n;
}

/* --- lines --- */

static void add_value(struct buf *line, const struct set_value *set)
{
    enum option_type type = set->row->type;

    if (type == OPTION_INT || type == OPTION_REAL || type == OPTION_BOOL)
        buf_adds(line, set->text);
    else
        yaml_add_scalar(line, set->text);
}

/* Where the value on this line ends: behind its quotes, or before " #" and the blanks there. */
static size_t end_of_value(const char *line, size_t from)
{
    char quote = line[from];
    size_t at = from;

    if (quote == '"' || quote == '\'') {
        for (at++; line[at]; at++) {
            if (quote == '"' && line[at] == '\\' && line[at + 1])
                at++;
            else if (quote == '\'' && line[at] == '\'' && line[at + 1] == '\'')
                at++;
            else if (line[at] == quote)
                return at + 1;
        }
        return at;
    }
    while (line[at] && !(line[at] == '#' && (at == 0 || line[at - 1] == ' ')))
        at++;
    while (at > from && (line[at - 1] == ' ' || line[at - 1] == '\t'))
        at--;
    return at;
}

static void change_value(struct lines *lines, const struct yaml_node *key,
                         const struct set_value *set)
{
    const char *line = lines->items[key->line - 1];
    size_t colon = (size_t)key->column - 1;
    struct buf changed = BUF_INIT;

    colon += strcspn(line + colon, ":");
    size_t from = colon + 1 + strspn(line + colon + 1, " \t");
    /* Nothing behind the colon but a comment: the value goes before it. */
    size_t to = line[from] == '#' ? colon + 1 : end_of_value(line, from);
    buf_addf(&changed, "%.*s: ", (int)colon, line);
    add_value(&changed, set);
    buf_addf(&changed, "%s%s", line[from] == '#' ? " " : "",
             line + (line[from] == '#' ? from : to));
    lines_replace(lines, key->line, buf_str(&changed));
    buf_done(&changed);
}

/* A list's item begins with its first key, whose dash must not go. */
static void remove_value(struct lines *lines, const struct group *g, const struct yaml_node *key,
                         const struct set_value *set)
{
    const char *line = lines->items[key->line - 1];
    bool item = line[strspn(line, " ")] == '-';
    int last = lines_last_of(lines, key->line, key->column, false);

    if (item) { /* null says nothing, too */
        struct buf changed = BUF_INIT;
        buf_addf(&changed, "%.*s%s: null", key->column - 1, line, set->row->name);
        lines_replace(lines, key->line, buf_str(&changed));
        buf_done(&changed);
    } else if (g->map->count > 1) {
        lines_remove(lines, key->line, last);
    } else {
        lines_replace(lines, key->line, "");
    }
}

static void insert_value(struct lines *lines, const struct group *g, const struct set_value *set)
{
    struct buf line = BUF_INIT;
    const struct yaml_node *key = g->map ? g->map->keys[g->map->count > 1 ? 1 : 0] : NULL;

    if (!key) {
        lines_insert(lines, (int)lines->count + 1, "");
        buf_addf(&line, "%s:", g->name);
        lines_insert(lines, (int)lines->count + 1, buf_str(&line));
        buf_reset(&line);
    }
    buf_addf(&line, "%*s%s: ", key ? key->column - 1 : 2, "", set->row->name);
    add_value(&line, set);
    int at = !key ? (int)lines->count + 1 : g->map->count > 1 ? key->line : key->line + 1;
    lines_insert(lines, at, buf_str(&line));
    buf_done(&line);
}

struct placed {
    const struct set_value *set;
    int line; /* that it touches; what is inserted comes at the end of the file, or before a line */
};

static int from_the_end(const void *a, const void *b)
{
    return ((const struct placed *)b)->line - ((const struct placed *)a)->line;
}

static void apply(const struct edit *e, struct lines *lines)
{
    struct placed *placed = mem_alloc((e->value_count + 1) * sizeof(*placed));
    size_t n = 0;
    bool *begun = mem_alloc((e->group_count + 1) * sizeof(*begun)); /* sections put at the end */

    for (size_t i = 0; i < e->value_count; i++) {
        const struct set_value *set = &e->values[i];
        const struct group *g = &e->groups[set->group];
        const struct yaml_node *key = NULL;
        if (!is_change(e, set))
            continue;
        find_value(g, set->row, &key);
        int line = key      ? key->line
                   : g->map ? g->map->keys[g->map->count > 1 ? 1 : 0]->line
                            : (int)lines->count + 1;
        placed[n++] = (struct placed){set, line};
    }
    qsort(placed, n, sizeof(*placed), from_the_end);
    for (size_t i = 0; i < n; i++) {
        const struct set_value *set = placed[i].set;
        const struct group *g = &e->groups[set->group];
        const struct yaml_node *key = NULL;
        find_value(g, set->row, &key);
        if (key && set->text)
            change_value(lines, key, set);
        else if (key)
            remove_value(lines, g, key, set);
        else if (g->map || !begun[set->group])
            insert_value(lines, g, set);
        else {
            struct buf line = BUF_INIT;
            buf_addf(&line, "  %s: ", set->row->name);
            add_value(&line, set);
            lines_insert(lines, (int)lines->count + 1, buf_str(&line));
            buf_done(&line);
        }
        begun[set->group] = true;
    }
    free(begun);
    free(placed);
}

/* --- the whole --- */

struct edit *edit_open(const char *path, struct err *err)
{
    struct edit *e = mem_alloc(sizeof(*e));
    struct lines lines;

    e->path = mem_strdup(path);
    e->arena = arena_new();
    e->root = yaml_load(path, e->arena, err);
    if (e->root && e->root->kind != YAML_MAP)
        err_set(err, ERR_CONFIG, "%s is not a map", path);
    if (!e->root || e->root->kind != YAML_MAP || !lines_read(path, &lines, err)) {
        edit_free(e);
        return NULL;
    }
    lines_text(&lines, &e->before);
    lines_done(&lines);
    add_groups(e);
    return e;
}

void edit_free(struct edit *e)
{
    if (!e)
        return;
    for (size_t i = 0; i < e->group_count; i++)
        free(e->groups[i].title);
    for (size_t i = 0; i < e->value_count; i++)
        free(e->values[i].text);
    free(e->groups);
    free(e->values);
    buf_done(&e->before);
    arena_free(e->arena);
    free(e->path);
    free(e);
}

static bool is_untouched(const struct edit *e, struct lines *ret_lines, struct err *err)
{
    struct buf now = BUF_INIT;

    if (!lines_read(e->path, ret_lines, err))
        return false;
    lines_text(ret_lines, &now);
    bool same = strcmp(buf_str(&now), buf_str(&e->before)) == 0;
    buf_done(&now);
    if (same)
        return true;
    lines_done(ret_lines);
    err_set(err, ERR_EXISTS, "%s was changed by somebody else meanwhile", e->path);
    return err_hint(err, "open the settings again");
}

bool edit_text(const struct edit *e, struct buf *ret_text, struct err *err)
{
    struct lines lines;

    if (!is_untouched(e, &lines, err))
        return false;
    apply(e, &lines);
    lines_text(&lines, ret_text);
    lines_done(&lines);
    struct config *config = config_load_text(buf_str(ret_text), ret_text->len, err);
    config_free(config);
    return config != NULL;
}

bool edit_diff(const struct edit *e, struct buf *ret_text, struct err *err)
{
    struct buf after = BUF_INIT;
    bool ok = edit_text(e, &after, err);

    if (ok)
        diff_lines(buf_str(&e->before), buf_str(&after), ret_text);
    buf_done(&after);
    return ok;
}

bool edit_save(struct edit *e, struct err *err)
{
    struct file_params params = {.path = e->path, .keep_mode = true};
    struct buf text = BUF_INIT;
    bool ok = edit_text(e, &text, err) && file_write(&params, text.data, text.len, err);

    buf_done(&text);
    return ok;
}
