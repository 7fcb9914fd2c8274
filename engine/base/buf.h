/* SPDX-License-Identifier: PostgreSQL
 *
 * Growable bytes, and an arena for things that die together.
 *
 * A zeroed struct buf (BUF_INIT) is empty and valid. `data` is NUL-ended behind `len` whenever it
 * is not NULL. Small growth that fails ends the process with exit 6 (the batch protocol makes that
 * safe); a size that comes from data or config goes through buf_reserve, which returns an error
 * instead.
 *
 * Threads: one thread at a time per buf or arena.
 */
#ifndef ARCHIVER_BASE_BUF_H
#define ARCHIVER_BASE_BUF_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"

struct buf {
    char *data; /* NULL while nothing was ever added */
    size_t len; /* bytes used, without the NUL */
    size_t cap; /* bytes allocated */
};

#define BUF_INIT ((struct buf){0})

void buf_done(struct buf *buf); /* takes a zeroed one too; leaves it empty and usable */
/* Room for `extra` more bytes and the NUL; ERR_RESOURCE where memory is not to be had. */
bool buf_reserve(struct buf *buf, size_t extra, struct err *err);
/* The same for small things: ends the process on failure. */
void buf_grow(struct buf *buf, size_t extra);
/* Gives back what was allocated beyond `keep` bytes; contents are dropped. */
void buf_trim(struct buf *buf, size_t keep);
void buf_addf(struct buf *buf, const char *format, ...) ERR_PRINTF(2, 3);
/* The bytes become the caller's (free()); the buf is empty afterwards. Never NULL. */
char *buf_steal(struct buf *buf);

void buf_add_le32(struct buf *buf, uint32_t value); /* the lowest byte first */

static inline void buf_reset(struct buf *buf)
{
    buf->len = 0;
    if (buf->data)
        buf->data[0] = '\0';
}

static inline void buf_need(struct buf *buf, size_t extra)
{
    if (buf->cap - buf->len <= extra)
        buf_grow(buf, extra);
}

static inline void buf_add(struct buf *buf, const void *bytes, size_t len)
{
    buf_need(buf, len);
    if (len > 0)
        memcpy(buf->data + buf->len, bytes, len);
    buf->len += len;
    buf->data[buf->len] = '\0';
}

static inline void buf_adds(struct buf *buf, const char *text)
{
    buf_add(buf, text, strlen(text));
}

static inline void buf_addc(struct buf *buf, char c)
{
    buf_need(buf, 1);
    buf->data[buf->len++] = c;
    buf->data[buf->len] = '\0';
}

/* The bytes as a string; "" when empty. Borrowed until the next change. */
static inline const char *buf_str(const struct buf *buf)
{
    return buf->data ? buf->data : "";
}

/* malloc, realloc and strdup that end the process on failure, for small things. */
void *mem_alloc(size_t size); /* zeroed */
void *mem_grow(void *old, size_t size);
char *mem_strdup(const char *text);
char *mem_printf(const char *format, ...) ERR_PRINTF(1, 2);

/* Things that die together: a batch, a parsed config. */
struct arena;
struct arena *arena_new(void);
void arena_free(struct arena *arena);                /* NULL allowed */
void *arena_alloc(struct arena *arena, size_t size); /* zeroed, aligned for anything */
char *arena_strdup(struct arena *arena, const char *text);
char *arena_strndup(struct arena *arena, const char *text, size_t len);
char *arena_printf(struct arena *arena, const char *format, ...) ERR_PRINTF(2, 3);

#endif
