/* SPDX-License-Identifier: PostgreSQL
 *
 * A LIKE pattern is cut at its % into pieces. The first and the last stand at the ends of the text,
 * each one between is looked for from where the one before ended: the leftmost place is always good
 * enough, so nothing is tried twice.
 */
#include "row/filter_pattern.h"

#include <locale.h>
#include <regex.h>
#include <stdlib.h>
#include <wchar.h>
#include <wctype.h>

#include "row/filter_regex.h"

#define ANY_ONE     UINT32_MAX /* _ */
#define NO_POINT    0x110000u  /* and above: a byte that is no UTF-8 */
#define ERROR_BYTES 120

struct piece {
    uint32_t *points; /* folded where the pattern folds */
    size_t count;
    char *plain; /* the same as bytes; NULL: has _ in it, or folds */
    size_t plain_len;
};

struct filter_pattern {
    struct arena *arena;
    struct piece *pieces; /* piece_count - 1 of % stand between them */
    size_t piece_count;
    bool fold, is_regex;
    locale_t locale; /* of upper and lower case; (locale_t)0: ASCII only */
    regex_t regex;
    bool has_regex;
    struct buf scratch;
};

static struct filter_pattern *new_pattern(bool fold)
{
    struct arena *arena = arena_new();
    struct filter_pattern *pattern = arena_alloc(arena, sizeof(*pattern));

    pattern->arena = arena;
    pattern->fold = fold;
    pattern->locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    return pattern;
}

void filter_pattern_free(struct filter_pattern *pattern)
{
    if (!pattern)
        return;
    if (pattern->has_regex)
        regfree(&pattern->regex);
    if (pattern->locale)
        freelocale(pattern->locale);
    buf_done(&pattern->scratch);
    arena_free(pattern->arena);
}

/* --- characters --- */

/* The next character of a text that is not at its end. */
static uint32_t next_point(const char **at, const char *end)
{
    const unsigned char *p = (const unsigned char *)*at;
    size_t more = *p < 0xc0 ? 0 : *p < 0xe0 ? 1 : *p < 0xf0 ? 2 : 3;
    uint32_t point = more == 0 ? *p : *p & (0x3fu >> more);

    if ((*p >= 0x80 && more == 0) || (size_t)(end - *at) <= more) {
        (*at)++;
        return NO_POINT + *p;
    }
    for (size_t i = 1; i <= more; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            (*at)++;
            return NO_POINT + *p;
        }
        point = point << 6 | (p[i] & 0x3fu);
    }
    *at += more + 1;
    return point;
}

static uint32_t folded(const struct filter_pattern *pattern, uint32_t point)
{
    if (point < 0x80)
        return point >= 'A' && point <= 'Z' ? point + 32 : point;
    if (point >= NO_POINT || !pattern->locale)
        return point;
    return (uint32_t)towlower_l((wint_t)point, pattern->locale);
}

/* --- LIKE: preparing --- */

static bool add_piece(struct filter_pattern *pattern, const struct buf *points,
                      const struct buf *plain, bool is_plain)
{
    struct piece *piece = &pattern->pieces[pattern->piece_count++];

    piece->count = points->len / sizeof(uint32_t);
    piece->points = arena_alloc(pattern->arena, points->len + 1);
    if (points->len > 0)
        memcpy(piece->points, points->data, points->len);
    if (is_plain && !pattern->fold) {
        piece->plain = arena_strndup(pattern->arena, buf_str(plain), plain->len);
        piece->plain_len = plain->len;
    }
    return true;
}

static bool cut(struct filter_pattern *pattern, struct filter_text text, int escape,
                struct buf *points, struct buf *plain, struct err *err)
{
    const char *p = text.at, *end = text.at + text.len;
    bool is_plain = true;

    while (p < end) {
        bool escaped = escape != FILTER_NO_ESCAPE && (unsigned char)*p == escape;
        if (escaped && ++p == end)
            return err_set(err, ERR_USAGE, "a pattern must not end with its escape character");
        const char *start = p;
        uint32_t point = next_point(&p, end);
        if (!escaped && point == '%') {
            add_piece(pattern, points, plain, is_plain);
            buf_reset(points);
            buf_reset(plain);
            is_plain = true;
            continue;
        }
        bool any = !escaped && point == '_';
        is_plain = is_plain && !any;
        point = any ? ANY_ONE : pattern->fold ? folded(pattern, point) : point;
        buf_add(points, &point, sizeof(point));
        buf_add(plain, start, (size_t)(p - start));
    }
    return add_piece(pattern, points, plain, is_plain);
}

struct filter_pattern *filter_pattern_like(struct filter_text text, int escape, bool fold,
                                           struct err *err)
{
    struct filter_pattern *pattern = new_pattern(fold);
    struct buf points = BUF_INIT, plain = BUF_INIT;
    size_t count = 1;

    for (size_t i = 0; i < text.len; i++)
        count += text.at[i] == '%';
    pattern->pieces = arena_alloc(pattern->arena, count * sizeof(*pattern->pieces));
    if (!cut(pattern, text, escape, &points, &plain, err)) {
        filter_pattern_free(pattern);
        pattern = NULL;
    }
    buf_done(&points);
    buf_done(&plain);
    return pattern;
}

/* --- LIKE: matching --- */

/* Does the piece stand here? Where it ends, or NULL. */
static const char *piece_at(const struct filter_pattern *pattern, const struct piece *piece,
                            const char *p, const char *end)
{
    if (piece->plain)
        return (size_t)(end - p) >= piece->plain_len &&
                       memcmp(p, piece->plain, piece->plain_len) == 0
                   ? p + piece->plain_len
                   : NULL;
    for (size_t i = 0; i < piece->count; i++) {
        if (p == end)
            return NULL;
        uint32_t point = next_point(&p, end);
        if (piece->points[i] != ANY_ONE &&
            piece->points[i] != (pattern->fold ? folded(pattern, point) : point))
            return NULL;
    }
    return p;
}

/* The first place of the piece; where it ends there, or NULL. */
static const char *find_piece(const struct filter_pattern *pattern, const struct piece *piece,
                              const char *p, const char *end)
{
    if (piece->plain) {
        const char *found = memmem(p, (size_t)(end - p), piece->plain, piece->plain_len);
        return found ? found + piece->plain_len : NULL;
    }
    for (;;) {
        const char *found = piece_at(pattern, piece, p, end);
        if (found || p == end)
            return found;
        next_point(&p, end);
    }
}

/* The last `count` characters of the text; NULL: it has fewer. */
static const char *tail_of(const char *p, const char *end, size_t count)
{
    size_t all = 0;

    for (const char *q = p; q < end; all++)
        next_point(&q, end);
    if (all < count)
        return NULL;
    for (size_t skip = all - count; skip > 0; skip--)
        next_point(&p, end);
    return p;
}

static bool like(const struct filter_pattern *pattern, struct filter_text text)
{
    const char *p = text.at, *end = text.at + text.len;
    const struct piece *last = &pattern->pieces[pattern->piece_count - 1];

    p = piece_at(pattern, &pattern->pieces[0], p, end);
    if (!p || pattern->piece_count == 1)
        return p == end;
    for (size_t i = 1; i + 1 < pattern->piece_count; i++) {
        p = find_piece(pattern, &pattern->pieces[i], p, end);
        if (!p)
            return false;
    }
    if (last->plain)
        return (size_t)(end - p) >= last->plain_len &&
               memcmp(end - last->plain_len, last->plain, last->plain_len) == 0;
    p = tail_of(p, end, last->count);
    return p && piece_at(pattern, last, p, end) == end;
}

/* --- regular expressions --- */

/* regcomp and regexec take upper and lower case, and what a character is, from the thread. */
static locale_t enter(const struct filter_pattern *pattern)
{
    return pattern->locale ? uselocale(pattern->locale) : (locale_t)0;
}

static void leave(locale_t before)
{
    if (before)
        uselocale(before);
}

struct filter_pattern *filter_pattern_regex(struct filter_text text, bool fold, struct err *err)
{
    struct filter_pattern *pattern = new_pattern(fold);
    char why[ERROR_BYTES];

    pattern->is_regex = true;
    buf_reset(&pattern->scratch);
    if (!filter_regex_translate(text, &pattern->scratch, err))
        goto fail;
    locale_t before = enter(pattern);
    int failed = regcomp(&pattern->regex, buf_str(&pattern->scratch),
                         REG_EXTENDED | REG_NOSUB | (fold ? REG_ICASE : 0));
    leave(before);
    if (failed) {
        regerror(failed, &pattern->regex, why, sizeof(why));
        err_set(err, ERR_USAGE, "this is no regular expression: %s", why);
        goto fail;
    }
    pattern->has_regex = true;
    return pattern;
fail:
    filter_pattern_free(pattern);
    return NULL;
}

static bool match_regex(struct filter_pattern *pattern, struct filter_text text, bool *ret_match,
                        struct err *err)
{
    buf_reset(&pattern->scratch);
    if (!buf_reserve(&pattern->scratch, text.len, err))
        return false;
    buf_add(&pattern->scratch, text.at, text.len); /* regexec wants an end */
    locale_t before = enter(pattern);
    int failed = regexec(&pattern->regex, pattern->scratch.data, 0, NULL, 0);
    leave(before);
    if (failed && failed != REG_NOMATCH)
        return err_set(err, ERR_RESOURCE, "a regular expression needs too much memory");
    *ret_match = !failed;
    return true;
}

bool filter_pattern_match(struct filter_pattern *pattern, struct filter_text text, bool *ret_match,
                          struct err *err)
{
    if (pattern->is_regex)
        return match_regex(pattern, text, ret_match, err);
    *ret_match = like(pattern, text);
    return true;
}
