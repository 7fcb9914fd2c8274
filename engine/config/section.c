/* SPDX-License-Identifier: PostgreSQL */
#include "config/section.h"

#include <assert.h>
#include <stdlib.h>
#include <strings.h>

#include "base/text.h"

#define NAMES_MAX 256

/* --- warnings --- */

static void warn(struct section_reader *r, const struct err *warning)
{
    char line[sizeof(*warning)];

    if (r->warning_count == r->warning_cap) {
        r->warning_cap = r->warning_cap ? r->warning_cap * 2 : 8;
        r->warnings = mem_grow(r->warnings, r->warning_cap * sizeof(*r->warnings));
    }
    err_line(warning, line, sizeof(line));
    r->warnings[r->warning_count++] = arena_strdup(r->arena, line);
}

void section_warn(struct section_reader *r, const struct yaml_node *node, const char *what,
                  const char *why, const char *hint)
{
    struct err warning;

    err_set(&warning, ERR_CONFIG, "%s", what);
    yaml_at(node, &warning);
    err_why(&warning, "%s", why);
    if (hint)
        err_hint(&warning, "%s", hint);
    warn(r, &warning);
}

static void warn_ignored(struct section_reader *r, const struct option_row *row,
                         const struct yaml_node *node)
{
    const char *section = options_section_name(row->section);
    bool *warned = &r->warned[row - options_table];

    if (*warned)
        return;
    *warned = true;
    char *what = mem_printf("%s%s%s", section, *section ? "." : "", row->name);
    section_warn(r, node, row->section == IN_SETTINGS ? row->name : what,
                 "accepted, has no effect in this version", NULL);
    free(what);
}

/* --- one option --- */

/* Nothing is asked for: switched off, or what would be done anyway. */
static bool asks_nothing(const struct option_row *row, const struct yaml_node *value)
{
    const struct yaml_node *enabled = value->kind == YAML_MAP ? yaml_get(value, "enabled") : NULL;

    if (value->kind != YAML_SCALAR && value->count == 0)
        return true;
    if (enabled && enabled->kind == YAML_SCALAR)
        return strcasecmp(enabled->text, "false") == 0 || strcasecmp(enabled->text, "no") == 0 ||
               strcasecmp(enabled->text, "off") == 0;
    return value->kind == YAML_SCALAR && options_is_default(row, value->text);
}

static bool refuse_later(const struct option_row *row, const struct yaml_node *value,
                         struct err *err)
{
    const char *section = options_section_name(row->section);

    err_set(err, ERR_CONFIG, "%s%s%s is not supported by this version yet", section,
            *section ? "." : "", row->name);
    yaml_at(value, err);
    err_why(err, "rows are not touched");
    if (row->type == OPTION_MAP)
        return err_hint(err, "remove the section, or set enabled: false in it");
    return err_hint(err, "remove it");
}

static bool set_scalar(struct section_reader *r, const struct option_row *row,
                       const struct yaml_node *value, void *base, struct err *err)
{
    if (value->kind == YAML_SCALAR)
        return options_set(row, value->text, r->old, base, r->arena, err) || yaml_at(value, err);
    err_set(err, ERR_CONFIG, "%s: one value is expected, not a %s", row->name,
            value->kind == YAML_LIST ? "list" : "map");
    return yaml_at(value, err);
}

static bool set_names(struct section_reader *r, const struct option_row *row,
                      const struct yaml_node *value, void *base, struct err *err)
{
    if (value->kind != YAML_LIST)
        return set_scalar(r, row, value, base, err);
    for (size_t i = 0; i < value->count; i++) {
        const struct yaml_node *item = value->items[i];
        bool twice = false;
        for (size_t b = 0; b < i; b++)
            twice = twice || strcmp(value->items[b]->text, item->text) == 0;
        if (twice || !*item->text) {
            err_set(err, ERR_CONFIG, twice ? "%s: %s is there twice" : "%s: an empty name%s",
                    row->name, item->text);
            return yaml_at(item, err);
        }
        if (!set_scalar(r, row, item, base, err))
            return false;
    }
    return true;
}

/* Whether the value stands for "not said", which leaves what is inherited. */
static bool is_unsaid(const struct option_row *row, const struct yaml_node *value)
{
    if (value->kind != YAML_SCALAR)
        return false;
    if (row->never_empty)
        return yaml_is_null(value) && !value->expanded;
    return yaml_is_null(value) || (!*value->text && !row->may_empty);
}

static bool apply(struct section_reader *r, const struct option_row *row,
                  const struct yaml_node *value, void *base, struct err *err)
{
    if (is_unsaid(row, value))
        return true;
    if (row->effect != OPTION_ACTS) {
        if (asks_nothing(row, value))
            return true;
        if (row->effect == OPTION_LATER)
            return refuse_later(row, value, err);
        warn_ignored(r, row, value);
        return true;
    }
    if (row->never_empty && value->kind == YAML_SCALAR &&
        strspn(value->text, " \t\r\n") == strlen(value->text)) {
        err_set(err, ERR_CONFIG, "%s: must not be empty", row->name);
        return yaml_at(value, err);
    }
    if (row->secret && value->kind == YAML_SCALAR && !value->expanded) {
        char *what = mem_printf("%s stands in the file", row->name);
        section_warn(r, value, what, "everybody who may read the file may read it",
                     row->section == IN_DATABASE ? "password_env or password_file keep it out"
                                                 : "${VARIABLE} keeps it out");
        free(what);
    }
    if (row->type == OPTION_NAMES)
        return set_names(r, row, value, base, err);
    return set_scalar(r, row, value, base, err);
}

/* --- one section --- */

static bool unknown_key(struct section_reader *r, const struct section_place *place,
                        const struct yaml_node *key, struct err *err)
{
    const char *names[NAMES_MAX];
    size_t count = 0;
    struct err unknown;

    for (size_t i = 0; i < options_count; i++) {
        const struct option_row *row = &options_table[i];
        for (size_t p = 0; p < place->count; p++) {
            if (row->section != place->into[p].section)
                continue;
            assert(count + 3 <= NAMES_MAX);
            names[count++] = row->name;
            for (size_t e = 0; e < sizeof(row->earlier) / sizeof(row->earlier[0]); e++) {
                if (row->earlier[e])
                    names[count++] = row->earlier[e];
            }
        }
    }
    err_set(&unknown, ERR_CONFIG, "unknown key `%s`%s%s", key->text, *place->name ? " in " : "",
            place->name);
    yaml_at(key, &unknown);
    const char *nearest = text_nearest(key->text, names, count);
    if (nearest)
        err_hint(&unknown, "did you mean `%s`?", nearest);
    if (r->old) {
        /* The earlier archiver passed over them without a word. */
        err_why(&unknown, "ignored");
        warn(r, &unknown);
        return true;
    }
    *err = unknown;
    return false;
}

/* A key under its name and an earlier one: which is meant cannot be known. */
static bool check_twice(const struct option_row *row, const struct yaml_node *map,
                        const struct yaml_node *key, struct err *err)
{
    if (strcmp(row->name, key->text) == 0)
        return true;
    if (!yaml_get(map, row->name))
        return true;
    err_set(err, ERR_CONFIG, "`%s` is another name of `%s`, which is there too", key->text,
            row->name);
    return yaml_at(key, err);
}

static bool is_given(const struct yaml_node *map, const struct option_row *row)
{
    for (size_t i = 0; i < map->count; i++) {
        if (options_find(row->section, map->keys[i]->text) == row && !is_unsaid(row, map->items[i]))
            return true;
    }
    return false;
}

bool section_missing(const struct option_row *row, const struct section_place *place,
                     const struct yaml_node *map, struct err *err)
{
    err_set(err, ERR_CONFIG, "`%s` is missing%s%s", row->name, *place->name ? " in " : "",
            place->name);
    yaml_at(map, err);
    return err_hint(err, "%s", row->help);
}

static bool check_required(const struct section_place *place, const struct yaml_node *map,
                           struct err *err)
{
    for (size_t i = 0; i < options_count; i++) {
        const struct option_row *row = &options_table[i];
        for (size_t p = 0; p < place->count; p++) {
            if (row->required && row->section == place->into[p].section && !is_given(map, row))
                return section_missing(row, place, map, err);
        }
    }
    return true;
}

bool section_is_map(const struct yaml_node *node, const char *name, struct err *err)
{
    if (node->kind == YAML_MAP)
        return true;
    err_set(err, ERR_CONFIG, "%s: keys and values are expected", name);
    return yaml_at(node, err);
}

/* Everything in a map but the sections below it, which their own readers take. */
bool section_read(struct section_reader *r, const struct section_place *place,
                  const struct yaml_node *map, struct err *err)
{
    if (!section_is_map(map, place->name, err))
        return false;
    for (size_t i = 0; i < map->count; i++) {
        const struct option_row *row = NULL;
        size_t p = 0;
        for (; p < place->count && !row; p++)
            row = options_find(place->into[p].section, map->keys[i]->text);
        if (!row) {
            if (!unknown_key(r, place, map->keys[i], err))
                return false;
            continue;
        }
        if (!check_twice(row, map, map->keys[i], err))
            return false;
        if (row->type == OPTION_MAP || row->type == OPTION_LIST)
            continue;
        if (!apply(r, row, map->items[i], place->into[p - 1].base, err))
            return false;
    }
    return check_required(place, map, err);
}

/* A section below the top level, with its defaults; *ret_map is NULL where it is not there. */
bool section_below(struct section_reader *r, const struct yaml_node *root,
                   enum option_section section, void *base, const struct yaml_node **ret_map,
                   struct err *err)
{
    const char *name = options_section_name(section);
    const struct yaml_node *map = yaml_get(root, name);
    struct section_place place = {.name = name, .into = {{section, base}}, .count = 1};

    options_defaults(section, r->old, base, r->arena);
    *ret_map = NULL;
    if (yaml_is_null(map))
        return true;
    *ret_map = map;
    return section_read(r, &place, map, err);
}

/* Sections that only say that something later versions do is wanted. */
bool section_later(struct section_reader *r, const struct yaml_node *root,
                   enum option_section section, struct err *err)
{
    const char *name = options_section_name(section);
    const struct yaml_node *map = yaml_get(root, name);
    struct section_place place = {.name = name, .into = {{section, NULL}}, .count = 1};

    if (yaml_is_null(map))
        return true;
    if (!section_is_map(map, name, err))
        return false;
    if (!asks_nothing(options_find(IN_FILE, name), map))
        return refuse_later(options_find(IN_FILE, name), map, err);
    for (size_t i = 0; i < map->count; i++) {
        if (!options_find(section, map->keys[i]->text) &&
            !unknown_key(r, &place, map->keys[i], err))
            return false;
    }
    return true;
}
