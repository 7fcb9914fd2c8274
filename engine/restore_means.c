/* SPDX-License-Identifier: PostgreSQL */
#include "restore_means.h"

#include "postgres/url.h"

/* --- the target's database --- */

static const struct config_database *find_database(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->database_count; i++) {
        if (strcmp(config->databases[i].name, name) == 0)
            return &config->databases[i];
    }
    return NULL;
}

static bool choose_database(const struct restore_params *p, const struct source *source,
                            const struct config_database *url, const struct config_database **ret,
                            struct err *err)
{
    const char *name = p->to_database ? p->to_database : source->database_name;

    *ret = url->name ? url : find_database(p->config, name);
    if (*ret)
        return true;
    err_set(err, p->to_database ? ERR_USAGE : ERR_PREFLIGHT,
            "database %s is not in the configuration", name);
    err_in(err, "%s", p->config->path);
    return err_hint(err, "--to-database NAME, or a postgresql:// URL");
}

/* --- the archives --- */

static bool same_table(const struct source *a, const struct source *b)
{
    return strcmp(a->database_name, b->database_name) == 0 && strcmp(a->schema, b->schema) == 0 &&
           strcmp(a->table_name, b->table_name) == 0;
}

size_t restore_means_end(const struct restore_means *means, size_t first)
{
    const struct sources *all = &means->sources;
    size_t end = first + 1;

    while (end < all->count && same_table(&all->items[first], &all->items[end]))
        end++;
    return end;
}

static bool one_table(const struct restore_means *means, struct err *err)
{
    const struct sources *all = &means->sources;

    if (!means->params->to_table || restore_means_end(means, 0) == all->count)
        return true;
    err_set(err, ERR_USAGE, "--to-table: the archives are of more than one table");
    err_why(err, "%s.%s and %s.%s", all->items[0].schema, all->items[0].table_name,
            all->items[all->count - 1].schema, all->items[all->count - 1].table_name);
    return err_hint(err, "choose one with -t");
}

static bool find_sources(struct restore_means *means, struct err *err)
{
    const struct restore_params *p = means->params;
    struct sources_params params = {.config = p->config,
                                    .store = means->store,
                                    .stop = p->stop,
                                    .keys = p->keys,
                                    .key_count = p->key_count,
                                    .run_id = p->run_id,
                                    .database = p->database,
                                    .schema = p->schema,
                                    .table = p->table,
                                    .start_date = p->start_date,
                                    .end_date = p->end_date,
                                    .archived_from = p->archived_from,
                                    .archived_to = p->archived_to};

    return sources_find(&params, &means->sources, err);
}

bool restore_means_open(struct restore_means *means, const struct restore_params *params,
                        struct err *err)
{
    *means = (struct restore_means){.params = params, .arena = arena_new()};
    if (params->to_database && url_is(params->to_database) &&
        !url_read(params->to_database, means->arena, &means->url, err))
        return err_in(err, "--to-database");
    means->store = store_open(&params->config->s3, params->stop, err);
    if (!means->store || !find_sources(means, err) || !one_table(means, err))
        return false;
    means->schemas = earlier_schemas_new(means->store);
    means->keyring = keyring_new(params->config);
    return true;
}

void restore_means_done(struct restore_means *means)
{
    sources_done(&means->sources);
    earlier_schemas_free(means->schemas);
    keyring_free(means->keyring);
    store_close(means->store);
    arena_free(means->arena);
    *means = (struct restore_means){0};
}

bool restore_means_table(const struct restore_means *means, size_t first,
                         struct restore_table_params *ret, struct err *err)
{
    const struct restore_params *p = means->params;
    const struct source *source = &means->sources.items[first];

    *ret = (struct restore_table_params){.restore = p,
                                         .sources = source,
                                         .count = restore_means_end(means, first) - first,
                                         .schema = p->to_schema ? p->to_schema : source->schema,
                                         .table = p->to_table ? p->to_table : source->table_name,
                                         .store = means->store,
                                         .schemas = means->schemas,
                                         .keyring = means->keyring};
    return choose_database(p, source, &means->url, &ret->target, err);
}
