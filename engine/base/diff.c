/* SPDX-License-Identifier: PostgreSQL */
#include "base/diff.h"

#include <stdbool.h>
#include <stdlib.h>

enum { CONTEXT = 3, LINES_MAX = 4000 };

struct lines {
    const char **start;
    size_t *len;
    size_t count;
};

static struct lines split(const char *text)
{
    struct lines lines = {0};

    while (*text && lines.count < LINES_MAX) {
        size_t len = strcspn(text, "\n");
        lines.start = mem_grow(lines.start, (lines.count + 1) * sizeof(*lines.start));
        lines.len = mem_grow(lines.len, (lines.count + 1) * sizeof(*lines.len));
        lines.start[lines.count] = text;
        lines.len[lines.count++] = len;
        text += len + (text[len] == '\n');
    }
    return lines;
}

static void free_lines(struct lines *lines)
{
    free(lines->start);
    free(lines->len);
}

static bool same(const struct lines *a, size_t i, const struct lines *b, size_t j)
{
    return a->len[i] == b->len[j] && memcmp(a->start[i], b->start[j], a->len[i]) == 0;
}

/* The length of the longest common rest from each pair of lines on. */
static unsigned *common_rests(const struct lines *a, const struct lines *b)
{
    size_t width = b->count + 1;
    unsigned *rests = mem_alloc((a->count + 1) * width * sizeof(*rests));

    for (size_t i = a->count; i-- > 0;) {
        for (size_t j = b->count; j-- > 0;) {
            unsigned down = rests[(i + 1) * width + j], right = rests[i * width + j + 1];
            rests[i * width + j] = same(a, i, b, j) ? rests[(i + 1) * width + j + 1] + 1
                                   : down > right   ? down
                                                    : right;
        }
    }
    return rests;
}

struct out {
    struct buf *text;
    struct buf held; /* unchanged lines that may be context */
    size_t held_lines;
    size_t after; /* unchanged lines still owed behind a change */
    bool any;
};

static void put(struct buf *text, char sign, const struct lines *lines, size_t i)
{
    buf_addc(text, sign);
    buf_add(text, lines->start[i], lines->len[i]);
    buf_addc(text, '\n');
}

static void put_same(struct out *out, const struct lines *lines, size_t i)
{
    if (out->after > 0) {
        out->after--;
        put(out->text, ' ', lines, i);
        return;
    }
    put(&out->held, ' ', lines, i);
    out->held_lines++;
    if (out->held_lines > CONTEXT) { /* the oldest goes */
        size_t first = strcspn(out->held.data, "\n") + 1;
        memmove(out->held.data, out->held.data + first, out->held.len - first + 1);
        out->held.len -= first;
    }
}

static void put_change(struct out *out, char sign, const struct lines *lines, size_t i)
{
    if (out->any && out->after == 0 && out->held_lines > CONTEXT)
        buf_adds(out->text, "...\n");
    buf_adds(out->text, buf_str(&out->held));
    buf_reset(&out->held);
    out->held_lines = 0;
    put(out->text, sign, lines, i);
    out->after = CONTEXT;
    out->any = true;
}

void diff_lines(const char *before, const char *after, struct buf *ret_text)
{
    struct lines a = split(before), b = split(after);
    unsigned *rests = common_rests(&a, &b);
    size_t width = b.count + 1, i = 0, j = 0;
    struct out out = {.text = ret_text};

    while (i < a.count || j < b.count) {
        if (i < a.count && j < b.count && same(&a, i, &b, j)) {
            put_same(&out, &a, i);
            i++;
            j++;
        } else if (j == b.count ||
                   (i < a.count && rests[(i + 1) * width + j] >= rests[i * width + j + 1])) {
            put_change(&out, '-', &a, i++);
        } else {
            put_change(&out, '+', &b, j++);
        }
    }
    buf_done(&out.held);
    free(rests);
    free_lines(&a);
    free_lines(&b);
}
