/* SPDX-License-Identifier: PostgreSQL
 *
 * The tree says which lines are to change; the lines themselves are kept as text. Changes are made
 * from the last line to the first, so that numbers of lines stay true.
 */
#include "config/upgrade.h"

#include <stdlib.h>

#include "config/config.h"
#include "config/lines.h"
#include "config/options.h"

struct change {
    int line; /* from 1: of the key; of what stands behind what is inserted */
    int column;
    enum { RENAME, TAKE_OUT, INSERT, REPLACE } what;
    const struct yaml_node *value; /* TAKE_OUT: what belongs to the key */
    char *text;                    /* the new name, or whole lines */
    char *note;
};

struct upgrade {
    const char *path;
    struct arena *arena;
    struct lines lines;
    struct change *changes;
    size_t change_count;
};

/* --- what is to change --- */

static void add(struct upgrade *u, const struct change *change)
{
    u->changes = mem_grow(u->changes, (u->change_count + 1) * sizeof(*u->changes));
    u->changes[u->change_count++] = *change;
}

struct sections {
    enum option_section in[2];
    size_t count;
};

static const struct option_row *find_row(const struct sections *s, const char *name)
{
    const struct option_row *row = NULL;

    for (size_t i = 0; !row && i < s->count; i++)
        row = options_find(s->in[i], name);
    return row;
}

static void take_out(struct upgrade *u, const struct yaml_node *key, const struct yaml_node *value,
                     const char *note)
{
    add(u, &(struct change){.line = key->line,
                            .column = key->column,
                            .what = TAKE_OUT,
                            .value = value,
                            .note = arena_strdup(u->arena, note)});
}

static bool is_said(const struct yaml_node *map, const struct sections *s,
                    const struct option_row *row)
{
    for (size_t i = 0; i < map->count; i++) {
        if (find_row(s, map->keys[i]->text) == row && !yaml_is_null(map->items[i]))
            return true;
    }
    return false;
}

/* What the old version meant by saying nothing, where the new one means something else. */
static void say_defaults(struct upgrade *u, const struct yaml_node *map, const struct sections *s,
                         enum option_section section)
{
    /* Behind the first key: a list's item begins with it. */
    const struct yaml_node *key = map->keys[map->count > 1 ? 1 : 0];
    int line = map->count > 1 ? key->line : key->line + 1;

    for (size_t i = 0; i < options_count; i++) {
        const struct option_row *row = &options_table[i];
        if (row->section != section || !row->fallback_old || is_said(map, s, row) ||
            (row->fallback && strcmp(row->fallback, row->fallback_old) == 0))
            continue;
        struct buf text = BUF_INIT;
        buf_addf(&text, "%*s%s: ", key->column - 1, "", row->name);
        if (row->type == OPTION_TEXT || row->type == OPTION_CHOICE)
            yaml_add_scalar(&text, row->fallback_old);
        else
            buf_adds(&text, row->fallback_old);
        add(u, &(struct change){.line = line,
                                .column = key->column,
                                .what = INSERT,
                                .text = arena_strdup(u->arena, buf_str(&text)),
                                .note = "upgrade: the default of the earlier version"});
        buf_done(&text);
    }
}

static bool walk_value(struct upgrade *u, const struct option_row *row,
                       const struct yaml_node *value, struct err *err);

static bool walk_map(struct upgrade *u, const struct yaml_node *map, const struct sections *s,
                     struct err *err)
{
    if (!lines_check_map(u->path, map, err))
        return false;
    for (size_t i = 0; i < map->count; i++) {
        const struct yaml_node *key = map->keys[i], *value = map->items[i];
        const struct option_row *row = find_row(s, key->text);
        if (!row) {
            take_out(u, key, value, "upgrade: was passed over; there is no such key");
            continue;
        }
        if (row->effect == OPTION_IGNORED) {
            take_out(u, key, value, "upgrade: without effect");
            continue;
        }
        if (strcmp(row->name, key->text) != 0)
            add(u,
                &(struct change){.line = key->line,
                                 .column = key->column,
                                 .what = RENAME,
                                 .text = arena_strdup(u->arena, row->name),
                                 .note = arena_printf(u->arena, "upgrade: was `%s`", key->text)});
        if (!walk_value(u, row, value, err))
            return false;
    }
    for (size_t i = 0; i < s->count && map->count > 0; i++) {
        /* Settings are said once, in defaults. */
        if (s->in[i] != IN_SETTINGS || s->count == 1)
            say_defaults(u, map, s, s->in[i]);
    }
    return true;
}

static struct sections inside_of(const struct option_row *row)
{
    struct sections s = {.in = {row->inside}, .count = 1};

    if (row->inside == IN_DATABASE || row->inside == IN_TABLE)
        s.in[s.count++] = IN_SETTINGS;
    return s;
}

static bool walk_value(struct upgrade *u, const struct option_row *row,
                       const struct yaml_node *value, struct err *err)
{
    struct sections s = inside_of(row);

    if (row->type == OPTION_MAP && value->kind == YAML_MAP)
        return walk_map(u, value, &s, err);
    for (size_t i = 0; row->type == OPTION_LIST && value->kind == YAML_LIST && i < value->count;
         i++) {
        if (value->items[i]->kind == YAML_MAP && !walk_map(u, value->items[i], &s, err))
            return false;
    }
    return true;
}

/* Where there is no `defaults`, what it would have meant is said in one. */
static void add_defaults(struct upgrade *u)
{
    struct buf text = BUF_INIT;

    for (size_t i = 0; i < options_count; i++) {
        const struct option_row *row = &options_table[i];
        if (row->section == IN_SETTINGS && row->fallback_old &&
            (!row->fallback || strcmp(row->fallback, row->fallback_old) != 0))
            buf_addf(&text, "%s  %s: %s", text.len > 0 ? "\n" : "defaults:\n", row->name,
                     row->fallback_old);
    }
    if (text.len > 0)
        add(u, &(struct change){.line = (int)u->lines.count + 1,
                                .column = 1,
                                .what = INSERT,
                                .text = arena_strdup(u->arena, buf_str(&text)),
                                .note = "upgrade: the defaults of the earlier version"});
    buf_done(&text);
}

static bool plan(struct upgrade *u, const struct yaml_node *root, struct err *err)
{
    struct sections s = {.in = {IN_FILE}, .count = 1};
    const struct yaml_node *version = yaml_get(root, "version");

    if (strcmp(version->text, "3") == 0) {
        err_set(err, ERR_CONFIG, "%s is of version 3 already", u->path);
        return err_hint(err, "`archiver-tui config show` tells what it comes to");
    }
    add(u, &(struct change){.line = version->line,
                            .column = 1,
                            .what = REPLACE,
                            .text = arena_strdup(u->arena, "version: \"3\""),
                            .note = arena_printf(u->arena, "upgrade: was \"%s\"", version->text)});
    if (!walk_map(u, root, &s, err))
        return false;
    if (!yaml_get(root, "defaults"))
        add_defaults(u);
    return true;
}

/* --- changing --- */

/* The latest line first; of one line, what stands in it before what goes in front of it. */
static int from_the_end(const void *a, const void *b)
{
    const struct change *one = a, *other = b;

    if (one->line != other->line)
        return other->line - one->line;
    return (one->what == INSERT) - (other->what == INSERT);
}

static void put_note(struct upgrade *u, const struct change *c)
{
    char *note = mem_printf("%*s# %s", (int)strspn(u->lines.items[c->line - 1], " "), "", c->note);

    lines_insert(&u->lines, c->line, note);
    free(note);
}

static void rename_key(struct upgrade *u, const struct change *c)
{
    const char *line = u->lines.items[c->line - 1];
    size_t at = (size_t)c->column - 1, len = strcspn(line + at, ":");
    char *changed = mem_printf("%.*s%s%s", (int)at, line, c->text, line + at + len);

    lines_replace(&u->lines, c->line, changed);
    free(changed);
    put_note(u, c);
}

/* An item's dash stays with what follows it. */
static void comment_out(struct upgrade *u, const struct change *c)
{
    const char *first = u->lines.items[c->line - 1];
    int last = lines_last_of(&u->lines, c->line, c->column, c->value->kind == YAML_LIST);
    bool item = first[strspn(first, " ")] == '-';

    for (int line = c->line; line <= last; line++) {
        const char *text = u->lines.items[line - 1];
        size_t indent = (size_t)c->column - 1;
        indent = indent < strlen(text) ? indent : strlen(text);
        char *changed = mem_printf("%*s# %s", c->column - 1, "", text + indent);
        lines_replace(&u->lines, line, changed);
        free(changed);
    }
    if (item && last < (int)u->lines.count) { /* the dash goes to the next key */
        char *next = u->lines.items[last];
        if (c->column >= 3 && strlen(next) >= (size_t)c->column)
            next[c->column - 3] = '-';
    }
    char *note = mem_printf("%*s# %s", c->column - 1, "", c->note);
    lines_insert(&u->lines, c->line, note);
    free(note);
}

static void insert_lines(struct upgrade *u, const struct change *c)
{
    char *copy = mem_strdup(c->text), *rest = copy, *line;
    int at = c->line;
    char *note = mem_printf("%*s# %s", c->column - 1, "", c->note);

    lines_insert(&u->lines, at++, note);
    while ((line = strsep(&rest, "\n")))
        lines_insert(&u->lines, at++, line);
    free(note);
    free(copy);
}

static void make_changes(struct upgrade *u)
{
    qsort(u->changes, u->change_count, sizeof(*u->changes), from_the_end);
    for (size_t i = 0; i < u->change_count; i++) {
        const struct change *c = &u->changes[i];
        if (c->what == RENAME) {
            rename_key(u, c);
        } else if (c->what == TAKE_OUT) {
            comment_out(u, c);
        } else if (c->what == INSERT) {
            insert_lines(u, c);
        } else {
            lines_replace(&u->lines, c->line, c->text);
            put_note(u, c);
        }
    }
}

/* --- is it the same --- */

static void effect_of(struct config *config, struct buf *ret_text)
{
    config->version = CONFIG_V3;
    config->warning_count = 0;
    config_show(config, false, ret_text);
}

static bool check_same(struct config *before, const struct buf *text, struct err *err)
{
    struct config *after = config_load_text(buf_str(text), text->len, err);
    struct buf one = BUF_INIT, other = BUF_INIT;
    bool same = false;

    if (after) {
        effect_of(before, &one);
        effect_of(after, &other);
        same = strcmp(buf_str(&one), buf_str(&other)) == 0;
        if (!same)
            err_set(err, ERR_CONFIG, "this file cannot be upgraded line by line");
    }
    config_free(after);
    buf_done(&one);
    buf_done(&other);
    if (!same)
        err_hint(err, "change version and keys by hand: doc/earlier.md");
    return same;
}

bool upgrade_config(const char *path, struct buf *ret_text, size_t *ret_changes, struct err *err)
{
    struct upgrade u = {.path = path, .arena = arena_new()};
    struct config *before = config_load(path, err);
    const struct yaml_node *root = before ? yaml_load(path, u.arena, err) : NULL;
    bool ok = root && lines_read(path, &u.lines, err) && plan(&u, root, err);

    if (ok) {
        make_changes(&u);
        lines_text(&u.lines, ret_text);
        *ret_changes = u.change_count;
        ok = check_same(before, ret_text, err);
    }
    lines_done(&u.lines);
    free(u.changes);
    config_free(before);
    arena_free(u.arena);
    return ok;
}
