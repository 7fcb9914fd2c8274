/* SPDX-License-Identifier: PostgreSQL */
#include "config/yaml.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/stat.h>
#include <yaml.h>

#include "base/json.h"

#define FILE_BYTES_MAX (4u << 20)
#define DEPTH_MAX      64
#define INCLUDE_DEPTH  8
#define INCLUDES_MAX   64
#define WEIGHT_MAX     200000
#define TEXT_BYTES_MAX (64u << 10)
#define TAG_STANDARD   "tag:yaml.org,2002:"

struct anchor {
    struct anchor *next;
    const char *name;
    struct yaml_node *node;
    bool open; /* still being read: an alias to it would contain itself */
};

/* One file being read; files that include each other are linked outwards. */
struct source {
    const struct source *outer;
    const char *path;
    dev_t device;
    ino_t inode;
    int depth; /* of includes */
    size_t *includes;
    struct arena *arena;
    struct anchor *anchors;
    yaml_parser_t parser;
    int nesting;
};

struct nodes {
    struct yaml_node **all;
    size_t count, cap;
};

static struct yaml_node *read_node(struct source *s, const yaml_event_t *event, struct err *err);

bool yaml_at(const struct yaml_node *node, struct err *err)
{
    return err_in(err, "%s:%d:%d", node->file, node->line, node->column);
}

bool yaml_is_null(const struct yaml_node *node)
{
    if (!node)
        return true;
    return node->kind == YAML_SCALAR && node->plain &&
           (!*node->text || strcmp(node->text, "~") == 0 || strcasecmp(node->text, "null") == 0);
}

struct yaml_node *yaml_get(const struct yaml_node *map, const char *key)
{
    for (size_t i = 0; map->keys && i < map->count; i++) {
        if (strcmp(map->keys[i]->text, key) == 0)
            return map->items[i];
    }
    return NULL;
}

static bool fail_at(const struct source *s, const yaml_mark_t *mark, struct err *err)
{
    return err_in(err, "%s:%zu:%zu", s->path, mark->line + 1, mark->column + 1);
}

static bool next_event(struct source *s, yaml_event_t *ret_event, struct err *err)
{
    if (yaml_parser_parse(&s->parser, ret_event))
        return true;
    const yaml_parser_t *p = &s->parser;
    err_set(err, ERR_CONFIG, "not YAML");
    err_why(err, "%s%s%s", p->problem ? p->problem : "cannot be read", p->context ? " " : "",
            p->context ? p->context : "");
    if (p->error == YAML_READER_ERROR)
        return err_in(err, "%s: byte %zu", s->path, p->problem_offset);
    return fail_at(s, &p->problem_mark, err);
}

static struct yaml_node *new_node(struct source *s, enum yaml_kind kind, const yaml_mark_t *mark)
{
    struct yaml_node *node = arena_alloc(s->arena, sizeof(*node));

    node->kind = kind;
    node->file = s->path;
    node->line = (int)mark->line + 1;
    node->column = (int)mark->column + 1;
    node->weight = 1;
    node->text = "";
    return node;
}

static void nodes_add(struct nodes *nodes, struct yaml_node *node)
{
    if (nodes->count == nodes->cap) {
        nodes->cap = nodes->cap ? nodes->cap * 2 : 8;
        nodes->all = mem_grow(nodes->all, nodes->cap * sizeof(struct yaml_node *));
    }
    nodes->all[nodes->count++] = node;
}

static struct yaml_node **nodes_keep(const struct nodes *nodes, struct arena *arena)
{
    struct yaml_node **kept = arena_alloc(arena, (nodes->count + 1) * sizeof(struct yaml_node *));

    if (nodes->count > 0)
        memcpy(kept, nodes->all, nodes->count * sizeof(struct yaml_node *));
    return kept;
}

/* Aliases make a small file a huge tree; what is counted is the tree. */
static bool add_weight(struct yaml_node *node, const struct yaml_node *child, struct err *err)
{
    node->weight += child->weight;
    if (node->weight <= WEIGHT_MAX)
        return true;
    err_set(err, ERR_CONFIG, "too many values");
    err_why(err, "more than %d, counting aliases as often as they are used", WEIGHT_MAX);
    return yaml_at(node, err);
}

/* --- variables --- */

/* One ${...}, whose body starts at `body`; *ret_end is behind its brace. */
static bool expand_one(const char *body, struct buf *text, const char **ret_end, struct err *err)
{
    size_t len = strcspn(body, "}");
    const char *otherwise = NULL;
    size_t name_len = 0;

    if (body[len] != '}') {
        err_set(err, ERR_CONFIG, "`${` without `}`");
        return err_hint(err, "write `$${` for a literal `${`");
    }
    while (name_len < len && (isalnum((unsigned char)body[name_len]) || body[name_len] == '_'))
        name_len++;
    if (name_len + 2 <= len && memcmp(body + name_len, ":-", 2) == 0)
        otherwise = body + name_len + 2;
    if (name_len == 0 || isdigit((unsigned char)*body) || (!otherwise && name_len != len)) {
        err_set(err, ERR_CONFIG, "`${%.*s}` is not a variable", (int)len, body);
        return err_hint(err, "${VAR} or ${VAR:-default}; `$${` for a literal `${`");
    }
    char *name = mem_printf("%.*s", (int)name_len, body);
    const char *value = getenv(name);
    bool ok = true;
    if (otherwise && (!value || !*value))
        buf_add(text, otherwise, (size_t)(body + len - otherwise));
    else if (value)
        buf_adds(text, value);
    else
        ok = err_set(err, ERR_CONFIG, "environment variable %s is not set", name) ||
             err_hint(err, "set it, or write ${%s:-default}", name);
    free(name);
    *ret_end = body + len + 1;
    return ok;
}

static bool expand(struct source *s, struct yaml_node *node, const char *raw, struct err *err)
{
    struct buf text = BUF_INIT;
    bool ok = false;

    while (*raw) {
        if (strncmp(raw, "$${", 3) == 0) {
            buf_adds(&text, "${");
            raw += 3;
        } else if (strncmp(raw, "${", 2) == 0) {
            node->expanded = true;
            if (!expand_one(raw + 2, &text, &raw, err))
                goto out;
        } else {
            buf_addc(&text, *raw++);
        }
    }
    if (text.len > TEXT_BYTES_MAX) {
        err_set(err, ERR_CONFIG, "value longer than %u KiB", TEXT_BYTES_MAX >> 10);
        goto out;
    }
    node->text = arena_strndup(s->arena, buf_str(&text), text.len);
    ok = true;
out:
    if (!ok)
        yaml_at(node, err);
    buf_done(&text);
    return ok;
}

/* --- anchors --- */

static struct anchor *anchor_add(struct source *s, const yaml_char_t *name)
{
    if (!name)
        return NULL;
    struct anchor *anchor = arena_alloc(s->arena, sizeof(*anchor));
    anchor->name = arena_strdup(s->arena, (const char *)name);
    anchor->open = true;
    anchor->next = s->anchors;
    s->anchors = anchor;
    return anchor;
}

static void anchor_close(struct anchor *anchor, struct yaml_node *node)
{
    if (!anchor)
        return;
    anchor->open = false;
    anchor->node = node;
}

static struct yaml_node *read_alias(struct source *s, const yaml_event_t *event, struct err *err)
{
    const char *name = (const char *)event->data.alias.anchor;
    const struct anchor *anchor = s->anchors;

    while (anchor && strcmp(anchor->name, name) != 0)
        anchor = anchor->next;
    if (anchor && !anchor->open)
        return anchor->node;
    err_set(err, ERR_CONFIG,
            anchor ? "alias *%s stands inside what it names" : "no anchor &%s before this alias",
            name);
    fail_at(s, &event->start_mark, err);
    return NULL;
}

/* --- includes --- */

static const char *path_beside(const struct source *s, const char *path)
{
    const char *slash = strrchr(s->path, '/');

    if (*path == '/' || !slash)
        return arena_strdup(s->arena, path);
    return arena_printf(s->arena, "%.*s/%s", (int)(slash - s->path), s->path, path);
}

static struct yaml_node *load(const struct source *outer, const char *path, struct arena *arena,
                              size_t *includes, struct err *err);

static struct yaml_node *include(struct source *s, const struct yaml_node *node, struct err *err)
{
    struct yaml_node *root = NULL;

    if (!*node->text)
        err_set(err, ERR_CONFIG, "!include names no file");
    else if (s->depth >= INCLUDE_DEPTH)
        err_set(err, ERR_CONFIG, "!include more than %d files deep", INCLUDE_DEPTH);
    else if (++*s->includes > INCLUDES_MAX)
        err_set(err, ERR_CONFIG, "!include used more than %d times", INCLUDES_MAX);
    else if ((root = load(s, path_beside(s, node->text), s->arena, s->includes, err)))
        return root;
    else if (err->where[0])
        return NULL; /* the place in the included file says more */
    yaml_at(node, err);
    return NULL;
}

/* --- nodes --- */

static bool tag_check(const struct source *s, const yaml_event_t *event, const yaml_char_t *tag,
                      struct err *err)
{
    const char *name = (const char *)tag;
    static const char *const fine[] = {"str", "int", "float", "bool", "null", "seq", "map"};

    if (!name || strcmp(name, "!") == 0)
        return true;
    if (strncmp(name, TAG_STANDARD, sizeof(TAG_STANDARD) - 1) == 0) {
        for (size_t i = 0; i < sizeof(fine) / sizeof(fine[0]); i++) {
            if (strcmp(name + sizeof(TAG_STANDARD) - 1, fine[i]) == 0)
                return true;
        }
    }
    err_set(err, ERR_CONFIG, "unknown tag %s", name);
    err_hint(err, "!include is the only one");
    return fail_at(s, &event->start_mark, err);
}

static struct yaml_node *read_scalar(struct source *s, const yaml_event_t *event, struct err *err)
{
    const char *raw = (const char *)event->data.scalar.value;
    const char *tag = (const char *)event->data.scalar.tag;
    bool includes = tag && strcmp(tag, "!include") == 0;
    struct yaml_node *node = new_node(s, YAML_SCALAR, &event->start_mark);

    if (strlen(raw) != event->data.scalar.length) {
        err_set(err, ERR_CONFIG, "value with a NUL byte in it");
        yaml_at(node, err);
        return NULL;
    }
    if (!includes && !tag_check(s, event, event->data.scalar.tag, err))
        return NULL;
    struct anchor *anchor = anchor_add(s, event->data.scalar.anchor);
    if (!expand(s, node, raw, err))
        return NULL;
    node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
                  (!tag || strcmp(tag, TAG_STANDARD "null") == 0);
    if (includes && !(node = include(s, node, err)))
        return NULL;
    anchor_close(anchor, node);
    return node;
}

static bool read_list(struct source *s, struct yaml_node *list, struct err *err)
{
    struct nodes items = {0};
    bool ok = false;

    for (;;) {
        yaml_event_t event;
        if (!next_event(s, &event, err))
            goto out;
        bool end = event.type == YAML_SEQUENCE_END_EVENT;
        struct yaml_node *item = end ? NULL : read_node(s, &event, err);
        yaml_event_delete(&event);
        if (end)
            break;
        if (!item || !add_weight(list, item, err))
            goto out;
        nodes_add(&items, item);
    }
    list->items = nodes_keep(&items, s->arena);
    list->count = items.count;
    ok = true;
out:
    free(items.all);
    return ok;
}

static const struct yaml_node *key_among(const struct nodes *keys, const char *name)
{
    for (size_t i = 0; i < keys->count; i++) {
        if (strcmp(keys->all[i]->text, name) == 0)
            return keys->all[i];
    }
    return NULL;
}

static bool key_check(const struct nodes *keys, const struct yaml_node *key, struct err *err)
{
    const struct yaml_node *before;

    if (key->kind != YAML_SCALAR) {
        err_set(err, ERR_CONFIG, "a key must be text");
        return yaml_at(key, err);
    }
    if (!(before = key_among(keys, key->text)))
        return true;
    err_set(err, ERR_CONFIG, "duplicate key `%s`", key->text);
    err_why(err, "first at line %d", before->line);
    return yaml_at(key, err);
}

/* What the map itself says wins over what is merged. */
static bool merge_from(struct yaml_node *map, const struct yaml_node *from, struct nodes *keys,
                       struct nodes *values, struct err *err)
{
    if (from->kind != YAML_MAP) {
        err_set(err, ERR_CONFIG, "`<<` takes a map or a list of maps");
        return yaml_at(from, err);
    }
    for (size_t i = 0; i < from->count; i++) {
        if (key_among(keys, from->keys[i]->text))
            continue;
        if (!add_weight(map, from->items[i], err))
            return false;
        nodes_add(keys, from->keys[i]);
        nodes_add(values, from->items[i]);
    }
    return true;
}

/* In a list of maps, an earlier one wins over a later one. */
static bool merge_all(struct yaml_node *map, const struct yaml_node *from, struct nodes *keys,
                      struct nodes *values, struct err *err)
{
    if (from->kind != YAML_LIST)
        return merge_from(map, from, keys, values, err);
    for (size_t i = 0; i < from->count; i++) {
        if (!merge_from(map, from->items[i], keys, values, err))
            return false;
    }
    return true;
}

static bool read_entry(struct source *s, struct yaml_node *map, const yaml_event_t *key_event,
                       struct nodes *keys, struct nodes *values, struct yaml_node **merge,
                       struct err *err)
{
    yaml_event_t event;
    struct yaml_node *key = read_node(s, key_event, err);

    if (!key || !next_event(s, &event, err))
        return false;
    struct yaml_node *value = read_node(s, &event, err);
    yaml_event_delete(&event);
    if (!value || !key_check(keys, key, err))
        return false;
    if (key->plain && strcmp(key->text, "<<") == 0) {
        if (*merge) {
            err_set(err, ERR_CONFIG, "duplicate key `<<`");
            err_hint(err, "merge several with <<: [*a, *b]");
            return yaml_at(key, err);
        }
        *merge = value;
        return true;
    }
    nodes_add(keys, key);
    nodes_add(values, value);
    return add_weight(map, value, err);
}

static bool read_map(struct source *s, struct yaml_node *map, struct err *err)
{
    struct nodes keys = {0}, values = {0};
    struct yaml_node *merge = NULL;
    bool ok = false;

    for (;;) {
        yaml_event_t event;
        if (!next_event(s, &event, err))
            goto out;
        bool end = event.type == YAML_MAPPING_END_EVENT;
        bool read = end || read_entry(s, map, &event, &keys, &values, &merge, err);
        yaml_event_delete(&event);
        if (end)
            break;
        if (!read)
            goto out;
    }
    if (merge && !merge_all(map, merge, &keys, &values, err))
        goto out;
    map->keys = nodes_keep(&keys, s->arena);
    map->items = nodes_keep(&values, s->arena);
    map->count = keys.count;
    ok = true;
out:
    free(keys.all);
    free(values.all);
    return ok;
}

static struct yaml_node *read_nested(struct source *s, const yaml_event_t *event, struct err *err)
{
    bool is_map = event->type == YAML_MAPPING_START_EVENT;
    const yaml_char_t *tag =
        is_map ? event->data.mapping_start.tag : event->data.sequence_start.tag;
    struct yaml_node *node = new_node(s, is_map ? YAML_MAP : YAML_LIST, &event->start_mark);

    if (!tag_check(s, event, tag, err))
        return NULL;
    if (s->nesting >= DEPTH_MAX) {
        err_set(err, ERR_CONFIG, "nested more than %d deep", DEPTH_MAX);
        yaml_at(node, err);
        return NULL;
    }
    struct anchor *anchor = anchor_add(s, is_map ? event->data.mapping_start.anchor
                                                 : event->data.sequence_start.anchor);
    s->nesting++;
    bool ok = is_map ? read_map(s, node, err) : read_list(s, node, err);
    s->nesting--;
    anchor_close(anchor, node);
    return ok ? node : NULL;
}

static struct yaml_node *read_node(struct source *s, const yaml_event_t *event, struct err *err)
{
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return read_scalar(s, event, err);
    case YAML_ALIAS_EVENT:
        return read_alias(s, event, err);
    case YAML_MAPPING_START_EVENT:
    case YAML_SEQUENCE_START_EVENT:
        return read_nested(s, event, err);
    default:
        err_set(err, ERR_CONFIG, "not YAML");
        fail_at(s, &event->start_mark, err);
        return NULL;
    }
}

/* --- files --- */

static struct yaml_node *read_document(struct source *s, struct err *err)
{
    struct yaml_node *root = new_node(s, YAML_SCALAR, &(yaml_mark_t){0});
    bool seen = false;

    root->plain = true;
    for (;;) {
        yaml_event_t event;
        if (!next_event(s, &event, err))
            return NULL;
        yaml_event_type_t type = event.type;
        bool ok = true;
        if (type == YAML_DOCUMENT_START_EVENT && seen) {
            err_set(err, ERR_CONFIG, "more than one document in a file");
            ok = fail_at(s, &event.start_mark, err);
        } else if (type == YAML_SCALAR_EVENT || type == YAML_ALIAS_EVENT ||
                   type == YAML_MAPPING_START_EVENT || type == YAML_SEQUENCE_START_EVENT) {
            ok = (root = read_node(s, &event, err)) != NULL;
            seen = true;
        }
        yaml_event_delete(&event);
        if (!ok)
            return NULL;
        if (type == YAML_STREAM_END_EVENT)
            return root;
    }
}

/* ERR_CONFIG whatever the errno: what cannot be read is a wrong configuration. */
static bool cannot_read(const char *path, int errnum, struct err *err)
{
    char reason[128];

    err_set(err, ERR_CONFIG, "cannot read %s", path);
    return err_why(err, "%s", strerror_r(errnum, reason, sizeof(reason)));
}

static bool open_source(struct source *s, FILE **ret_file, struct err *err)
{
    struct stat st;
    FILE *file = fopen(s->path, "re");

    if (!file)
        return cannot_read(s->path, errno, err);
    *ret_file = file;
    if (fstat(fileno(file), &st) != 0)
        return cannot_read(s->path, errno, err);
    if (S_ISDIR(st.st_mode))
        return cannot_read(s->path, EISDIR, err);
    if (st.st_size > (off_t)FILE_BYTES_MAX)
        return cannot_read(s->path, EFBIG, err);
    s->device = st.st_dev;
    s->inode = st.st_ino;
    for (const struct source *o = s->outer; o; o = o->outer) {
        if (S_ISREG(st.st_mode) && o->device == s->device && o->inode == s->inode)
            return err_set(err, ERR_CONFIG, "!include of %s goes round in a circle", s->path);
    }
    return true;
}

static struct yaml_node *load(const struct source *outer, const char *path, struct arena *arena,
                              size_t *includes, struct err *err)
{
    struct source s = {.outer = outer,
                       .path = path,
                       .depth = outer ? outer->depth + 1 : 0,
                       .includes = includes,
                       .arena = arena,
                       .nesting = outer ? outer->nesting : 0};
    struct yaml_node *root = NULL;
    FILE *file = NULL;

    *err = ERR_INIT;
    if (!open_source(&s, &file, err))
        goto out;
    if (!yaml_parser_initialize(&s.parser)) {
        err_set(err, ERR_RESOURCE, "no memory to read %s", path);
        goto out;
    }
    yaml_parser_set_encoding(&s.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_file(&s.parser, file);
    root = read_document(&s, err);
    yaml_parser_delete(&s.parser);
out:
    if (file)
        fclose(file);
    return root;
}

struct yaml_node *yaml_load(const char *path, struct arena *arena, struct err *err)
{
    size_t includes = 0;

    return load(NULL, arena_strdup(arena, path), arena, &includes, err);
}

/* --- writing a scalar --- */

/* JSON's quoting is YAML's too, but for what our reader takes for a variable. */
void yaml_quote(struct buf *text, const char *value)
{
    struct buf escaped = BUF_INIT;

    for (const char *c = value; *c; c++) {
        if (strncmp(c, "${", 2) == 0)
            buf_addc(&escaped, '$');
        buf_addc(&escaped, *c);
    }
    json_quote(text, buf_str(&escaped), escaped.len);
    buf_done(&escaped);
}

/* Nothing that YAML could take for anything but this text, or for a number or a truth. */
static bool is_plain(const char *value)
{
    static const char *const others[] = {"true", "false", "null", "yes", "no", "on", "off", NULL};
    static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./-";

    for (size_t i = 0; others[i]; i++) {
        if (strcasecmp(others[i], value) == 0)
            return false;
    }
    if (!*value || strspn(value, safe) != strlen(value))
        return false;
    return (*value >= 'a' && *value <= 'z') || (*value >= 'A' && *value <= 'Z') || *value == '/' ||
           *value == '_';
}

void yaml_add_scalar(struct buf *text, const char *value)
{
    if (is_plain(value))
        buf_adds(text, value);
    else
        yaml_quote(text, value);
}
