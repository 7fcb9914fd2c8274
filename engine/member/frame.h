/* SPDX-License-Identifier: PostgreSQL
 *
 * ZSTD: one frame with size and checksum (RFC 8878), before it, where there is a comment, a frame
 * that every reader skips.
 *
 *   frame_packer_new -> frame_pack ... -> frame_packer_free
 *   frame_opener_new -> frame_open ... -> frame_opener_free
 *
 * Threads: one thread at a time per packer or opener.
 */
#ifndef ARCHIVER_MEMBER_FRAME_H
#define ARCHIVER_MEMBER_FRAME_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct frame_packer;
struct frame_packer *frame_packer_new(int level, struct err *err);
void frame_packer_free(struct frame_packer *packer);
/* Appends to `ret`; `comment` may be NULL. */
bool frame_pack(struct frame_packer *packer, const struct buf *lines, const char *comment,
                struct buf *ret, struct err *err);

struct frame_opener;
struct frame_opener *frame_opener_new(struct err *err);
void frame_opener_free(struct frame_opener *opener);
bool frame_is(const void *bytes, size_t len); /* a frame, or one that is skipped? */
/* One frame and its comment are the whole of `bytes`, and must give `line_bytes` bytes, for which
 * `ret_lines` has room. False: *ret_why says what is wrong with them. */
bool frame_open(struct frame_opener *opener, const void *bytes, size_t len, uint64_t line_bytes,
                struct buf *ret_lines, const char **ret_why);
/* The comment before a frame; appends. False: there is none, or not all of it. */
bool frame_comment(const void *bytes, size_t len, struct buf *ret_comment);

#endif
