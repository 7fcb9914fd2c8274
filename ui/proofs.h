/* SPDX-License-Identifier: PostgreSQL
 *
 * The verification as the console keeps it: one at a time, begun on one screen and going on while
 * others are looked at; what it found stays until the next one begins.
 *
 * Threads: the painting thread; none of it blocks.
 */
#ifndef ARCHIVER_UI_PROOFS_H
#define ARCHIVER_UI_PROOFS_H

#include "rate.h"
#include "task.h"
#include "verify.h"

struct proofs_scope { /* NULL: all */
    char *database, *schema, *table;
    char **keys; /* only these archives */
    size_t key_count;
    bool deep;
    enum verify_lookup lookup;
};

enum proofs_what { PROOFS_PROBLEM, PROOFS_ORPHAN, PROOFS_NOTE };

struct proofs_finding {
    enum proofs_what what;
    const char *kind; /* verify_kind.h */
    char *key, *detail;
};

enum proofs_state { PROOFS_NONE, PROOFS_WORKING, PROOFS_WHOLE, PROOFS_STOPPED, PROOFS_FAILED };

struct proofs_view {
    enum proofs_state state;
    struct proofs_scope scope;
    struct proofs_finding *findings; /* as they were found */
    size_t count, problems, orphans, notes;
    char *key; /* in work; NULL: archives are being counted */
    uint64_t archives, archives_total, bytes, bytes_total; /* as in verify_progress */
    int64_t begun_us, ended_us;                            /* monotonic */
    struct rate rate;                                      /* bytes */
    struct verify_report report;                           /* where it is WHOLE */
    struct err err;                                        /* why it FAILED */
};

struct proofs;
struct proofs *proofs_new(struct tasks *tasks, const struct config *config); /* both borrowed */
void proofs_free(struct proofs *proofs);
/* Takes the scope. Nothing where one goes on. */
void proofs_start(struct proofs *proofs, struct proofs_scope *scope);
void proofs_cancel(struct proofs *proofs);
const struct proofs_view *proofs_view(const struct proofs *proofs);
/* 0 to 1; negative: not known. */
double proofs_share(const struct proofs_view *view);
/* Of the state WHOLE: a page, or what `--json` prints where the name ends in .json. */
bool proofs_save(const struct proofs *proofs, const char *path, struct err *err);
void proofs_scope_done(struct proofs_scope *scope);

#endif
