/* SPDX-License-Identifier: PostgreSQL
 *
 * A whole partition leaves: its rows become objects of the usual size, and the partition is
 * detached and dropped, all in one transaction.
 *
 *   BEGIN, txid
 *     │  range of blocks after range of blocks: COPY (SELECT ...), an object each, PROVED
 * (archive.h); │  the metadata of all of them holds that one txid
 *     v
 *   LOCK partition IN SHARE MODE      who writes to it waits from here on, who reads does not
 *     │  compared: as many rows as were streamed, none of them younger than the stream, all
 * eligible
 *     v
 *   LOCK parent, partition IN ACCESS EXCLUSIVE MODE; DETACH; DROP      for a moment, tried again
 *     v
 *   COMMIT                            the drop is real, or nothing is: txid_status decides for all
 *     v                               objects alike
 *   a catalog line for each object
 *
 * Nothing of the partition is changed before COMMIT, so that a kill, a failure or a change by
 * others at any moment leaves it as it was, and objects that recover removes.
 *
 * Not for: whether a leaf may leave so (postgres/way.h).
 *
 * Threads: as archive.h.
 */
#ifndef ARCHIVER_LEAF_H
#define ARCHIVER_LEAF_H

#include "archive.h"

struct leaf_params {
    const struct archive_params *archive;
    struct archiver *archiver; /* of the same parameters */
    struct conn *conn;         /* holds the table's lock and no transaction */
    const struct introspect_leaf *leaf;
    /* Rows of the next object; 0: give up, the leaf stays. May wait. */
    int64_t (*ask)(void *state);
    void (*took)(void *state, const struct archive_batch *object);
    void *state;
};

struct leaf_report {
    enum archive_outcome outcome; /* of all objects; ARCHIVE_EMPTY: there is no row, it stays */
    bool stays; /* UNDONE because of the leaf: its rows may leave batch by batch instead */
    int64_t objects;
    struct archive_batch
        total; /* `key`: of the last object, or of one that recover has to settle */
};

/* False with *err for UNDONE and UNKNOWN, as archive_batch. archive_batch_done frees `total`. */
bool leaf_archive(const struct leaf_params *params, struct leaf_report *ret_report,
                  struct err *err);

#endif
