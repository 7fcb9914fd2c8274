/* SPDX-License-Identifier: PostgreSQL
 *
 * The tree's sections into the structs, in an order that inheritance allows, and the rules between
 * options that a row of the table cannot say.
 *
 * Inheritance is by copying: a database starts as a copy of the defaults, a table as a copy of its
 * database, so a level only writes what it says. vacuum_after is folded into vacuum_strategy when
 * all of that is done.
 */
#include "config/config.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/mman.h>
#include <unistd.h>

#include "config/section.h"
#include "config/show.h"

#define SYSTEM_FILE "/etc/archiver-tui/config.yaml"

struct loader {
    struct config *config;
    struct section_reader reader;
    const char *version; /* as the file says it */
};

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
    l->config->s3.prefix = arena_strndup(l->reader.arena, prefix, len);
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
    section_warn(&l->reader, endpoint, "endpoint: http:// to another host",
                 "rows travel unencrypted", "https://, or allow_http: true to say so");
}

static bool read_s3(struct loader *l, const struct yaml_node *root, struct err *err)
{
    const struct yaml_node *map;

    if (!section_below(&l->reader, root, IN_S3, &l->config->s3, &map, err))
        return false;
    assert(map); /* required */
    if (l->reader.old)
        keep_old_s3(l, map);
    return clean_prefix(l, map, err) && check_keys(&l->config->s3, map, err);
}

/* --- databases and tables --- */

static bool read_table(struct loader *l, const struct config_database *db, size_t n,
                       const struct yaml_node *map, struct config_table *table, struct err *err)
{
    char *name = mem_printf("%s.tables[%zu]", db->name, n);
    struct section_place place = {.name = name,
                                  .into = {{IN_TABLE, table}, {IN_SETTINGS, &table->settings}},
                                  .count = 2};

    table->line = map->line;
    table->settings = db->settings;
    options_defaults(IN_TABLE, l->reader.old, table, l->reader.arena);
    bool ok = section_read(&l->reader, &place, map, err);
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
    db->tables = arena_alloc(l->reader.arena, list->count * sizeof(*db->tables));
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
    section_warn(&l->reader, map, what, "the server is not checked and may be another",
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
    struct section_place place = {.name = name,
                                  .into = {{IN_DATABASE, db}, {IN_SETTINGS, &db->settings}},
                                  .count = 2};

    snprintf(name, sizeof(name), "databases[%zu]", n);
    db->line = map->line;
    db->settings = l->config->defaults;
    options_defaults(IN_DATABASE, l->reader.old, db, l->reader.arena);
    if (!section_read(&l->reader, &place, map, err))
        return false;
    if (!db->name && !db->dbname)
        return section_missing(options_find(IN_DATABASE, "name"), &place, map, err);
    db->name = db->name ? db->name : db->dbname;
    db->dbname = db->dbname ? db->dbname : db->name;
    if (l->reader.old)
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
    c->databases = arena_alloc(l->reader.arena, list->count * sizeof(*c->databases));
    for (size_t i = 0; i < list->count; i++) {
        if (!read_database(l, i, list->items[i], &c->databases[i], err))
            return false;
        c->database_count++;
    }
    return true;
}

/* --- encryption --- */

static bool check_key(const struct config_key *key, const struct yaml_node *map, struct err *err)
{
    int sources = (key->env != NULL) + (key->file != NULL) + (key->command != NULL);

    if (key->id && sources == 1)
        return true;
    if (!key->id)
        err_set(err, ERR_CONFIG, "`key_id` is missing in encryption");
    else
        err_set(err, ERR_CONFIG, "key \"%s\": %s", key->id,
                sources == 0 ? "nothing says where it comes from" : "more than one source of it");
    yaml_at(map, err);
    return err_hint(err, key->id ? "one of key_env, key_file and key_command"
                                 : "a name for the key, which archives carry");
}

static bool check_same_key(const struct config_encryption *e, const struct config_key *key,
                           const struct yaml_node *map, struct err *err)
{
    bool twice = e->key.id && strcmp(e->key.id, key->id) == 0;

    for (const struct config_key *k = e->previous; k < key; k++)
        twice = twice || strcmp(k->id, key->id) == 0;
    if (!twice)
        return true;
    err_set(err, ERR_CONFIG, "key \"%s\" is there twice", key->id);
    yaml_at(map, err);
    return err_hint(err, "a new key needs a new key_id");
}

static bool read_previous(struct loader *l, const struct yaml_node *list, struct err *err)
{
    struct config_encryption *e = &l->config->encryption;

    if (yaml_is_null(list))
        return true;
    if (!check_list(list, "previous_keys", err))
        return false;
    e->previous = arena_alloc(l->reader.arena, list->count * sizeof(*e->previous));
    for (size_t i = 0; i < list->count; i++) {
        char name[40];
        struct config_key *key = &e->previous[i];
        struct section_place place = {.name = name, .into = {{IN_PREVIOUS_KEY, key}}, .count = 1};
        snprintf(name, sizeof(name), "previous_keys[%zu]", i);
        if (!section_read(&l->reader, &place, list->items[i], err) ||
            !check_key(key, list->items[i], err) || !check_same_key(e, key, list->items[i], err))
            return false;
        e->previous_count++;
    }
    return true;
}

/* Where the section is there, its keys can be had: without one nothing would be encrypted. */
static bool read_encryption(struct loader *l, const struct yaml_node *root, struct err *err)
{
    struct config_encryption *e = &l->config->encryption;
    const struct yaml_node *map;

    if (!section_below(&l->reader, root, IN_ENCRYPTION, e, &map, err))
        return false;
    if (!map) {
        e->enabled = false;
        return true;
    }
    bool any = e->key.id || e->key.env || e->key.file || e->key.command;
    if ((e->enabled || any) && !check_key(&e->key, map, err))
        return false;
    return read_previous(l, yaml_get(map, "previous_keys"), err);
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
        l->reader.old = i != CONFIG_V3;
        return true;
    }
    err_set(err, ERR_CONFIG, "version: \"%s\" is not one of \"3\", \"2.0\", \"1.0\"",
            version->text);
    return yaml_at(version, err);
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

    if (!section_later(&l->reader, root, IN_LEGAL_HOLDS, err) || !read_encryption(l, root, err))
        return false;
    if (!section_below(&l->reader, root, IN_COMPLIANCE, &c->compliance, &map, err))
        return false;
    c->compliance.present = map != NULL;
    return read_s3(l, root, err) &&
           section_below(&l->reader, root, IN_SETTINGS, &c->defaults, &map, err) &&
           section_below(&l->reader, root, IN_LOGGING, &c->logging, &map, err) &&
           section_below(&l->reader, root, IN_MONITORING, c, &map, err) &&
           read_databases(l, root, err);
}

static bool read_root(struct loader *l, const struct yaml_node *root, struct err *err)
{
    struct section_place place = {.name = "", .into = {{IN_FILE, l->config}}, .count = 1};

    if (yaml_is_null(root))
        return err_set(err, ERR_CONFIG, "%s is empty", l->config->path) ||
               err_hint(err, "begin the file with version: \"3\"");
    if (!section_is_map(root, l->config->path, err) || !read_version(l, root, err))
        return false;
    options_defaults(IN_FILE, l->reader.old, l->config, l->reader.arena);
    if (!section_read(&l->reader, &place, root, err) || !read_sections(l, root, err) ||
        !check_compliance(l->config, err))
        return false;
    settle_all(l->config);
    return true;
}

struct config *config_load(const char *path, struct err *err)
{
    struct arena *arena = arena_new();
    struct config *config = arena_alloc(arena, sizeof(*config));
    struct loader l = {.config = config, .reader = {.arena = arena}};
    struct section_reader *r = &l.reader;

    config->arena = arena;
    config->path = arena_strdup(arena, path);
    r->warned = arena_alloc(arena, options_count * sizeof(*r->warned));
    const struct yaml_node *root = yaml_load(path, arena, err);
    bool ok = root && read_root(&l, root, err);
    config->warnings = arena_alloc(arena, (r->warning_count + 1) * sizeof(*r->warnings));
    if (r->warning_count > 0)
        memcpy(config->warnings, r->warnings, r->warning_count * sizeof(*r->warnings));
    config->warning_count = r->warning_count;
    free(r->warnings);
    if (ok)
        return config;
    config_free(config);
    return NULL;
}

struct config *config_load_text(const char *text, size_t len, struct err *err)
{
    char path[40];
    int fd = memfd_create("archiver.yaml", MFD_CLOEXEC);
    struct config *config = NULL;

    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    if (fd < 0 || write(fd, text, len) != (ssize_t)len)
        err_sys(err, ERR_RESOURCE, errno, "cannot keep the configuration in memory");
    else
        config = config_load(path, err);
    if (fd >= 0)
        close(fd);
    return config;
}

const char *config_directory(const struct config_s3 *s3)
{
    bool directory = s3->endpoint && strncmp(s3->endpoint, "file://", 7) == 0;

    return directory ? s3->endpoint + 7 : NULL;
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
