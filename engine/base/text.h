/* SPDX-License-Identifier: PostgreSQL
 *
 * Numbers, sizes, durations, timestamps, hex, base64 and digests as text, both ways; and nearest
 * names.
 *
 * Time is int64 microseconds since 1970-01-01 00:00 UTC (names end in _utc or _us). PostgreSQL's
 * infinities are INT64_MAX and INT64_MIN.
 *
 * Threads: any thread (no state).
 */
#ifndef ARCHIVER_BASE_TEXT_H
#define ARCHIVER_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

#define TEXT_US_PER_DAY INT64_C(86400000000)

bool text_to_int(const char *text, int64_t *ret_value); /* the whole text, decimal */
bool text_to_real(const char *text, double *ret_value);
/* What PostgreSQL prints with DateStyle ISO, or ISO 8601 (T, Z, +hh, +hh:mm); date only is
 * midnight; without zone is UTC; also infinity, BC, years past 9999. */
bool text_to_time(const char *text, size_t len, int64_t *ret_us);
/* The same as a day and a time of that day, which reaches as far as PostgreSQL's dates and
 * timestamps do: text_to_time is false beyond the year 294246. */
struct text_moment {
    int64_t day;     /* since 1970-01-01; INT64_MAX and INT64_MIN: infinity and -infinity */
    int64_t us;      /* 0 to TEXT_US_PER_DAY - 1, as it is written */
    int64_t zone_us; /* east of UTC; 0 where none is written */
};
bool text_to_moment(const char *text, size_t len, struct text_moment *ret_moment);
/* "2026-11-23T13:28:45.330268+00:00"; fraction left out where zero. */
void text_add_time(struct buf *buf, int64_t us);
/* "20261123T132845Z" */
void text_add_stamp(struct buf *buf, int64_t us);
/* "20261123T132845Z-7f3a": a run's name, sortable and unique. */
void text_run_id(char ret_id[40]);
bool text_from_stamp(const char *text, size_t len, int64_t *ret_us);
void text_civil(int64_t us, int *ret_year, int *ret_month, int *ret_day);
int64_t text_now_us(void);       /* this host's clock */
int64_t text_monotonic_us(void); /* for durations */

/* For people: "8.1 MB", "1,234,567", "1h02", "0.31 s". */
void text_add_bytes(struct buf *buf, uint64_t bytes);
void text_add_count(struct buf *buf, uint64_t count);
void text_add_duration(struct buf *buf, double seconds);

uint32_t text_le32(const uint8_t bytes[4]);
void text_hex(const uint8_t *bytes, size_t len, char *ret_hex); /* 2*len+1 */
bool text_from_hex(const char *hex, size_t len, uint8_t *ret_bytes);
void text_base64(struct buf *buf, const uint8_t *bytes, size_t len);
bool text_from_base64(struct buf *buf, const char *text, size_t len);
void text_sha256(const void *bytes, size_t len, uint8_t ret_digest[32]);
void text_md5(const void *bytes, size_t len, uint8_t ret_digest[16]);
/* SHA-256 of a stream. */
struct text_digest;
struct text_digest *text_digest_new(void);
void text_digest_add(struct text_digest *digest, const void *bytes, size_t len);
void text_digest_end(struct text_digest *digest, uint8_t ret_digest[32]); /* and starts anew */
void text_digest_free(struct text_digest *digest);

/* The name that `text` begins with, up to one of the signs in `ends`; in "quotes" it may hold them,
 * and "" there is a quote. Gives back what is behind it; NULL: a quote is not closed. */
const char *text_take_name(const char *text, const char *ends, struct buf *ret_name);
/* The way back: quoted where it has to be. */
void text_add_name(struct buf *buf, const char *name, const char *ends);
/* The candidate nearest to `word` (edit distance <= a third of its length), or NULL. */
const char *text_nearest(const char *word, const char *const *candidates, size_t count);
/* The character as UTF-8; gives back how many bytes it took. */
size_t text_utf8(uint32_t c, char ret_bytes[4]);
/* Columns a terminal needs for UTF-8 text. */
size_t text_width(const char *text);

#endif
