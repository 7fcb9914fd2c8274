/* SPDX-License-Identifier: PostgreSQL
 *
 * Every unsettled batch is settled, removed, or reported; nothing else may decide that.
 *
 * A batch is unsettled when one of its objects exists and no catalog line names it. What decides,
 * in this order:
 *
 *   data of another cluster, or of the earlier archiver   foreign: never touched
 *   data of this cluster without metadata.json            COMMIT was never sent: removed
 *   metadata.json of this cluster and timeline, and txid_status says
 *     committed, aborted, in progress                     settled, removed, left
 *   anything else: its keys are looked up in the table
 *     none there, all there                               settled, removed
 *     a mixture, or no key                                reported, not touched
 *   a cluster that its role may not ask for ("0")         as by the keys, where its transaction
 *                                                         agrees; else reported
 *
 * Of an encrypted batch only the keys need its key: where that is not to be had, what its
 * transaction cannot decide is reported, with the key that is missing.
 *
 * The caller holds the table's lock, so no other run of ours is between its first object and its
 * COMMIT.
 *
 * A rebuild (the catalog is lost, so that every batch is unsettled) decides the same way, but
 * removes nothing, and settles a batch whose rows a restore brought back.
 *
 * Threads: one thread; blocks.
 */
#ifndef ARCHIVER_RECOVER_H
#define ARCHIVER_RECOVER_H

#include "base/json.h"
#include "base/queue.h"
#include "config/config.h"
#include "keyring.h"
#include "spool.h"

struct conn;
struct store;

enum recover_verdict {
    RECOVER_SETTLED,
    RECOVER_REMOVED,
    RECOVER_IN_PROGRESS,
    RECOVER_UNDECIDED,
    RECOVER_UNDONE,
    RECOVER_PENDING, /* only of a rebuild: not settled, and left for recover to remove */
    RECOVER_FOREIGN, /* only of a rebuild: of another cluster, which alone could tell */
};
const char *recover_verdict_name(enum recover_verdict verdict);

struct recover_batch {
    char *key; /* data key */
    enum recover_verdict verdict;
    char detail[200]; /* why; what to do where undecided */
};

struct recover_report {
    struct recover_batch *batches;
    size_t count;
    int64_t settled, removed, left; /* left: neither, whatever the reason */
    uint64_t swept;                 /* temporary files and stale uploads removed */
    struct spool_report spool;      /* what had waited for the store */
    int64_t indexes_put_back;       /* that an interrupted restore had dropped */
    int64_t indexes_left;           /* of those, tries that the server refused; the log says why */
    struct err err;                 /* the first table that could not be looked at */
    int64_t tables, tables_failed;
};

/* One table; under its lock. Adds to the report. `run_id` names the catalog object written. Indexes
 * that an interrupted restore set aside are put back too: the table's, and with the first table of
 * a database those of all others that nobody has locked. */
struct recover_target {
    const struct config *config;
    const struct config_database *database;
    const struct config_table *table;
    struct keyring *keyring;
    const char *run_id;
    bool rebuild; /* the catalog is lost: settle what is proved, remove nothing */
};
/* Adds to the report. */
void recover_note(struct recover_report *report, const char *key, enum recover_verdict verdict,
                  const char *detail);
bool recover_table(const struct recover_target *target, struct conn *conn, struct store *store,
                   struct recover_report *report, struct err *err);

struct recover_params {
    const struct config *config;
    const char *database, *schema, *table; /* filters; NULL: all */
    bool rebuild;                          /* as in recover_target */
    bool offline;                          /* with rebuild: no database is asked (rebuild.h) */
    const struct stop *stop;
};
/* All tables asked for, each under its lock. False where nothing could be tried. */
bool recover_run(const struct recover_params *params, struct recover_report *ret_report,
                 struct err *err);
void recover_report_done(struct recover_report *report);
void recover_report_write(const struct recover_report *report, struct json_out *j);

#endif
