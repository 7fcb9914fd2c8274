/* SPDX-License-Identifier: PostgreSQL */
#include "row/mapping_rules.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/text.h"

struct load {
    const struct shape *archive, *target;
    struct arena *arena;
    struct mapping_rules *rules;
};

static bool wrong(const struct yaml_node *node, struct err *err, const char *what, ...)
    ERR_PRINTF(3, 4);
static bool wrong(const struct yaml_node *node, struct err *err, const char *what, ...)
{
    char text[sizeof(err->what) + 1]; /* one more, so that err_set cuts it visibly */
    va_list args;

    va_start(args, what);
    vsnprintf(text, sizeof(text), what, args);
    va_end(args);
    err_set(err, ERR_CONFIG, "%s", text);
    return yaml_at(node, err);
}

const char *mapping_rules_nearest(const struct shape *shape, const char *name)
{
    const char **names = mem_alloc((shape->column_count + 1) * sizeof(*names));

    for (size_t i = 0; i < shape->column_count; i++)
        names[i] = shape->columns[i].name;
    const char *nearest = text_nearest(name, names, shape->column_count);
    free(names);
    return nearest;
}

static bool find_column(const struct shape *shape, const char *whose, const struct yaml_node *name,
                        size_t *ret, struct err *err)
{
    *ret = shape_find(shape, name->text);
    if (*ret != SIZE_MAX)
        return true;
    wrong(name, err, "there is no column \"%s\" in %s", name->text, whose);
    const char *nearest = mapping_rules_nearest(shape, name->text);
    if (nearest)
        err_hint(err, "did you mean \"%s\"?", nearest);
    return false;
}

/* A word that no rule of its kind has. */
static bool unknown_key(const struct yaml_node *key, const char *const *known, size_t count,
                        struct err *err)
{
    const char *nearest = text_nearest(key->text, known, count);
    struct buf list = BUF_INIT;

    wrong(key, err, "unknown key \"%s\"", key->text);
    for (size_t i = 0; i < count; i++)
        buf_addf(&list, "%s%s", i ? ", " : "", known[i]);
    if (nearest)
        err_hint(err, "did you mean \"%s\"?", nearest);
    else
        err_hint(err, "known here: %s", buf_str(&list));
    buf_done(&list);
    return false;
}

static bool take_text(const struct yaml_node *node, const char *what, const char **ret,
                      struct err *err)
{
    if (node->kind != YAML_SCALAR || yaml_is_null(node))
        return wrong(node, err, "%s must be a text", what);
    *ret = node->text;
    return true;
}

static bool take_bool(const struct yaml_node *node, const char *what, bool *ret, struct err *err)
{
    if (node->kind == YAML_SCALAR &&
        (strcmp(node->text, "true") == 0 || strcmp(node->text, "false") == 0)) {
        *ret = node->text[0] == 't';
        return true;
    }
    return wrong(node, err, "%s must be true or false", what);
}

static bool read_to(struct load *l, const struct yaml_node *node, struct mapping_rule *rule,
                    struct err *err)
{
    const char *name;

    return take_text(node, "to", &name, err) &&
           find_column(l->target, "the table", node, &rule->target, err);
}

static bool read_rule(struct load *l, const struct yaml_node *name, const struct yaml_node *node,
                      struct err *err)
{
    static const char *const known[] = {"to", "drop", "using"};
    struct mapping_rule *rule = &l->rules->rules[l->rules->rule_count++];

    *rule = (struct mapping_rule){.node = name, .target = SIZE_MAX};
    if (!find_column(l->archive, "the archive", name, &rule->archive, err))
        return false;
    if (node->kind == YAML_SCALAR)
        return read_to(l, node, rule, err);
    if (node->kind != YAML_MAP)
        return wrong(node, err, "a column's rule is a name, or to, drop and using");
    for (size_t i = 0; i < node->count; i++) {
        const char *key = node->keys[i]->text;
        const struct yaml_node *item = node->items[i];
        bool ok;
        if (strcmp(key, "to") == 0)
            ok = read_to(l, item, rule, err);
        else if (strcmp(key, "drop") == 0)
            ok = take_bool(item, "drop", &rule->drop, err);
        else if (strcmp(key, "using") == 0)
            ok = take_text(item, "using", &rule->using, err);
        else
            ok = unknown_key(node->keys[i], known, 3, err);
        if (!ok)
            return false;
    }
    if (rule->drop && (rule->using || rule->target != SIZE_MAX))
        return wrong(node, err, "a column that is dropped goes nowhere");
    if (rule->drop || rule->target != SIZE_MAX)
        return true;
    return find_column(l->target, "the table", name, &rule->target, err);
}

static bool read_source(struct load *l, const struct yaml_node *name, const struct yaml_node *node,
                        struct err *err)
{
    static const char *const known[] = {"value", "using"};
    struct mapping_source *source = &l->rules->sources[l->rules->source_count++];

    *source = (struct mapping_source){.node = name};
    if (!find_column(l->target, "the table", name, &source->target, err))
        return false;
    if (l->target->columns[source->target].generated)
        return wrong(name, err, "column \"%s\" is computed by the table", name->text);
    if (node->kind != YAML_MAP || node->count != 1) {
        wrong(node, err, "a new column has a value or an expression");
        return err_hint(err, "write {value: text} or {using: \"SQL\"}");
    }
    const struct yaml_node *item = node->items[0];
    if (strcmp(node->keys[0]->text, "using") == 0)
        return take_text(item, "using", &source->using, err);
    if (strcmp(node->keys[0]->text, "value") != 0)
        return unknown_key(node->keys[0], known, 2, err);
    return yaml_is_null(item) || take_text(item, "value", &source->value, err);
}

static bool read_map(struct load *l, const struct yaml_node *node, const char *key,
                     bool (*read)(struct load *, const struct yaml_node *, const struct yaml_node *,
                                  struct err *),
                     struct err *err)
{
    if (yaml_is_null(node))
        return true;
    if (node->kind != YAML_MAP)
        return wrong(node, err, "%s must be a map of columns", key);
    for (size_t i = 0; i < node->count; i++) {
        if (!read(l, node->keys[i], node->items[i], err))
            return false;
    }
    return true;
}

static bool read_root(struct load *l, const struct yaml_node *root, struct err *err)
{
    static const char *const known[] = {"columns", "new"};

    if (root->kind != YAML_MAP)
        return wrong(root, err, "the rules are a map of columns and new");
    for (size_t i = 0; i < root->count; i++) {
        const struct yaml_node *item = root->items[i];
        bool ok;
        if (strcmp(root->keys[i]->text, "columns") == 0) {
            l->rules->rules = arena_alloc(l->arena, (item->count + 1) * sizeof(*l->rules->rules));
            ok = read_map(l, item, "columns", read_rule, err);
        } else if (strcmp(root->keys[i]->text, "new") == 0) {
            l->rules->sources =
                arena_alloc(l->arena, (item->count + 1) * sizeof(*l->rules->sources));
            ok = read_map(l, item, "new", read_source, err);
        } else {
            ok = unknown_key(root->keys[i], known, 2, err);
        }
        if (!ok)
            return false;
    }
    return true;
}

struct mapping_rules *mapping_rules_load(const char *path, const struct shape *archive,
                                         const struct shape *target, struct arena *arena,
                                         struct err *err)
{
    struct load l = {.archive = archive, .target = target, .arena = arena};
    struct yaml_node *root = yaml_load(path, arena, err);

    l.rules = arena_alloc(arena, sizeof(*l.rules));
    return root && read_root(&l, root, err) ? l.rules : NULL;
}
