/* SPDX-License-Identifier: PostgreSQL */
#include "targets.h"

#include <stdlib.h>

#include "base/text.h"

static bool matches(const char *filter, const char *name)
{
    return !filter || strcmp(filter, name) == 0;
}

static bool nothing_found(const struct config *config, const char *database, const char *table,
                          struct err *err)
{
    size_t count = 0, room = config->database_count;
    bool database_found = false;

    for (size_t d = 0; d < config->database_count; d++) {
        database_found |= matches(database, config->databases[d].name);
        room += config->databases[d].table_count;
    }
    const char **names = mem_alloc((room + 1) * sizeof(*names));
    for (size_t d = 0; d < config->database_count; d++) {
        const struct config_database *db = &config->databases[d];
        if (!database_found)
            names[count++] = db->name;
        for (size_t t = 0; database_found && t < db->table_count; t++)
            names[count++] = db->tables[t].name;
    }
    const char *word = database_found ? table : database;
    const char *nearest = text_nearest(word, names, count);

    err_set(err, ERR_USAGE, "%s %s is not in the configuration",
            database_found ? "table" : "database", word);
    err_in(err, "%s", config->path);
    if (nearest)
        err_hint(err, "did you mean %s?", nearest);
    free(names);
    return false;
}

bool targets_find(const struct config *config, const char *database, const char *schema,
                  const char *table, struct targets *ret, struct err *err)
{
    *ret = (struct targets){0};
    for (size_t d = 0; d < config->database_count; d++) {
        const struct config_database *db = &config->databases[d];
        if (!matches(database, db->name))
            continue;
        for (size_t t = 0; t < db->table_count; t++) {
            if (!matches(table, db->tables[t].name) || !matches(schema, db->tables[t].schema))
                continue;
            ret->items = mem_grow(ret->items, (ret->count + 1) * sizeof(*ret->items));
            ret->items[ret->count++] = (struct target){db, &db->tables[t]};
        }
    }
    return ret->count > 0 || nothing_found(config, database, table, err);
}

void targets_done(struct targets *targets)
{
    free(targets->items);
    *targets = (struct targets){0};
}
