/* SPDX-License-Identifier: PostgreSQL
 *
 * Tree -> structs. Every section is read by one function, section_read, which knows nothing but
 * the option table; what follows it here are the rules between options that a row cannot say.
 *
 * Inheritance is by copying: a database starts as a copy of the defaults, a table as a copy of its
 * database, so a level only writes what it says. vacuum_after is folded into vacuum_strategy when
 * all of that is done.
 */
#include "config/config.h"

#include <assert.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

#include "base/text.h"
#include "config/options.h"
#include "config/show.h"
#include "config/yaml.h"

#define NAMES_MAX   256
#define SYSTEM_FILE "/etc/archiver-tui/config.yaml"

struct loader {
    struct config *config;
    struct arena *arena;
    const char *version; /* "1.0", "2.0" or "3" */
    bool old;
    bool *warned; /* one a row of the table: a key is warned about once */
    const char **warnings;
    size_t warnings_cap;
};

/* A map in the file and what its keys may be. */
struct place {
    const char *name; /* for messages: "s3", "tables[2]" */
    struct {
        enum option_section section;
        void *base;
    } into[2];
    size_t count;
};

/* --- warnings --- */

static void warn(struct loader *l, const struct err *warning)
{
    char line[sizeof(*warning)];
    struct config *c = l->config;

    if (c->warning_count == l->warnings_cap) {
        l->warnings_cap = l->warnings_cap ? l->warnings_cap * 2 : 8;
        l->warnings = mem_grow(l->warnings, l->warnings_cap * sizeof(*l->warnings));
    }
    err_line(warning, line, sizeof(line));
    l->warnings[c->warning_count++] = arena_strdup(l->arena, line);
}

static void warn_at(struct loader *l, const struct yaml_node *node, const char *what,
                    const char *why, const char *hint)
{
    struct err warning;

    err_set(&warning, ERR_CONFIG, "%s", what);
    yaml_at(node, &warning);
    err_why(&warning, "%s", why);
    if (hint)
        err_hint(&warning, "%s", hint);
    warn(l, &warning);
}

static void warn_ignored(struct loader *l, const struct option_row *row,
                         const struct yaml_node *node)
{
    const char *section = options_section_name(row->section);
    bool *warned = &l->warned[row - options_table];

    if (*warned)
        return;
    *warned = true;
    char *what = mem_printf("%s%s%s", section, *section ? "." : "", row->name);
    warn_at(l, node, row->section == IN_SETTINGS ? row->name : what,
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

static bool set_scalar(struct loader *l, const struct option_row *row,
                       const struct yaml_node *value, void *base, struct err *err)
{
    if (value->kind == YAML_SCALAR)
        return options_set(row, value->text, l->old, base, l->arena, err) || yaml_at(value, err);
    err_set(err, ERR_CONFIG, "%s: one value is expected, not a %s", row->name,
            value->kind == YAML_LIST ? "list" : "map");
    return yaml_at(value, err);
}

static bool set_names(struct loader *l, const struct option_row *row, const struct yaml_node *value,
                      void *base, struct err *err)
{
    if (value->kind != YAML_LIST)
        return set_scalar(l, row, value, base, err);
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
        if (!set_scalar(l, row, item, base, err))
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

static bool apply(struct loader *l, const struct option_row *row, const struct yaml_node *value,
                  void *base, struct err *err)
{
    if (is_unsaid(row, value))
        return true;
    if (row->effect != OPTION_ACTS) {
        if (asks_nothing(row, value))
            return true;
        if (row->effect == OPTION_LATER)
            return refuse_later(row, value, err);
        warn_ignored(l, row, value);
        return true;
    }
    if (row->never_empty && value->kind == YAML_SCALAR &&
        strspn(value->text, " \t\r\n") == strlen(value->text)) {
        err_set(err, ERR_CONFIG, "%s: must not be empty", row->name);
        return yaml_at(value, err);
    }
    if (row->secret && value->kind == YAML_SCALAR && !value->expanded) {
        char *what = mem_printf("%s stands in the file", row->name);
        warn_at(l, value, what, "everybody who may read the file may read it",
                row->section == IN_DATABASE ? "password_env or password_file keep it out"
                                            : "${VARIABLE} keeps it out");
        free(what);
    }
    if (row->type == OPTION_NAMES)
        return set_names(l, row, value, base, err);
    return set_scalar(l, row, value, base, err);
}

/* --- one section --- */

static bool unknown_key(struct loader *l, const struct place *place, const struct yaml_node *key,
                        struct err *err)
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
    if (l->old) {
        /* The earlier archiver passed over them without a word. */
        err_why(&unknown, "ignored");
        warn(l, &unknown);
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

static bool missing(const struct option_row *row, const struct place *place,
                    const struct yaml_node *map, struct err *err)
{
    err_set(err, ERR_CONFIG, "`%s` is missing%s%s", row->name, *place->name ? " in " : "",
            place->name);
    yaml_at(map, err);
    return err_hint(err, "%s", row->help);
}

static bool check_required(const struct place *place, const struct yaml_node *map, struct err *err)
{
    for (size_t i = 0; i < options_count; i++) {
        const struct option_row *row = &options_table[i];
        for (size_t p = 0; p < place->count; p++) {
            if (row->required && row->section == place->into[p].section && !is_given(map, row))
                return missing(row, place, map, err);
        }
    }
    return true;
}

static bool is_map(const struct yaml_node *node, const char *name, struct err *err)
{
    if (node->kind == YAML_MAP)
        return true;
    err_set(err, ERR_CONFIG, "%s: keys and values are expected", name);
    return yaml_at(node, err);
}

/* Everything in a map but the sections below it, which their own readers take. */
static bool section_read(struct loader *l, const struct place *place, const struct yaml_node *map,
                         struct err *err)
{
    if (!is_map(map, place->name, err))
        return false;
    for (size_t i = 0; i < map->count; i++) {
        const struct option_row *row = NULL;
        size_t p = 0;
        for (; p < place->count && !row; p++)
            row = options_find(place->into[p].section, map->keys[i]->text);
        if (!row) {
            if (!unknown_key(l, place, map->keys[i], err))
                return false;
            continue;
        }
        if (!check_twice(row, map, map->keys[i], err))
            return false;
        if (row->type == OPTION_MAP || row->type == OPTION_LIST)
            continue;
        if (!apply(l, row, map->items[i], place->into[p - 1].base, err))
            return false;
    }
    return check_required(place, map, err);
}

/* A section below the top level, with its defaults; *ret_map is NULL where it is not there. */
static bool section_of(struct loader *l, const struct yaml_node *root, enum option_section section,
                       void *base, const struct yaml_node **ret_map, struct err *err)
{
    const char *name = options_section_name(section);
    const struct yaml_node *map = yaml_get(root, name);
    struct place place = {.name = name, .into = {{section, base}}, .count = 1};

    options_defaults(section, l->old, base, l->arena);
    *ret_map = NULL;
    if (yaml_is_null(map))
        return true;
    *ret_map = map;
    return section_read(l, &place, map, err);
}

/* --- s3 --- */

static bool is_this_host(const char *host, size_t len)
{
    return (len == 9 && strncasecmp(host, "localhost", 9) == 0) ||
           (len == 3 && memcmp(host, "::1", 3) == 0) ||
           (len >= 5 && memcmp(host, "[::1]", 5) == 0) ||
           (len > 4 && strncmp(host, "127.", 4) == 0);
}

/* Without slashes at its ends; levels that no store could keep are refused. */
static bool clean_prefix(struct loader *l, const struct yaml_node *map, struct err *err)
{
    const char *prefix = l->config->s3.prefix + strspn(l->config->s3.prefix, "/");
    size_t len = strlen(prefix);

    while (len > 0 && prefix[len - 1] == '/')
        len--;
    l->config->s3.prefix = arena_strndup(l->arena, prefix, len);
    for (const char *level = l->config->s3.prefix; *level;) {
        size_t n = strcspn(level, "/");
        if (n == 0 || (n == 1 && *level == '.') || (n == 2 && memcmp(level, "..", 2) == 0)) {
            err_set(err, ERR_CONFIG, "prefix: \"%s\" has an empty level, \".\" or \"..\"",
                    l->config->s3.prefix);
            return yaml_at(yaml_get(map, "prefix"), err);
        }
        level += n + (level[n] == '/');
    }
    return true;
}

static bool check_keys(const struct config_s3 *s3, const struct yaml_node *map, struct err *err)
{
    if (!s3->access_key_id == !s3->secret_access_key && (!s3->session_token || s3->access_key_id))
        return true;
    err_set(err, ERR_CONFIG, "s3: access_key_id and secret_access_key belong together");
    yaml_at(map, err);
    return err_hint(err, "give both, or neither and use the environment");
}

/* What the earlier archiver did without asking stays so, and is said. */
static void keep_old_s3(struct loader *l, const struct yaml_node *map)
{
    struct config_s3 *s3 = &l->config->s3;
    const struct yaml_node *endpoint = yaml_get(map, "endpoint");

    if (!s3->endpoint)
        return;
    /* Its defaults were for AWS alone; another store may know neither. */
    if (yaml_is_null(yaml_get(map, "storage_class")))
        s3->storage_class = NULL;
    if (yaml_is_null(yaml_get(map, "encryption")))
        s3->encryption = NULL;
    if (strncmp(s3->endpoint, "http://", 7) != 0 || yaml_get(map, "allow_http"))
        return;
    const char *host = s3->endpoint + 7;
    if (is_this_host(host, *host == '[' ? strlen(host) : strcspn(host, ":/")))
        return;
    s3->allow_http = true;
    warn_at(l, endpoint, "endpoint: http:// to another host", "rows travel unencrypted",
            "https://, or allow_http: true to say so");
}

static bool read_s3(struct loader *l, const struct yaml_node *root, struct err *err)
{
    const struct yaml_node *map;

    if (!section_of(l, root, IN_S3, &l->config->s3, &map, err))
        return false;
    assert(map); /* required */
    if (l->old)
        keep_old_s3(l, map);
    return clean_prefix(l, map, err) && check_keys(&l->config->s3, map, err);
}

/* --- databases and tables --- */

static bool read_table(struct loader *l, const struct config_database *db, size_t n,
                       const struct yaml_node *map, struct config_table *table, struct err *err)
{
    char *name = mem_printf("%s.tables[%zu]", db->name, n);
    struct place place = {.name = name,
                          .into = {{IN_TABLE, table}, {IN_SETTINGS, &table->settings}},
                          .count = 2};

    table->line = map->line;
    table->settings = db->settings;
    options_defaults(IN_TABLE, l->old, table, l->arena);
    bool ok = section_read(l, &place, map, err);
    free(name);
    return ok;
}

static bool check_same_table(const struct config_database *db, const struct config_table *table,
                             const struct yaml_node *map, struct err *err)
{
    for (const struct config_table *t = db->tables; t < table; t++) {
        if (strcmp(t->name, table->name) != 0 || strcmp(t->schema, table->schema) != 0)
            continue;
        err_set(err, ERR_CONFIG, "table %s.%s is there twice in database %s", t->schema, t->name,
                db->name);
        yaml_at(map, err);
        return err_why(err, "first at line %d", t->line);
    }
    return true;
}

/* A list of maps that must not be empty. */
static bool check_list(const struct yaml_node *list, const char *name, struct err *err)
{
    if (list->kind == YAML_LIST && list->count > 0)
        return true;
    err_set(err, ERR_CONFIG,
            list->kind == YAML_LIST ? "%s: at least one is needed" : "%s: a list is expected",
            name);
    return yaml_at(list, err);
}

static bool read_tables(struct loader *l, struct config_database *db, const struct yaml_node *list,
                        struct err *err)
{
    if (!check_list(list, "tables", err))
        return false;
    db->tables = arena_alloc(l->arena, list->count * sizeof(*db->tables));
    for (size_t i = 0; i < list->count; i++) {
        if (!read_table(l, db, i, list->items[i], &db->tables[i], err) ||
            !check_same_table(db, &db->tables[i], list->items[i], err))
            return false;
        db->table_count++;
    }
    return true;
}

static bool check_password(const struct config_database *db, const struct yaml_node *map,
                           struct err *err)
{
    int sources = (db->password != NULL) + (db->password_env != NULL) + (db->password_file != NULL);

    if (sources <= 1)
        return true;
    err_set(err, ERR_CONFIG, "database %s: more than one source of the password", db->name);
    yaml_at(map, err);
    return err_hint(err, "one of password_env, password_file and password");
}

static void warn_sslmode(struct loader *l, const struct config_database *db,
                         const struct yaml_node *map)
{
    if (!yaml_is_null(yaml_get(map, "sslmode")) || !db->host || *db->host == '/' ||
        is_this_host(db->host, strlen(db->host)))
        return;
    char *what =
        mem_printf("database %s: sslmode is prefer, as version %s had it", db->name, l->version);
    warn_at(l, map, what, "the server is not checked and may be another",
            "set sslmode: verify-full");
    free(what);
}

static bool check_same_database(const struct config *config, const struct config_database *db,
                                const struct yaml_node *map, struct err *err)
{
    for (const struct config_database *d = config->databases; d < db; d++) {
        if (strcmp(d->name, db->name) != 0)
            continue;
        err_set(err, ERR_CONFIG, "database %s is there twice", db->name);
        yaml_at(map, err);
        err_why(err, "first at line %d; their archives could not be told apart", d->line);
        return err_hint(err, "give them different names, and dbname");
    }
    return true;
}

static bool read_database(struct loader *l, size_t n, const struct yaml_node *map,
                          struct config_database *db, struct err *err)
{
    char name[40];
    struct place place = {.name = name,
                          .into = {{IN_DATABASE, db}, {IN_SETTINGS, &db->settings}},
                          .count = 2};

    snprintf(name, sizeof(name), "databases[%zu]", n);
    db->line = map->line;
    db->settings = l->config->defaults;
    options_defaults(IN_DATABASE, l->old, db, l->arena);
    if (!section_read(l, &place, map, err))
        return false;
    if (!db->name && !db->dbname)
        return missing(options_find(IN_DATABASE, "name"), &place, map, err);
    db->name = db->name ? db->name : db->dbname;
    db->dbname = db->dbname ? db->dbname : db->name;
    if (l->old)
        warn_sslmode(l, db, map);
    return check_password(db, map, err) && check_same_database(l->config, db, map, err) &&
           read_tables(l, db, yaml_get(map, "tables"), err);
}

static bool read_databases(struct loader *l, const struct yaml_node *root, struct err *err)
{
    struct config *c = l->config;
    const struct yaml_node *list = yaml_get(root, "databases");

    if (!check_list(list, "databases", err))
        return false;
    c->databases = arena_alloc(l->arena, list->count * sizeof(*c->databases));
    for (size_t i = 0; i < list->count; i++) {
        if (!read_database(l, i, list->items[i], &c->databases[i], err))
            return false;
        c->database_count++;
    }
    return true;
}

/* --- the whole --- */

static bool read_version(struct loader *l, const struct yaml_node *root, struct err *err)
{
    static const char *const versions[] = {
        [CONFIG_V1] = "1.0", [CONFIG_V2] = "2.0", [CONFIG_V3] = "3"};
    const struct yaml_node *version = yaml_get(root, "version");

    if (yaml_is_null(version)) {
        err_set(err, ERR_CONFIG, "`version` is missing");
        yaml_at(root, err);
        return err_hint(err, "begin the file with version: \"3\"");
    }
    for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
        if (strcmp(version->text, versions[i]) != 0)
            continue;
        l->version = versions[i];
        l->config->version = (enum config_version)i;
        l->old = i != CONFIG_V3;
        return true;
    }
    err_set(err, ERR_CONFIG, "version: \"%s\" is not one of \"3\", \"2.0\", \"1.0\"",
            version->text);
    return yaml_at(version, err);
}

/* Sections that only say that something later versions do is wanted. */
static bool check_later(struct loader *l, const struct yaml_node *root, enum option_section section,
                        struct err *err)
{
    const char *name = options_section_name(section);
    const struct yaml_node *map = yaml_get(root, name);
    struct place place = {.name = name, .into = {{section, NULL}}, .count = 1};

    if (yaml_is_null(map))
        return true;
    if (!is_map(map, name, err))
        return false;
    if (!asks_nothing(options_find(IN_FILE, name), map))
        return refuse_later(options_find(IN_FILE, name), map, err);
    for (size_t i = 0; i < map->count; i++) {
        if (!options_find(section, map->keys[i]->text) &&
            !unknown_key(l, &place, map->keys[i], err))
            return false;
    }
    return true;
}

/* Found by line, since inheritance hides which level said it. */
static bool check_compliance(const struct config *c, struct err *err)
{
    if (!c->compliance.present)
        return true;
    for (size_t d = 0; d < c->database_count; d++) {
        const struct config_database *db = &c->databases[d];
        for (size_t t = 0; t < db->table_count; t++) {
            int64_t days = db->tables[t].settings.retention_days;
            if (days >= c->compliance.min_retention_days &&
                days <= c->compliance.max_retention_days)
                continue;
            err_set(err, ERR_CONFIG,
                    "table %s.%s: a retention of %lld days is outside of compliance (%lld to %lld)",
                    db->tables[t].schema, db->tables[t].name, (long long)days,
                    (long long)c->compliance.min_retention_days,
                    (long long)c->compliance.max_retention_days);
            return err_in(err, "%s:%d", c->path, db->tables[t].line);
        }
    }
    return true;
}

static void settle(struct config_settings *s)
{
    if (!s->vacuum_after)
        s->vacuum_strategy = VACUUM_NONE;
}

static void settle_all(struct config *c)
{
    settle(&c->defaults);
    for (size_t d = 0; d < c->database_count; d++) {
        settle(&c->databases[d].settings);
        for (size_t t = 0; t < c->databases[d].table_count; t++)
            settle(&c->databases[d].tables[t].settings);
    }
}

static bool read_sections(struct loader *l, const struct yaml_node *root, struct err *err)
{
    struct config *c = l->config;
    const struct yaml_node *map;

    if (!check_later(l, root, IN_LEGAL_HOLDS, err) || !check_later(l, root, IN_ENCRYPTION, err))
        return false;
    if (!section_of(l, root, IN_COMPLIANCE, &c->compliance, &map, err))
        return false;
    c->compliance.present = map != NULL;
    return read_s3(l, root, err) && section_of(l, root, IN_SETTINGS, &c->defaults, &map, err) &&
           section_of(l, root, IN_LOGGING, &c->logging, &map, err) &&
           section_of(l, root, IN_MONITORING, c, &map, err) && read_databases(l, root, err);
}

static bool read_root(struct loader *l, const struct yaml_node *root, struct err *err)
{
    struct place place = {.name = "", .into = {{IN_FILE, l->config}}, .count = 1};

    if (yaml_is_null(root))
        return err_set(err, ERR_CONFIG, "%s is empty", l->config->path) ||
               err_hint(err, "begin the file with version: \"3\"");
    if (!is_map(root, l->config->path, err) || !read_version(l, root, err))
        return false;
    options_defaults(IN_FILE, l->old, l->config, l->arena);
    if (!section_read(l, &place, root, err) || !read_sections(l, root, err) ||
        !check_compliance(l->config, err))
        return false;
    settle_all(l->config);
    return true;
}

struct config *config_load(const char *path, struct err *err)
{
    struct arena *arena = arena_new();
    struct config *config = arena_alloc(arena, sizeof(*config));
    struct loader l = {.config = config, .arena = arena};

    config->arena = arena;
    config->path = arena_strdup(arena, path);
    l.warned = arena_alloc(arena, options_count * sizeof(*l.warned));
    const struct yaml_node *root = yaml_load(path, arena, err);
    bool ok = root && read_root(&l, root, err);
    config->warnings = arena_alloc(arena, (config->warning_count + 1) * sizeof(char *));
    if (config->warning_count > 0)
        memcpy(config->warnings, l.warnings, config->warning_count * sizeof(char *));
    free(l.warnings);
    if (ok)
        return config;
    config_free(config);
    return NULL;
}

void config_free(struct config *config)
{
    if (config)
        arena_free(config->arena); /* it lives there itself */
}

void config_show(const struct config *config, bool json, struct buf *ret_text)
{
    show_config(config, json, ret_text);
}

/* --- finding the file --- */

static char *user_file(void)
{
    const char *home = getenv("XDG_CONFIG_HOME");

    if (home && *home == '/')
        return mem_printf("%s/archiver-tui/config.yaml", home);
    home = getenv("HOME");
    return mem_printf("%s/.config/archiver-tui/config.yaml", home ? home : "");
}

char *config_find(const char *given, struct err *err)
{
    const char *named = getenv("ARCHIVER_CONFIG");
    char *user = user_file();
    const char *const places[] = {"archiver.yaml", user, SYSTEM_FILE};
    char *found = NULL;

    if (given)
        found = mem_strdup(given);
    else if (named && *named)
        found = mem_strdup(named);
    for (size_t i = 0; !found && i < sizeof(places) / sizeof(places[0]); i++) {
        if (access(places[i], F_OK) == 0)
            found = mem_strdup(places[i]);
    }
    if (!found) {
        err_set(err, ERR_CONFIG, "no config file");
        err_why(err, "neither ./archiver.yaml nor %s nor " SYSTEM_FILE " is there", user);
        err_hint(err, "--config FILE or $ARCHIVER_CONFIG");
    }
    free(user);
    return found;
}
