/* SPDX-License-Identifier: PostgreSQL */
#include "base/buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#define ARENA_BLOCK_BYTES 8192

struct arena_block {
    struct arena_block *next;
    size_t used, size;
    max_align_t bytes[];
};

struct arena {
    struct arena_block *blocks;
};

static void out_of_memory(void)
{
    static const char text[] = "archiver-tui: out of memory\n";
    ssize_t ignored = write(STDERR_FILENO, text, sizeof(text) - 1);

    (void)ignored;
    _exit(6);
}

void *mem_alloc(size_t size)
{
    void *p = calloc(1, size ? size : 1);

    if (!p)
        out_of_memory();
    return p;
}

void *mem_grow(void *old, size_t size)
{
    void *p = realloc(old, size ? size : 1);

    if (!p)
        out_of_memory();
    return p;
}

char *mem_strdup(const char *text)
{
    char *copy = strdup(text);

    if (!copy)
        out_of_memory();
    return copy;
}

char *mem_printf(const char *format, ...)
{
    va_list args;
    char *text = NULL;

    va_start(args, format);
    if (vasprintf(&text, format, args) < 0)
        out_of_memory();
    va_end(args);
    return text;
}

void buf_done(struct buf *buf)
{
    free(buf->data);
    *buf = BUF_INIT;
}

bool buf_reserve(struct buf *buf, size_t extra, struct err *err)
{
    if (buf->data && buf->cap - buf->len > extra)
        return true;
    if (extra > SIZE_MAX / 2 - buf->len)
        return err_set(err, ERR_RESOURCE, "cannot hold %zu bytes in memory", extra);
    size_t cap = buf->len + extra + 1;
    /* Doubling keeps growth linear overall; past 64 MiB a quarter more is enough. */
    size_t more = buf->cap < (64u << 20) ? buf->cap * 2 : buf->cap + buf->cap / 4;
    if (cap < more)
        cap = more;
    if (cap < 64)
        cap = 64;
    char *data = realloc(buf->data, cap);
    if (!data)
        return err_sys(err, ERR_RESOURCE, 12 /* ENOMEM */, "cannot hold %zu bytes in memory", cap);
    buf->data = data;
    buf->cap = cap;
    buf->data[buf->len] = '\0';
    return true;
}

void buf_grow(struct buf *buf, size_t extra)
{
    struct err err;

    if (!buf_reserve(buf, extra, &err))
        out_of_memory();
}

void buf_trim(struct buf *buf, size_t keep)
{
    if (buf->cap > keep)
        buf_done(buf);
    else
        buf_reset(buf);
}

void buf_addf(struct buf *buf, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (n < 0)
        return;
    buf_need(buf, (size_t)n + 1);
    va_start(args, format);
    vsnprintf(buf->data + buf->len, (size_t)n + 1, format, args);
    va_end(args);
    buf->len += (size_t)n;
}

void buf_add_le32(struct buf *buf, uint32_t value)
{
    const uint8_t bytes[4] = {(uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16),
                              (uint8_t)(value >> 24)};

    buf_add(buf, bytes, sizeof(bytes));
}

char *buf_steal(struct buf *buf)
{
    buf_need(buf, 1);
    char *data = buf->data;
    *buf = BUF_INIT;
    return data;
}

struct arena *arena_new(void)
{
    return mem_alloc(sizeof(struct arena));
}

void arena_free(struct arena *arena)
{
    if (!arena)
        return;
    for (struct arena_block *b = arena->blocks, *next; b; b = next) {
        next = b->next;
        free(b);
    }
    free(arena);
}

void *arena_alloc(struct arena *arena, size_t size)
{
    size_t units = (size + sizeof(max_align_t) - 1) / sizeof(max_align_t);
    struct arena_block *b = arena->blocks;

    if (!b || b->size - b->used < units) {
        size_t block = ARENA_BLOCK_BYTES / sizeof(max_align_t);
        if (block < units)
            block = units;
        b = mem_alloc(sizeof(*b) + block * sizeof(max_align_t));
        b->size = block;
        b->next = arena->blocks;
        arena->blocks = b;
    }
    void *p = b->bytes + b->used;
    b->used += units;
    return p;
}

char *arena_strndup(struct arena *arena, const char *text, size_t len)
{
    char *copy = arena_alloc(arena, len + 1);

    memcpy(copy, text, len);
    return copy;
}

char *arena_strdup(struct arena *arena, const char *text)
{
    return arena_strndup(arena, text, strlen(text));
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (n < 0)
        n = 0;
    char *text = arena_alloc(arena, (size_t)n + 1);
    va_start(args, format);
    vsnprintf(text, (size_t)n + 1, format, args);
    va_end(args);
    return text;
}
