/* SPDX-License-Identifier: PostgreSQL */
#include "form.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "wrap.h"

enum { HELP_ROWS = 3, LABEL_MAX = 24 };

static struct form_field field_at(const struct form *form, size_t i)
{
    struct form_field field = {.label = "", .value = "", .help = ""};

    form->source->field(form->source->self, i, &field);
    return field;
}

static size_t count(const struct form *form)
{
    return form->source->count(form->source->self);
}

static const char *choice(const struct form *form, size_t n)
{
    return form->source->choice(form->source->self, form->cursor, n);
}

void form_init(struct form *form, const struct form_source *source)
{
    *form = (struct form){.source = source};
    form_refresh(form);
}

void form_done(struct form *form)
{
    buf_done(&form->text);
}

void form_refresh(struct form *form)
{
    if (form->cursor >= count(form))
        form->cursor = count(form) > 0 ? count(form) - 1 : 0;
    buf_reset(&form->text);
    buf_adds(&form->text, field_at(form, form->cursor).value);
    form->caret = form->text.len;
    form->editing = form->touched = false;
    form->err = ERR_INIT;
}

static void take(struct form *form)
{
    form->touched = true;
    form->err = ERR_INIT;
    form->editing =
        !form->source->set(form->source->self, form->cursor, buf_str(&form->text), &form->err);
}

bool form_settled(struct form *form)
{
    return !form->editing;
}

/* --- editing --- */

static bool is_inside(const struct buf *text, size_t at)
{
    return at < text->len && ((unsigned char)text->data[at] & 0xc0) == 0x80;
}

static size_t before(const struct buf *text, size_t at)
{
    for (at -= at > 0; at > 0 && is_inside(text, at); at--)
        ;
    return at;
}

static size_t behind(const struct buf *text, size_t at)
{
    for (at += at < text->len; is_inside(text, at); at++)
        ;
    return at;
}

static void cut(struct form *form, size_t from, size_t to)
{
    struct buf *text = &form->text;

    if (from >= to)
        return;
    memmove(text->data + from, text->data + to, text->len - to + 1);
    text->len -= to - from;
    form->caret = from;
    take(form);
}

static void insert(struct form *form, int code)
{
    char bytes[4];
    size_t len = text_utf8((uint32_t)code, bytes);
    struct buf *text = &form->text;

    buf_need(text, len);
    memmove(text->data + form->caret + len, text->data + form->caret, text->len - form->caret);
    memcpy(text->data + form->caret, bytes, len);
    text->len += len;
    text->data[text->len] = '\0';
    form->caret += len;
    take(form);
}

/* The next choice, or the one before; the first where none of them stands there. */
static void turn(struct form *form, bool back)
{
    size_t n = 0, at = 0;

    while (choice(form, n)) {
        if (strcmp(choice(form, n), buf_str(&form->text)) == 0)
            at = n;
        n++;
    }
    at = back ? (at + n - 1) % n : (at + 1) % n;
    buf_reset(&form->text);
    buf_adds(&form->text, choice(form, at));
    form->caret = form->text.len;
    take(form);
}

static bool edit_choice(struct form *form, int code)
{
    if (code == K_LEFT || code == K_RIGHT || code == ' ') {
        turn(form, code == K_LEFT);
        return true;
    }
    for (size_t n = 0; code > ' ' && code < 0x7f && choice(form, n); n++) {
        if (choice(form, n)[0] == code) {
            buf_reset(&form->text);
            buf_adds(&form->text, choice(form, n));
            take(form);
            return true;
        }
    }
    return code == K_BACKSPACE || code == K_DELETE || (code >= ' ' && code < 0x110000);
}

static bool edit_text(struct form *form, int code)
{
    struct buf *text = &form->text;

    switch (code) {
    case K_LEFT:
        form->caret = before(text, form->caret);
        return true;
    case K_RIGHT:
        form->caret = behind(text, form->caret);
        return true;
    case K_HOME:
    case K_CTRL('a'):
        form->caret = 0;
        return true;
    case K_END:
    case K_CTRL('e'):
        form->caret = text->len;
        return true;
    case K_BACKSPACE:
        cut(form, before(text, form->caret), form->caret);
        return true;
    case K_DELETE:
        cut(form, form->caret, behind(text, form->caret));
        return true;
    case K_CTRL('u'):
        cut(form, 0, form->caret);
        return true;
    case K_CTRL('k'):
        cut(form, form->caret, text->len);
        return true;
    default:
        if (code < ' ' || code == 0x7f || code >= 0x110000)
            return false;
        insert(form, code);
        return true;
    }
}

/* --- moving --- */

static enum form_act move_by(struct form *form, int step)
{
    size_t last = count(form) > 0 ? count(form) - 1 : 0;

    if (!form_settled(form)) /* what is wrong stays in sight */
        return FORM_TAKEN;
    if (step > 0 && form->cursor == last)
        return FORM_DONE;
    if (step > 0 || form->cursor > 0)
        form->cursor += step > 0 ? 1 : (size_t)-1;
    form_refresh(form);
    return FORM_TAKEN;
}

static enum form_act click(struct form *form, const struct term_key *key)
{
    int line = key->row - form->drawn.row;

    if (line < 0 || line >= form->drawn.rows || form->top + (size_t)line >= count(form))
        return FORM_NOTHING;
    if (form_settled(form)) {
        form->cursor = form->top + (size_t)line;
        form_refresh(form);
    }
    return FORM_TAKEN;
}

enum form_act form_key(struct form *form, const struct term_key *key)
{
    switch (key->code) {
    case '\r':
        return move_by(form, 1);
    case K_DOWN:
    case '\t':
    case K_WHEEL_DOWN:
        if (form->cursor + 1 == count(form))
            return FORM_TAKEN;
        return move_by(form, 1);
    case K_UP:
    case K_BACKTAB:
    case K_WHEEL_UP:
        return move_by(form, -1);
    case K_CLICK:
        return click(form, key);
    default:
        break;
    }
    if (choice(form, 0) ? edit_choice(form, key->code) : edit_text(form, key->code))
        return FORM_TAKEN;
    return FORM_NOTHING;
}

/* --- drawing --- */

static int label_width(const struct form *form, const struct glyphs *glyphs)
{
    int width = 0;

    for (size_t i = 0; i < count(form); i++) {
        int needed = glyph_width(glyphs, field_at(form, i).label);
        width = needed > width ? needed : width;
    }
    return width < LABEL_MAX ? width : LABEL_MAX;
}

static void add_dots(struct buf *text, const char *secret)
{
    for (; *secret; secret++) {
        if (((unsigned char)*secret & 0xc0) != 0x80)
            buf_addc(text, '*');
    }
}

static void draw_choices(const struct form *form, struct canvas *c, int row, int col, int cols)
{
    int at = 0;

    for (size_t n = 0; choice(form, n) && at < cols; n++) {
        bool now = strcmp(choice(form, n), buf_str(&form->text)) == 0;
        at += canvas_putf(c, row, col + at, cols - at, now ? STYLE_BUTTON : STYLE_TEXT, " %s ",
                          choice(form, n));
    }
}

static void draw_current(const struct form *form, struct canvas *c, int row, int col, int cols,
                         bool secret)
{
    struct buf shown = BUF_INIT, left = BUF_INIT;

    if (choice(form, 0)) {
        draw_choices(form, c, row, col, cols);
        return;
    }
    buf_add(&left, buf_str(&form->text), form->caret);
    if (secret) {
        add_dots(&shown, buf_str(&form->text));
        struct buf dots = BUF_INIT;
        add_dots(&dots, buf_str(&left));
        buf_done(&left);
        left = dots;
    } else {
        buf_adds(&shown, buf_str(&form->text));
    }
    int at = glyph_width(c->glyphs, buf_str(&left)), skip = at >= cols ? at - cols + 1 : 0;
    canvas_fill(c, (struct area){row, col, 1, cols}, ' ', STYLE_TEXT | STYLE_SELECTED);
    canvas_put_from(c, row, col, cols, STYLE_TEXT | STYLE_SELECTED, buf_str(&shown), skip);
    c->cursor_row = row;
    c->cursor_col = col + at - skip;
    buf_done(&shown);
    buf_done(&left);
}

static void draw_field(const struct form *form, struct canvas *c, struct area line, size_t i,
                       int labels)
{
    struct form_field field = field_at(form, i);
    bool current = i == form->cursor;
    int col = line.col + labels + 3, cols = line.cols - labels - 4;
    struct buf dots = BUF_INIT;

    canvas_put(c, line.row, line.col + 1, labels, current ? STYLE_BOLD : STYLE_TEXT, field.label);
    if (current) {
        draw_current(form, c, line.row, col, cols, field.secret);
        return;
    }
    if (field.secret)
        add_dots(&dots, field.value);
    canvas_put(c, line.row, col, cols, field.set ? STYLE_ACCENT : STYLE_DIM,
               field.secret ? buf_str(&dots) : field.value);
    buf_done(&dots);
}

static void draw_text(struct canvas *c, struct area area, int style, const char *text)
{
    for (int row = 0; row < area.rows && *text; row++) {
        char *line = wrap_next(c->glyphs, &text, area.cols);
        canvas_put(c, area.row + row, area.col, area.cols, style, line);
        free(line);
    }
}

void form_draw(struct form *form, struct canvas *c, struct area area)
{
    int rows = area.rows - HELP_ROWS - 1, labels = label_width(form, c->glyphs);
    struct area below = {area.row + area.rows - HELP_ROWS, area.col + 1, HELP_ROWS, area.cols - 2};

    if (rows < 1)
        rows = 1;
    if (!form->touched && strcmp(buf_str(&form->text), field_at(form, form->cursor).value) != 0)
        form_refresh(form); /* answered elsewhere */
    if (form->cursor < form->top)
        form->top = form->cursor;
    if (form->cursor >= form->top + (size_t)rows)
        form->top = form->cursor - (size_t)rows + 1;
    form->drawn = (struct area){area.row, area.col, rows, area.cols};
    for (int i = 0; i < rows && form->top + (size_t)i < count(form); i++)
        draw_field(form, c, (struct area){area.row + i, area.col, 1, area.cols},
                   form->top + (size_t)i, labels);
    canvas_rule(c, below.row - 1, area.col, area.cols, field_at(form, form->cursor).label);
    if (form->editing) {
        char line[sizeof(struct err)];
        err_line(&form->err, line, sizeof(line));
        draw_text(c, below, STYLE_BAD, line);
    } else {
        draw_text(c, below, STYLE_DIM, field_at(form, form->cursor).help);
    }
}
