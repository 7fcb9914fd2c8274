/* SPDX-License-Identifier: PostgreSQL
 *
 * What each kind of finding means, and what one does about it: for who meets it at night.
 *
 * Not for: what was found (verify_report).
 * Threads: any thread (no state).
 */
#ifndef ARCHIVER_VERIFY_KIND_H
#define ARCHIVER_VERIFY_KIND_H

struct verify_kind {
    const char *name;  /* as in verify_report.h; and "orphan" */
    const char *means; /* a sentence */
    const char *next;  /* what to do; a sentence or two */
};

/* Never NULL: an unknown one gets words that fit any. */
const struct verify_kind *verify_kind(const char *name);

#endif
