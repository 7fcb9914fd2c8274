/* SPDX-License-Identifier: PostgreSQL
 *
 * BACK: COPY FROM into the target, straight or through a temporary staging table and one statement
 * over sets, by what is to happen where a row is there already.
 *
 *   import_new -> [ import_begin -> import_add ... -> import_end ]... -> import_free
 *
 * begin to end is one piece, all in the transaction that the caller has open. After a false the
 * transaction is to be rolled back.
 *
 * Threads: one thread at a time.
 */
#ifndef ARCHIVER_POSTGRES_IMPORT_H
#define ARCHIVER_POSTGRES_IMPORT_H

#include "postgres/conn.h"
#include "row/mapping.h"

enum import_conflict {
    IMPORT_FAIL,      /* the first row that is there already ends it */
    IMPORT_SKIP,      /* the row in the table stays */
    IMPORT_OVERWRITE, /* the whole row is replaced: what the archive has not becomes its default */
    IMPORT_UPSERT,    /* only the columns that the archive has are set */
};

struct import_params {
    const char *schema, *table;
    bool partitioned;            /* the target is a partitioned table */
    const struct shape *target;  /* of the table */
    const struct shape *archive; /* columns of the lines, where the mapping is not direct */
    const struct mapping *mapping;
    enum import_conflict conflict;
    const struct config_names *key; /* of the target; empty: its primary key, else a unique one */
    bool count_only;                /* stage and count conflicts, write nothing to the table */
};

struct import_counts {
    int64_t staged, inserted, updated, skipped;
    int64_t conflicts; /* rows that were there already */
};

struct import;
/* ERR_PREFLIGHT where conflicts are to be told and the target has no unique key for it. */
struct import *import_new(struct conn *conn, const struct import_params *params, struct err *err);
void import_free(struct import *import); /* NULL allowed */
bool import_begin(struct import *import, struct err *err);
/* Whole lines of COPY text: the mapping's columns in its order where it is direct, else the staged
 * ones. */
bool import_add(struct import *import, const char *lines, size_t len, struct err *err);
/* each(key) for the first conflicts of the piece; may be NULL. */
bool import_end(struct import *import, struct import_counts *ret_counts,
                void (*each)(const char *key, void *state), void *state, struct err *err);

#endif
