/* SPDX-License-Identifier: PostgreSQL
 *
 * PARCEL: what the parts of a table's turn have of each other: the turn around (turn.c), the crew
 * that walks the table (turn_batches.c), the batches of one of its hands (turn_hand.c), and what is
 * counted (turn_tally.c).
 *
 * Threads: as it says at each part.
 */
#ifndef ARCHIVER_TURN_PART_H
#define ARCHIVER_TURN_PART_H

#include <semaphore.h>

#include "recover.h"
#include "turn.h"

/* --- turn.c: the run's thread --- */

/* A new connection, the lock again, and every batch that is not settled decided. */
bool turn_resume(struct turn *turn, struct recover_report *ret_recovered, struct err *err);
/* A session of its own or of one of its hands, as the monitor sees it until monitor_leave. */
void turn_watch(const struct turn *turn, struct conn *conn, struct monitor_subject *subject);
void turn_begin_stride(const struct turn *turn, struct stride *ret_stride);
void turn_show(const struct turn *turn, void (*change)(struct progress_snapshot *, const void *),
               const void *arg);
/* What is settled of the table, as the report will have it; `shown` rows are in flight no more. */
void turn_show_counts(struct turn *turn, int64_t shown);

/* --- turn_tally.c: any thread --- */

/* The limit that is reached by what is settled, by its name; NULL: none. */
const char *turn_limit(struct turn *turn);
/* When the table's time is up, monotonic; 0: never. */
int64_t turn_deadline(const struct turn *turn);
/* How many of `wanted` rows the next batch may take, which are its own until turn_took. 0: a limit
 * is reached, or will be by batches in work. */
int64_t turn_promise(struct turn *turn, int64_t wanted);
/* What became of a promise: `settled` (NULL: nothing) in so many objects. */
void turn_took(struct turn *turn, int64_t promised, const struct archive_batch *settled,
               int64_t objects, bool deleted);
/* What it came to so far. */
struct turn_counts {
    int64_t rows, batches;
    uint64_t bytes;
};
struct turn_counts turn_counts(struct turn *turn);

/* --- turn_batches.c: the run's thread --- */

/* All that is to leave. *ret_complete: no limit and no stop ended it. */
bool turn_batches(struct turn *turn, bool *ret_complete, struct err *err);

/* --- turn_hand.c: a thread of the hand's own, the first one's is the run's --- */

/* What was tried: a batch of at most `asked` rows, or a leaf as a whole. */
struct attempt {
    struct archive_batch batch; /* of a leaf: all its objects */
    int64_t asked;
    const struct introspect_leaf *leaf; /* NULL: a batch */
    int64_t objects;
};

enum hand_end {
    HAND_DONE,    /* nothing is left for it */
    HAND_LIMIT,   /* a limit is reached, or promised to others */
    HAND_STOPPED, /* the run is to stop */
    HAND_LOST,    /* its session, or an answer: recover has to decide before anything goes on */
    HAND_FAILED
};

/* One line of a table's batches: a session, and what it works with. */
struct hand {
    struct turn *turn;
    size_t number;  /* 0: on the turn's own session */
    sem_t *streams; /* of the crew: so many hands may have rows coming in */
    bool streaming;
    struct conn *conn;
    struct monitor_subject *subject;
    struct walk *walk; /* in work */
    struct stride stride;
    struct throttle_line line;
    int64_t batch_us;    /* when the batch in work began, monotonic */
    int64_t object_rows; /* asked for the object of a leaf that is in work */
    int transients, let_go;
    enum hand_end end;
    struct attempt attempt; /* where it is LOST */
    bool gave_way;          /* it is lost because it had to let go */
    struct err err;         /* of LOST and FAILED */
};

/* Batch after batch of h->walk. False: h->end says why it is not over. */
bool hand_walk(struct hand *hand);
/* The attempt that was lost, as recover decided it. */
void hand_resolved(struct hand *hand, bool settled);

#endif
