/* SPDX-License-Identifier: PostgreSQL
 *
 * The one promise as a model: a row is never lost, and never archived twice.
 *
 * Two clients archive one table into one store. Each may be killed before and after every step, in
 * recover too; any connection may be cut at any time, with COMMIT's answer or COMMIT itself on the
 * way; the server may crash; a request to the store may fail, fail though it was carried out, or
 * be carried out after its sender died; the store may keep something else than it was sent. At the
 * end, when all clients are gone, one recover runs through and the books must balance.
 *
 * doc/architecture.md says which label here is which function and fault point in engine/.
 * tests/model/run checks this model, and that each mutant (the #ifdefs) breaks it.
 *
 * With WORKERS the two clients are hands of one run: who has taken the lock and recovered shares it, and
 * the other one joins; a session that was lost is decided by who has the lock alone.
 *
 * Not modelled: time lines (a promoted standby) and two clusters in one prefix; both are decided
 * by keys or left alone, never by transaction numbers.
 */

#ifndef BATCHES
#define BATCHES 3 /* transactions that can begin */
#endif
#define SESSIONS 6 /* the last one is the final recover's */
#ifndef RUNS
#define RUNS 1 /* times each client is started */
#endif
#ifndef KILLS
#define KILLS 2
#endif
#ifndef CUTS
#define CUTS 1
#endif
#ifndef CRASHES
#define CRASHES 1
#endif
#ifndef STORE_FAULTS
#define STORE_FAULTS 1
#endif
#ifndef LIES
#define LIES 1
#endif

#define FIRST_ROWS 1 /* a set of rows is a bit mask; this one is there from the start */
#define LATE_ROW   2 /* inserted at any time, with an old timestamp */

mtype = { NO_TX, IN_PROGRESS, COMMITTED, ABORTED };      /* pg_xact */
mtype = { NOBODY, LIVE, EXITING, GONE };                 /* a backend */
mtype = { NOTHING, DATA, METADATA, MANIFEST, CATALOG };  /* a PUT on its way */
mtype = { SETTLE, REMOVE, LEAVE };                       /* recover's verdict */

/* The server. */
byte present = FIRST_ROWS;    /* rows ever inserted */
mtype tx[BATCHES + 1] = NO_TX;
byte deleted[BATCHES + 1];    /* by this transaction */
byte session_of[BATCHES + 1];
byte batches;                 /* begun so far */
mtype backend[SESSIONS + 1] = NOBODY;
bit cut[SESSIONS + 1];        /* the client's end is closed, or the network is gone */
byte commit_sent[SESSIONS + 1]; /* a COMMIT the backend has not read yet: of this batch */
bit answered[SESSIONS + 1];   /* COMMIT's answer, not yet read by the client */
byte lock;                    /* session that holds the table's advisory lock */
#ifdef WORKERS
bit share[SESSIONS + 1];      /* sessions that share it; nobody has it alone then */
#define SHARED (share[1] || share[2] || share[3] || share[4] || share[5])
#else
#define SHARED false
#endif
byte sessions;
#ifdef ASYNC_COMMIT
bit flushed[BATCHES + 1];
#endif

/* The store. */
bit data[BATCHES + 1], metadata[BATCHES + 1], manifest[BATCHES + 1];
bit catalog[BATCHES + 1];     /* a catalog line names the batch: it is settled */
byte rows_in[BATCHES + 1];    /* rows in the data object */
mtype flying[BATCHES + 1] = NOTHING; /* sent by the batch's own client, not carried out yet */

/* The world. */
bit killed[4];
byte kills, cuts, crashes, store_faults;
byte lies;
byte clients_done;

#define GONE_BY(b)     (tx[b] == COMMITTED -> deleted[b] : 0)
#define HELD_BY(b)     ((tx[b] == COMMITTED || tx[b] == IN_PROGRESS) -> deleted[b] : 0)
#define SETTLED_IN(b)  ((catalog[b] && data[b]) -> rows_in[b] : 0)
#define PROVABLE_IN(b) ((data[b] && metadata[b] && tx[b] == COMMITTED) -> rows_in[b] : 0)

#define IN_TABLE (present & ~(GONE_BY(1) | GONE_BY(2) | GONE_BY(3)))
#define FREE     (present & ~(HELD_BY(1) | HELD_BY(2) | HELD_BY(3)))
#define SETTLED  (SETTLED_IN(1) | SETTLED_IN(2) | SETTLED_IN(3))
#define PROVABLE (PROVABLE_IN(1) | PROVABLE_IN(2) | PROVABLE_IN(3))

/* What other manifests than i's hold, settled or not. */
#define KEYS_IN(j) (manifest[j] -> deleted[j] : 0)
#define OTHERS(i) \
    ((i == 1 -> 0 : KEYS_IN(1)) | (i == 2 -> 0 : KEYS_IN(2)) | (i == 3 -> 0 : KEYS_IN(3)))

/* At every instant each row is in the table, in a settled object, or in one recover will settle. */
#define NEVER_LOST ((IN_TABLE | SETTLED | PROVABLE) == present)
/* ... and in one place only. */
#define NEVER_TWICE \
    ((IN_TABLE & SETTLED) == 0 && (SETTLED_IN(1) & SETTLED_IN(2)) == 0 && \
     (SETTLED_IN(1) & SETTLED_IN(3)) == 0 && (SETTLED_IN(2) & SETTLED_IN(3)) == 0)
/* A batch is whole and settled, or no object of it is left. */
#define WHOLE(b) \
    ((catalog[b] && data[b] && metadata[b] && manifest[b] && tx[b] == COMMITTED && \
      rows_in[b] == deleted[b]) || \
     (!catalog[b] && !data[b] && !metadata[b] && !manifest[b] && tx[b] != COMMITTED))

#define CONNECTED(s) (!cut[s] && backend[s] == LIVE)

/* The books, looked at between any two steps. Both guards stay shut as long as they balance. */
active proctype lost()
{
end:
    atomic { !(NEVER_LOST) -> assert(NEVER_LOST) }
}

active proctype twice()
{
end:
    atomic { !(NEVER_TWICE) -> assert(NEVER_TWICE) }
}

/* One backend. It reads COMMIT even after its client died, if the bytes got there; it lets go of
 * the lock and then aborts, which is harsher than PostgreSQL (that aborts first). */
proctype backend_of(byte s)
{
    byte b;
end:
    do
    :: d_step {
           backend[s] == LIVE && commit_sent[s] != 0 ->
           tx[commit_sent[s]] = COMMITTED;
           commit_sent[s] = 0;
           answered[s] = !cut[s]
       }
    :: d_step {
           backend[s] == LIVE && cut[s] ->
           backend[s] = EXITING;
           commit_sent[s] = 0;
#ifdef WORKERS
           share[s] = 0;
#endif
           if
           :: lock == s -> lock = 0
           :: else
           fi
       }
    :: d_step {
           backend[s] == EXITING ->
           b = 1;
           do
           :: b <= BATCHES ->
              if
              :: session_of[b] == s && tx[b] == IN_PROGRESS -> tx[b] = ABORTED
              :: else
              fi;
              b++
           :: else -> break
           od;
           b = 0;
           backend[s] = GONE
       }
    od
}

/* The store carries out what was sent, when it pleases, whoever still waits for it. */
proctype store_of(byte b)
{
end:
    do
    :: d_step {
           flying[b] == DATA ->
           data[b] = 1;
           rows_in[b] = deleted[b];
           flying[b] = NOTHING
       }
    :: d_step { /* the lying store: one row less than it was sent */
           flying[b] == DATA && lies < LIES ->
           lies++;
           data[b] = 1;
           rows_in[b] = deleted[b] & (deleted[b] - 1);
           flying[b] = NOTHING
       }
    :: d_step { flying[b] == METADATA -> metadata[b] = 1; flying[b] = NOTHING }
    :: d_step { flying[b] == MANIFEST -> manifest[b] = 1; flying[b] = NOTHING }
    :: d_step { flying[b] == CATALOG -> catalog[b] = 1; flying[b] = NOTHING }
    od
}

/* Everything that can go wrong, as often as its budget allows, while clients are at work. */
active proctype world()
{
    byte i;
end:
    do
    :: d_step { clients_done < 2 && kills < KILLS -> kills++; killed[1] = 1 }
    :: d_step { clients_done < 2 && kills < KILLS -> kills++; killed[2] = 1 }
    :: d_step { clients_done < 2 && cuts < CUTS && lock != 0 -> cuts++; cut[lock] = 1 }
#ifdef WORKERS
    :: d_step { clients_done < 2 && cuts < CUTS && share[1] -> cuts++; cut[1] = 1 }
    :: d_step { clients_done < 2 && cuts < CUTS && share[2] -> cuts++; cut[2] = 1 }
    :: d_step { clients_done < 2 && cuts < CUTS && share[3] -> cuts++; cut[3] = 1 }
#endif
    :: d_step { /* the server crashes: what is not committed is aborted, all connections are gone */
           clients_done < 2 && crashes < CRASHES && (lock != 0 || SHARED) ->
           crashes++;
           lock = 0;
           i = 1;
           do
           :: i <= SESSIONS ->
              if
              :: backend[i] == LIVE || backend[i] == EXITING ->
                 backend[i] = GONE;
                 cut[i] = 1;
#ifdef WORKERS
                 share[i] = 0;
#endif
                 commit_sent[i] = 0
              :: else
              fi;
              i++
           :: else -> break
           od;
           i = 1;
           do
           :: i <= BATCHES ->
              if
              :: tx[i] == IN_PROGRESS -> tx[i] = ABORTED
              :: else
              fi;
#ifdef ASYNC_COMMIT
              if
              :: tx[i] == COMMITTED && !flushed[i] -> tx[i] = ABORTED
              :: else
              fi;
#endif
              i++
           :: else -> break
           od;
           i = 0
       }
    :: d_step { !(present & LATE_ROW) && clients_done < 2 -> present = present | LATE_ROW }
#ifdef ASYNC_COMMIT
    :: d_step { tx[1] == COMMITTED && !flushed[1] -> flushed[1] = 1 }
    :: d_step { tx[2] == COMMITTED && !flushed[2] -> flushed[2] = 1 }
    :: d_step { tx[3] == COMMITTED && !flushed[3] -> flushed[3] = 1 }
#endif
#ifdef NO_FSYNC
    :: d_step { clients_done < 2 && data[1] -> data[1] = 0 } /* power loss at the store */
#endif
#ifdef LOCK_ELSEWHERE
    :: d_step { clients_done < 2 && lock != 0 -> lock = 0 } /* it hung on another connection */
#endif
    od
}

/* One PUT: it may fail before it was sent, or look failed although it was sent. */
inline put(what, on_failure)
{
    if
    :: d_step { store_faults < STORE_FAULTS -> store_faults++ }; goto on_failure
    :: d_step { flying[b] = what }
    fi;
    if
    :: flying[b] == NOTHING
    :: d_step { store_faults < STORE_FAULTS -> store_faults++ }; goto on_failure
    fi
}

/* Data first, the metadata that says what to do with the others last. A store that fails ends it
 * anywhere, as a crash does. */
inline remove(n)
{
    d_step { data[n] = 0 };      /* recover.remove */
    d_step { manifest[n] = 0 };  /* recover.removed_data */
    d_step { metadata[n] = 0 }
}

/* A client process: each incarnation connects, takes the lock, recovers and archives. The one that
 * comes last only recovers, undisturbed, and then the books are closed. */
proctype client(byte me; byte runs; bit last)
{
    byte s, b, i;
    bit has_data, has_metadata, has_manifest, is_settled, left;
#ifdef WORKERS
    bit unsure;               /* a session, with COMMIT on the way */
#endif
    mtype verdict = LEAVE;
#ifdef DELETE_BY_RANGE
    byte selected;
#endif

    if
    :: !last
    :: last ->
       clients_done == 2 && flying[1] == NOTHING && flying[2] == NOTHING && flying[3] == NOTHING;
       backend[1] != LIVE && backend[1] != EXITING && backend[2] != LIVE && backend[2] != EXITING &&
           backend[3] != LIVE && backend[3] != EXITING && backend[4] != LIVE &&
           backend[4] != EXITING && backend[5] != LIVE && backend[5] != EXITING
    fi;
    do
    :: runs == 0 -> break
    :: runs > 0 ->
       runs--;
       {
           skip;
connect:
           if
           :: d_step {
                  (sessions < SESSIONS - 1 && !last) || last ->
                  sessions++;
                  s = (last -> SESSIONS : sessions);
                  backend[s] = LIVE
              }
           :: sessions >= SESSIONS - 1 && !last -> goto over
           fi;
take_lock:
#ifndef RECOVER_WITHOUT_LOCK
           if
           :: d_step { CONNECTED(s) && lock == 0 && !SHARED -> lock = s }
           :: CONNECTED(s) && lock != 0 -> goto over /* exit 4: somebody else is at it */
#ifdef WORKERS
#ifdef SHARE_ELSEWHERE
           :: CONNECTED(s) && SHARED && !unsure && !last -> goto begin
#else
           :: d_step { CONNECTED(s) && SHARED && !unsure && !last -> share[s] = 1 }; goto begin
#endif
           :: CONNECTED(s) && SHARED && (unsure || last) -> goto over
#endif
           :: cut[s] -> goto over
           fi;
#endif
recover_begin:
           left = 0;
           i = 1;
           do
           :: i > batches -> break
           :: i <= batches ->
recover_look:
              atomic {
                  has_data = data[i];
                  has_metadata = metadata[i];
                  has_manifest = manifest[i];
                  is_settled = catalog[i]
              };
              if
              :: is_settled || !(has_data || has_metadata || has_manifest) -> verdict = LEAVE
              :: else ->
recover_decide:
                 /* Asking the connection that holds the lock, after looking: what was seen was
                  * there while we held it, so nobody at work owns it. */
                 if
#ifdef RECOVER_ASKS_NOT
                 :: skip
#else
                 :: !CONNECTED(s) -> goto over
                 :: CONNECTED(s)
#endif
                 fi;
                 if
                 :: !has_metadata && (has_data || has_manifest) ->
#ifdef LONE_MANIFEST_LEFT
                    verdict = (has_data -> REMOVE : LEAVE)
#else
                    verdict = REMOVE /* COMMIT was never sent */
#endif
                 :: has_metadata && !(CONNECTED(s)) -> goto over
                 :: d_step {
                        has_metadata && CONNECTED(s) -> /* txid_status */
                        verdict = (tx[i] == COMMITTED -> SETTLE : REMOVE);
                        if
                        :: tx[i] == IN_PROGRESS -> verdict = LEAVE; left = 1
                        :: else
                        fi
#ifdef RECOVER_TRUSTS_NOTHING
                        ;
                        verdict = REMOVE
#endif
#ifdef RECOVER_TRUSTS_EVERYTHING
                        ;
                        verdict = SETTLE
#endif
                    }
                 :: d_step { /* the number means nothing any more: the manifest's keys decide. Not the
                              * data's: what was not compared yet may hold less than was taken. */
                        has_metadata && CONNECTED(s) && tx[i] != IN_PROGRESS ->
                        if
                        /* COMMIT was never sent; the code is more careful and reports it. */
                        :: !has_manifest -> verdict = REMOVE
#ifdef KEYS_FROM_DATA
                        :: has_manifest && (rows_in[i] & IN_TABLE) == 0 ->
#else
                        :: has_manifest && (deleted[i] & IN_TABLE) == 0 ->
#endif
#ifdef KEYS_ALONE
                           verdict = (has_data -> SETTLE : LEAVE);
#elif defined(SETTLED_KEYS_ALONE)
                           verdict = ((has_data && (deleted[i] & SETTLED) == 0) -> SETTLE : LEAVE);
#else
                           /* Gone from the table they may also be because another batch took them,
                            * settled or not yet. */
                           verdict = ((has_data && (deleted[i] & OTHERS(i)) == 0) -> SETTLE : LEAVE);
#endif
                           left = left || verdict == LEAVE
                        :: has_manifest && (deleted[i] & IN_TABLE) == deleted[i] -> verdict = REMOVE
                        :: else -> verdict = LEAVE; left = 1 /* a mixture: for the operator */
                        fi
                    }
                 fi
              fi;
              if
              :: verdict == SETTLE ->
recover_settle:
                 catalog[i] = 1
              :: verdict == REMOVE ->
recover_remove:
                 remove(i)
              :: verdict == LEAVE
              fi;
              verdict = LEAVE;
              i++
           od;
           atomic {
               i = 0; has_data = 0; has_metadata = 0; has_manifest = 0; is_settled = 0
           };
           if
           :: last -> goto over
           :: !last && left -> goto over /* nothing new begins while a batch is undecided */
           :: !last && !left
           fi;
#ifdef WORKERS
           if
           :: d_step { CONNECTED(s) -> share[s] = 1; lock = 0; unsure = 0 }
           :: !CONNECTED(s) -> goto over
           fi;
#endif
begin:
           if
           :: d_step {
                  CONNECTED(s) && batches < BATCHES -> /* BEGIN, txid_current() */
                  batches++;
                  b = batches;
                  tx[b] = IN_PROGRESS;
                  session_of[b] = s
              }
           :: CONNECTED(s) && batches == BATCHES -> goto over
           :: !CONNECTED(s) -> goto over
           fi;
export:
#ifdef DELETE_BY_RANGE
           if
           :: d_step { CONNECTED(s) -> selected = FREE }
           :: !CONNECTED(s) -> goto rollback
           fi;
#endif
           if
           :: d_step { CONNECTED(s) -> deleted[b] = FREE }
           :: d_step { CONNECTED(s) && FREE != 0 -> deleted[b] = FREE & ~(FREE & (FREE - 1)) }
           :: !CONNECTED(s) -> goto rollback
           fi;
           if
           :: deleted[b] == 0 -> goto rollback /* nothing left to do */
           :: deleted[b] != 0
           fi;
put_data:
           put(DATA, rollback);
#ifdef DELETE_BY_RANGE
           d_step { rows_in[b] = rows_in[b] & selected };
#endif
#ifndef METADATA_AFTER_COMMIT
put_metadata:
           put(METADATA, rollback);
#endif
put_manifest:
           put(MANIFEST, rollback);
compare:
#ifndef COUNTS_NOT_COMPARED
           if
#ifdef DELETE_BY_RANGE
           :: rows_in[b] != selected -> goto rollback
           :: rows_in[b] == selected
#else
           :: rows_in[b] != deleted[b] -> goto rollback
           :: rows_in[b] == deleted[b]
#endif
           fi;
#endif
#ifdef CATALOG_BEFORE_COMMIT
           put(CATALOG, over);
#endif
before_commit:
           if
           :: d_step { CONNECTED(s) -> commit_sent[s] = b }
           :: !CONNECTED(s) -> goto rollback /* COMMIT was not sent */
           fi;
await_commit:
           if
           :: d_step { answered[s] -> answered[s] = 0 }
           :: cut[s] -> /* committed or not? only a new connection under the lock can tell */
              d_step { answered[s] = 0 };
#ifdef WORKERS
              unsure = 1;
#endif
#ifdef LOST_COMMIT_IS_ABORT
              goto rollback
#else
              goto connect
#endif
           fi;
#ifdef METADATA_AFTER_COMMIT
           put(METADATA, over);
#endif
settle:
#ifndef CATALOG_BEFORE_COMMIT
           put(CATALOG, over);
#endif
           goto begin;
rollback:
           if
           :: d_step {
                  CONNECTED(s) && commit_sent[s] == 0 && tx[b] == IN_PROGRESS -> tx[b] = ABORTED
              }
           :: !CONNECTED(s)
           fi;
           remove(b);
           if
           :: goto begin /* a lock timeout: the same again, smaller */
           :: skip
           fi;
over:
           skip
       } unless { killed[me] };
       atomic { /* the process is gone, however it ended */
           killed[me] = 0;
           if
           :: s != 0 -> cut[s] = 1
           :: else
           fi;
           answered[s] = 0;
#ifdef WORKERS
           unsure = 0;
#endif
           verdict = LEAVE;
           has_data = 0;
           has_metadata = 0;
           has_manifest = 0;
           is_settled = 0;
           s = 0;
           b = 0;
           i = 0
       }
    od;
    if
    :: !last -> clients_done++
    :: last ->
closed:
       assert(tx[1] != IN_PROGRESS && tx[2] != IN_PROGRESS && tx[3] != IN_PROGRESS);
       /* Unless something was reported to the operator, no trace of an unsettled batch is left. */
       assert(left || (WHOLE(1) && WHOLE(2) && WHOLE(3)));
       assert((IN_TABLE & SETTLED) == 0 && (left || (IN_TABLE | SETTLED) == present))
    fi
}

init
{
    atomic {
        run backend_of(1);
        run backend_of(2);
        run backend_of(3);
        run backend_of(4);
        run backend_of(5);
        run backend_of(6);
        run store_of(1);
        run store_of(2);
        run store_of(3);
        run client(1, RUNS, 0);
        run client(2, 1, 0);
        run client(3, 1, 1)
    }
}
