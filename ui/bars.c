/* SPDX-License-Identifier: PostgreSQL */
#include "bars.h"

#include <string.h>
#include <time.h>

#include "plot.h"

/* --- on top --- */

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

static void add_store(const struct config_s3 *s3, struct buf *text)
{
    if (config_directory(s3))
        buf_addf(text, "%s/%s", config_directory(s3), s3->bucket);
    else
        buf_addf(text, "s3://%s", s3->bucket);
    if (s3->prefix[0])
        buf_addf(text, "/%s", s3->prefix);
}

/* The youngest live run, or how many there are. */
static enum theme_style add_runs(const struct hub *hub, struct buf *text)
{
    size_t live = hub_live(hub);
    const struct hub_run *run = NULL;

    for (size_t i = 0; live > 0 && (run = hub_run_at(hub, i)) && !hub_is_live(run); i++)
        ;
    if (live == 0 || !run) {
        buf_adds(text, "no run");
        return STYLE_BAR;
    }
    if (live > 1) {
        buf_addf(text, "%zu RUNS", live);
        return STYLE_BAR_GOOD;
    }
    const char *dash = strrchr(run->run_id, '-');
    buf_addf(text, "run %s  ", dash ? dash + 1 : run->run_id);
    size_t from = text->len;
    buf_adds(text, run->seen ? run->now->state : "starting");
    for (size_t i = from; i < text->len; i++)
        text->data[i] = (char)(text->data[i] >= 'a' ? text->data[i] - 32 : text->data[i]);
    if (run->seen) {
        buf_adds(text, " ");
        plot_clock(text, run->now->seconds);
    }
    return run->seen && strcmp(run->now->state, "running") == 0 ? STYLE_BAR_GOOD : STYLE_BAR_BAD;
}

void bars_draw_top(struct canvas *c, const char *path, const struct config *config,
                   const struct hub *hub)
{
    struct buf left = BUF_INIT, right = BUF_INIT;
    enum theme_style style = add_runs(hub, &right);

    canvas_fill(c, (struct area){0, 0, 1, c->cols}, ' ', STYLE_BAR);
    canvas_put(c, 0, 1, c->cols, STYLE_BAR_NAME, "archiver-tui");
    int room = c->cols - 2 - glyph_width(c->glyphs, buf_str(&right));
    canvas_put(c, 0, room + 1, c->cols - room - 1, style, buf_str(&right));
    buf_addf(&left, "%s  ", path ? base_name(path) : "setup");
    if (config)
        add_store(&config->s3, &left);
    canvas_put(c, 0, 15, room - 16, STYLE_BAR, buf_str(&left));
    buf_done(&left);
    buf_done(&right);
}

/* --- where one is --- */

/* As many of the last as there is room for: where one is matters more than where one came from. */
static void add_crumbs(const struct bars_place *place, const struct glyphs *glyphs, int room,
                       struct buf *text)
{
    for (size_t from = 0; from < place->count; from++) {
        buf_reset(text);
        buf_adds(text, from > 0 ? glyphs->ellipsis : "");
        for (size_t i = from; i < place->count; i++)
            buf_addf(text, "%s%s", i > 0 ? glyphs->crumb : "", place->crumbs[i]);
        if (glyph_width(glyphs, buf_str(text)) <= room)
            return;
    }
}

void bars_draw_place(struct canvas *c, int row, const struct bars_place *place)
{
    struct buf text = BUF_INIT, right = BUF_INIT;
    const struct table *table = place->table;
    time_t now = time(NULL);
    struct tm utc;

    gmtime_r(&now, &utc);
    if (table && table->filter.len > 0)
        buf_addf(&right, "/%s  ", buf_str(&table->filter));
    if (table && table_marked(table) > 0)
        buf_addf(&right, "%zu marked  ", table_marked(table));
    buf_addf(&right, "%s  %02d:%02d:%02dZ", place->read_only ? "READ-ONLY" : "rw", utc.tm_hour,
             utc.tm_min, utc.tm_sec);
    int width = glyph_width(c->glyphs, buf_str(&right));
    add_crumbs(place, c->glyphs, c->cols - width - 3, &text);
    canvas_put(c, row, 1, c->cols - width - 3, STYLE_CRUMB, buf_str(&text));
    canvas_put(c, row, c->cols - width - 1, width,
               table && table->filter.len > 0 ? STYLE_WARN : STYLE_DIM, buf_str(&right));
    buf_done(&text);
    buf_done(&right);
}

/* --- the keys --- */

void bars_add_key(struct bars_keys *keys, const struct keys_binding *binding)
{
    if (binding->label && keys->count < sizeof(keys->items) / sizeof(keys->items[0]))
        keys->items[keys->count++] = binding;
}

/* The columns it takes; 0: there is no room. `draw` false: only measures. */
static int draw_hint(struct canvas *c, int row, int col, int room,
                     const struct keys_binding *binding, bool draw)
{
    struct buf name = BUF_INIT;

    keys_add_name(&name, binding->codes[0]);
    int width =
        glyph_width(c->glyphs, buf_str(&name)) + 1 + glyph_width(c->glyphs, binding->label) + 2;
    if (width > room) {
        width = 0;
    } else if (draw) {
        int used = canvas_put(c, row, col, room, STYLE_KEY, buf_str(&name));
        canvas_put(c, row, col + used + 1, room, STYLE_LABEL, binding->label);
    }
    buf_done(&name);
    return width;
}

void bars_draw_keys(struct canvas *c, int row, const struct bars_keys *screen,
                    const struct bars_keys *common)
{
    int at = 1, kept = 0;

    for (size_t i = 0; i < common->count; i++)
        kept += draw_hint(c, row, 0, c->cols, common->items[i], false);
    for (size_t i = 0; i < screen->count; i++) {
        int used = draw_hint(c, row, at, c->cols - kept - at, screen->items[i], true);
        if (used == 0) /* those that come first matter more */
            break;
        at += used;
    }
    for (size_t i = 0; i < common->count; i++)
        at += draw_hint(c, row, at, c->cols - at + 1, common->items[i], true);
}
