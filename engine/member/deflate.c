/* SPDX-License-Identifier: PostgreSQL
 *
 * `like` is where an earlier row says what is due at `at`. While both agree it is one match. Where
 * they differ, a value differs: its end in both rows is at a quote that the same bytes follow.
 * What stands before that is searched (deflate_search.c), as is a row without any such place.
 */
#include "member/deflate.h"

#include <assert.h>
#include <stdlib.h>

#include "base/buf.h"
#include "deflate_part.h"

/* Quotes that are tried: a value that is a string here and null there has other ones. */
#define QUOTES_HERE  2
#define QUOTES_THERE 3

/* Bytes that must follow. Where it is fewer, a search over what is left of the row finds more. */
#define FOLLOWS_LEAST 32

/* A literal run is cut, so that a row without any match does not become one block. */
#define LITERALS_MAX 32768

static const struct deflate_effort efforts[DEFLATE_MOST + 1] = {
    [2] = {.depth = 1, .nice = 32, .noted = 8},   [3] = {.depth = 2, .nice = 32, .noted = 16},
    [4] = {.depth = 4, .nice = 32, .noted = 16},  [5] = {.depth = 6, .nice = 64, .noted = 16},
    [6] = {.depth = 8, .nice = 128, .noted = 16},
};

struct walk {
    const uint8_t *at, *like;     /* like NULL: not known */
    const uint8_t *row, *row_end; /* behind its newline */
};

/* Where two rows go on alike. */
struct likeness {
    const uint8_t *at, *like, *to;
};

struct deflate *deflate_new(int level)
{
    struct deflate *d = mem_alloc(sizeof(*d));

    assert(level >= DEFLATE_LEAST && level <= DEFLATE_MOST);
    d->effort = efforts[level];
    return d;
}

void deflate_free(struct deflate *deflate)
{
    free(deflate);
}

static void find_row(const struct deflate *d, struct walk *w)
{
    while (w->row_end <= w->at) {
        const uint8_t *newline = memchr(w->row_end, '\n', (size_t)(d->end - w->row_end));
        w->row = w->row_end;
        w->row_end = newline ? newline + 1 : d->end;
    }
}

static bool is_alike(const struct deflate *d, const struct walk *w, const uint8_t *here,
                     const uint8_t *there, struct likeness *ret)
{
    size_t same = deflate_same(here, there, d->end);

    if (same < FOLLOWS_LEAST || here - there > WINDOW)
        return false;
    ret->to = here + same;
    while (here > w->at && there > d->base && here[-1] == there[-1]) {
        here--;
        there--;
    }
    ret->at = here;
    ret->like = there;
    return true;
}

/* The next place in this row from which on both say the same; *ret stays as it is where none is. */
static void find_alike(const struct deflate *d, const struct walk *w, struct likeness *ret)
{
    const uint8_t *here = w->at;

    for (int i = 0; i < QUOTES_HERE; i++, here++) {
        here = memchr(here, '"', (size_t)(w->row_end - here));
        if (!here)
            return;
        const uint8_t *there = w->like;
        for (int k = 0; k < QUOTES_THERE; k++, there++) {
            there = memchr(there, '"', (size_t)(w->at - there));
            if (!there)
                break;
            if (is_alike(d, w, here, there, ret))
                return;
        }
    }
}

/* As far as both agree, unless something else agrees further. */
static void follow(struct deflate *d, struct walk *w)
{
    size_t same = deflate_same(w->at, w->like, d->end);
    uint32_t distance = (uint32_t)(w->at - w->like), other;

    if (same < MATCH_LEAST)
        return;
    size_t longer = deflate_longer(d, w->at, same, &other);
    if (longer > 0) {
        same = longer;
        distance = other;
    }
    deflate_add(d, w->at, same, distance);
    w->at += same;
    w->like = w->at - distance;
}

/* Up to where the rows are alike again, or to the row's end. */
static void search(struct deflate *d, struct walk *w)
{
    struct likeness next = {.at = w->row_end, .like = w->row, .to = w->row_end};

    if (w->like)
        find_alike(d, w, &next);
    w->like = next.like;
    w->at = deflate_search(d, w->at, next.at, next.to, &w->like);
    if (w->at - d->literal > LITERALS_MAX)
        deflate_add(d, w->at, 0, 0);
}

size_t deflate_lines(struct deflate *deflate, const void *lines, size_t len, void *ret, size_t room)
{
    struct deflate *d = deflate;

    d->base = lines;
    d->end = d->base + len;
    deflate_block_begin(d, ret, room);
    deflate_search_begin(d);
    struct walk w = {.at = d->base, .row = d->base, .row_end = d->base};
    while (w.at < d->end && !d->full) {
        find_row(d, &w);
        if (w.like && w.at - w.like <= WINDOW)
            follow(d, &w);
        if (w.at < w.row_end)
            search(d, &w);
    }
    if (!d->full)
        deflate_block_last(d);
    return d->full ? 0 : (size_t)(d->sink.out - d->out_start);
}
