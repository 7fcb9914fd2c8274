/* SPDX-License-Identifier: PostgreSQL
 *
 * BACK: gzip bytes -> lines, checked. Whole members by the index (libdeflate), or a stream of bytes
 * from the start of any gzip file, the earlier archiver's too (zlib, memory independent of size).
 *
 *   opener_new -> open_member ... -> opener_free
 *   open_stream_new -> open_stream_add ... -> open_stream_end -> open_stream_free
 *
 * Threads: one thread at a time per opener or stream.
 */
#ifndef ARCHIVER_MEMBER_OPEN_H
#define ARCHIVER_MEMBER_OPEN_H

#include "base/err.h"
#include "member/cipher.h"
#include "member/member.h"

struct opener;
/* `cipher`: what the members are encrypted with, borrowed; NULL: they are in the clear. */
struct opener *opener_new(const struct cipher *cipher, struct err *err);
void opener_free(struct opener *opener);
/* One whole member; its index says how much room. Checks tag, CRC, size and digest. Bytes that are
 * no gzip are taken as plain lines where their number is line_bytes and the digest proves them.
 * ERR_DATA says what is damaged. `ret_lines` is reset first, and is empty after a failure. */
bool open_member(struct opener *opener, const void *sealed, size_t len,
                 const struct member_index *index, struct buf *ret_lines, struct err *err);

/* Gets decompressed bytes, any cut. False stops the stream with *err. */
typedef bool (*open_sink)(const char *bytes, size_t len, void *state, struct err *err);
struct open_stream;
struct open_stream *open_stream_new(bool gzip, open_sink sink, void *state, struct err *err);
/* `gzip`: members one after another, as many as come; false: bytes pass as they are. After a false
 * the stream is of no more use. */
bool open_stream_add(struct open_stream *stream, const void *bytes, size_t len, struct err *err);
bool open_stream_end(struct open_stream *stream, struct err *err); /* ERR_DATA: cut short */
void open_stream_free(struct open_stream *stream);
/* The FCOMMENT of a gzip header in the first bytes of an object. False: no gzip or none there. The
 * buffer is reset first. */
bool open_comment(const void *bytes, size_t len, struct buf *ret_comment);

#endif
