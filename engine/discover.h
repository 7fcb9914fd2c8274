/* SPDX-License-Identifier: PostgreSQL
 *
 * What a server has that could be archived: its databases, and of one database the tables with a
 * column that tells when, ranked by evidence. One statement over the server's catalogs and
 * statistics: no table is read, whatever its size, and thousands of tables are no matter.
 *
 * Threads: one thread at a time per call; blocks.
 */
#ifndef ARCHIVER_DISCOVER_H
#define ARCHIVER_DISCOVER_H

#include "base/queue.h"
#include "config/config.h"

struct discover_server { /* of a connection that worked */
    char version[64], user[260], database[260];
    bool in_recovery;
};

struct discover_database {
    const char *name;
    uint64_t bytes; /* 0: not ours to see */
};
struct discover_databases {
    struct arena *arena;
    struct discover_server server;
    struct discover_database *items; /* by name; those that take connections */
    size_t count;
};
/* Over the connection that `database` describes. */
bool discover_databases(const struct config_database *database,
                        struct discover_databases *ret_databases, struct err *err);
void discover_databases_done(struct discover_databases *databases);

enum { DISCOVER_SHARES = 100 };
struct discover_column { /* that tells when */
    const char *name, *type;
    bool not_null;
    bool indexed;       /* some index begins with it */
    double correlation; /* with the order in the heap; 0: not known */
    /* Bounds of equal shares of the rows, oldest first, from the statistics; 0: not known. */
    int64_t bounds_us[DISCOVER_SHARES + 1];
    size_t bound_count;
    int score;
};

struct discover_table {
    const char *schema, *name;
    bool partitioned;
    size_t partitions;
    int64_t rows; /* estimated; -1: never analysed */
    uint64_t bytes;
    int64_t inserted, updated, deleted; /* since the statistics began */
    const char **key;                   /* its primary key's columns; key_count 0: none */
    size_t key_count;
    size_t foreign_keys_here, triggers; /* that point here; that fire on DELETE */
    bool row_security, can_select, can_delete;
    struct discover_column *columns; /* the best first */
    size_t column_count;
    int score;       /* higher: rather a log than not; below 0: rather not */
    const char *why; /* in words, what speaks for it and against it */
};
struct discover_tables {
    struct arena *arena;
    struct discover_table *items; /* the best first */
    size_t count;
    size_t without; /* tables without a column that tells when */
};
/* `retention_days`: what counts as old, for the ranking. */
bool discover_tables(const struct config_database *database, int64_t retention_days,
                     struct discover_tables *ret_tables, struct err *err);
void discover_tables_done(struct discover_tables *tables);

/* The share of rows older than that, by the statistics: 0 to 1; -1: not known. */
double discover_share(const struct discover_column *column, int64_t cutoff_us);
/* Rows that become old in each month from then on, as a share of all; -1: not known. */
double discover_share_a_month(const struct discover_column *column);
/* What a role lacks to archive this table, as a statement that gives it; and the index that is
 * missing. False: nothing. */
bool discover_grant(const struct discover_table *table, const char *user, struct buf *ret_sql);
bool discover_index(const struct discover_table *table, const struct discover_column *column,
                    struct buf *ret_sql);

#endif
