/* SPDX-License-Identifier: PostgreSQL */
#include "proofs_head.h"

#include <inttypes.h>

#include "base/text.h"
#include "plot.h"
#include "words.h"

static void add_scope(const struct proofs_scope *scope, struct buf *text)
{
    if (scope->key_count > 0)
        buf_addf(text, "%zu archive%s", scope->key_count, scope->key_count == 1 ? "" : "s");
    else if (scope->table)
        buf_addf(text, "%s.%s.%s", scope->database, scope->schema, scope->table);
    else
        buf_adds(text, "all tables");
    buf_adds(text, scope->deep ? ", each row" : ", objects");
    if (scope->lookup != LOOKUP_NONE)
        buf_addf(text, ", keys %s", scope->lookup == LOOKUP_ALL ? "looked up" : "sampled");
}

static void add_of(struct buf *text, const struct proofs_view *v)
{
    text_add_count(text, v->archives);
    buf_adds(text, " of ");
    text_add_count(text, v->archives_total);
    buf_addf(text, " archive%s", v->archives_total == 1 ? "" : "s");
}

static void draw_gauge(const struct proofs_view *v, struct canvas *c, int row)
{
    double share = proofs_share(v);
    struct buf text = BUF_INIT;

    if (share >= 0)
        buf_addf(&text, "%3.0f%%  ", share * 100);
    if (v->key)
        add_of(&text, v);
    else
        buf_addf(&text, "counting archives: %" PRIu64, v->archives_total);
    int width = glyph_width(c->glyphs, buf_str(&text));
    plot_gauge(c, row, 1, c->cols - width - 4, share, STYLE_GAUGE);
    canvas_put(c, row, c->cols - width - 1, width, STYLE_BOLD, buf_str(&text));
    buf_done(&text);
}

static void add_bytes(struct buf *text, const struct proofs_view *v)
{
    double rate = rate_per_second(&v->rate, text_monotonic_us());

    text_add_bytes(text, v->bytes);
    if (v->bytes_total > 0) {
        buf_adds(text, " of ");
        text_add_bytes(text, v->bytes_total);
    }
    if (rate >= 0) {
        buf_adds(text, "  ");
        text_add_bytes(text, (uint64_t)rate);
        buf_adds(text, "/s");
    }
    if (rate > 0 && v->bytes_total >= v->bytes) {
        buf_adds(text, "  left ");
        plot_clock(text, (double)(v->bytes_total - v->bytes) / rate);
    }
    buf_adds(text, "  for ");
    plot_clock(text, (double)(text_monotonic_us() - v->begun_us) / 1e6);
}

void proofs_head_key(struct canvas *c, int row, const char *before, const char *key)
{
    int at = 1 + canvas_put(c, row, 1, c->cols - 2, STYLE_DIM, before);
    int room = c->cols - 1 - at, width = glyph_width(c->glyphs, key);

    if (width > room) {
        at += canvas_put(c, row, at, room, STYLE_DIM, c->glyphs->ellipsis);
        room = c->cols - 1 - at;
    }
    canvas_put_from(c, row, at, room, STYLE_DIM, key, width > room ? width - room : 0);
}

static void draw_working(const struct proofs_view *v, struct canvas *c, int row)
{
    struct buf text = BUF_INIT;

    draw_gauge(v, c, row);
    add_bytes(&text, v);
    buf_adds(&text, "  ");
    add_scope(&v->scope, &text);
    canvas_put(c, row + 1, 1, c->cols - 2, STYLE_TEXT, buf_str(&text));
    if (v->key)
        proofs_head_key(c, row + 2, "now ", v->key);
    buf_done(&text);
}

/* A word says how it ended where colours do not. */
static void draw_ended(const struct proofs_view *v, struct canvas *c, int row)
{
    struct buf text = BUF_INIT;
    bool well = v->state == PROOFS_WHOLE && v->problems + v->orphans == 0;
    char line[sizeof(struct err)];

    if (v->state == PROOFS_FAILED)
        buf_adds(&text, "FAILED after ");
    else if (v->state == PROOFS_STOPPED)
        buf_adds(&text, "STOPPED after ");
    text_add_count(&text, (uint64_t)v->report.archives_checked);
    buf_addf(&text, " archive%s", v->report.archives_checked == 1 ? "" : "s");
    if (v->state == PROOFS_WHOLE)
        buf_adds(&text, well ? " verified: no problem" : " verified: PROBLEMS");
    int at = 3 + canvas_put(c, row, 1, c->cols - 2, well ? STYLE_GOOD : STYLE_BAD, buf_str(&text));
    buf_reset(&text);
    add_scope(&v->scope, &text);
    canvas_put(c, row, at, c->cols - at - 1, STYLE_TEXT, buf_str(&text));
    buf_reset(&text);
    text_add_count(&text, (uint64_t)v->report.rows);
    buf_adds(&text, " rows, ");
    text_add_bytes(&text, v->report.bytes);
    buf_adds(&text, " in ");
    plot_clock(&text, (double)(v->ended_us - v->begun_us) / 1e6);
    buf_adds(&text, ", ");
    words_add_age(&text, text_now_us() - (text_monotonic_us() - v->ended_us));
    canvas_put(c, row + 1, 1, c->cols - 2, STYLE_TEXT, buf_str(&text));
    if (v->state == PROOFS_FAILED) {
        err_line(&v->err, line, sizeof(line));
        canvas_put(c, row + 2, 1, c->cols - 2, STYLE_BAD, line);
    }
    buf_done(&text);
}

int proofs_head_rows(const struct proofs_view *v)
{
    switch (v->state) {
    case PROOFS_NONE:
        return 1;
    case PROOFS_WORKING:
    case PROOFS_FAILED:
        return 3;
    default:
        return 2;
    }
}

void proofs_head_draw(const struct proofs_view *v, struct canvas *c, int row)
{
    if (v->state == PROOFS_WORKING)
        draw_working(v, c, row);
    else if (v->state != PROOFS_NONE)
        draw_ended(v, c, row);
    else
        canvas_put(c, row, 1, c->cols - 2, STYLE_DIM, "nothing was verified yet");
}
