/* SPDX-License-Identifier: PostgreSQL
 *
 * Boxes over a screen: an error with what, where, why and what to do; a question that only one key
 * says yes to.
 */
#include <stdlib.h>
#include <string.h>

#include "app.h"
#include "wrap.h"

enum { BOX_COLS = 72, BOX_EDGES = 4 };

struct line {
    char *text;
    enum theme_style style;
};

struct box {
    char *title;
    struct line lines[12];
    size_t count;
    int key; /* of yes; 0: there is nothing to say yes to */
    char *verb;
    void (*yes)(struct app *app, void *arg);
    void (*drop)(void *arg);
    void *arg;
};

static void add_line(struct box *box, enum theme_style style, char *text)
{
    if (*text && box->count < sizeof(box->lines) / sizeof(box->lines[0]))
        box->lines[box->count++] = (struct line){text, style};
    else
        free(text);
}

static void close_box(void *self)
{
    struct box *box = self;

    for (size_t i = 0; i < box->count; i++)
        free(box->lines[i].text);
    if (box->drop)
        box->drop(box->arg);
    free(box->title);
    free(box->verb);
    free(box);
}

/* Rows the lines take, drawn where `canvas` is given. */
static int lay_out(const struct box *box, const struct glyphs *glyphs, struct canvas *canvas,
                   struct area inner)
{
    int row = 0;

    for (size_t i = 0; i < box->count; i++) {
        const char *rest = box->lines[i].text;
        while (*rest) {
            char *line = wrap_next(glyphs, &rest, inner.cols);
            if (canvas && row < inner.rows)
                canvas_put(canvas, inner.row + row, inner.col, inner.cols, box->lines[i].style,
                           line);
            free(line);
            row++;
        }
    }
    return row;
}

static void draw_buttons(const struct box *box, struct canvas *c, int row, int col, int cols)
{
    if (box->key == 0) {
        int used = canvas_put(c, row, col, cols, STYLE_BUTTON, " Esc closes ");
        canvas_put(c, row, col + used + 2, cols - used - 2, STYLE_DIM, "l: the log around it");
        return;
    }
    int used = canvas_put(c, row, col, cols, STYLE_BUTTON, " Enter: cancel ");
    used += 2 + canvas_putf(c, row, col + used + 2, cols - used - 2, STYLE_BAD, "%c", box->key);
    canvas_putf(c, row, col + used + 1, cols - used - 1, STYLE_TEXT, "%s", box->verb);
}

static void draw_box(void *self, struct canvas *c, struct area area)
{
    const struct box *box = self;
    int cols = area.cols - 4 < BOX_COLS ? area.cols - 4 : BOX_COLS;
    struct area inner = {0, 0, area.rows - BOX_EDGES, cols - 4};
    int lines = lay_out(box, c->glyphs, NULL, inner);
    int rows = lines + BOX_EDGES < area.rows ? lines + BOX_EDGES : area.rows;
    struct area outer = {area.row + (area.rows - rows) / 2, area.col + (area.cols - cols) / 2, rows,
                         cols};

    canvas_box(c, outer, box->key ? STYLE_WARN : STYLE_BAD, box->title);
    inner = (struct area){outer.row + 1, outer.col + 2, rows - BOX_EDGES + 1, cols - 4};
    lay_out(box, c->glyphs, c, inner);
    draw_buttons(box, c, outer.row + rows - 2, outer.col + 2, cols - 4);
}

/* Nothing goes through to what lies below. */
static bool box_key(struct app *app, void *self, const struct term_key *key)
{
    struct box *box = self;

    if (box->key && key->code == box->key) {
        void (*yes)(struct app *, void *) = box->yes;
        void *arg = box->arg;
        box->drop = NULL;
        app_pop(app);
        yes(app, arg);
        return true;
    }
    bool log = !box->key && key->code == 'l';
    bool closes = key->code == K_ESC || key->code == '\r' || key->code == 'q' ||
                  key->code == K_CTRL('c') || key->code == 'n' || box->key;
    if (key->code == K_CLICK || key->code == K_WHEEL_UP || key->code == K_WHEEL_DOWN ||
        key->code == K_NONE)
        closes = false;
    if (log || closes)
        app_pop(app);
    if (log)
        app_log(app);
    return true;
}

static const struct screen_class box_class = {
    .name = "message", .overlay = true, .key = box_key, .draw = draw_box, .close = close_box};

void app_fail(struct app *app, const struct err *err)
{
    struct box *box = mem_alloc(sizeof(*box));

    box->title = mem_printf("error: %s", err_code(err->kind));
    add_line(box, STYLE_BAD, mem_strdup(err->what));
    add_line(box, STYLE_TEXT, err->where[0] ? mem_printf("where: %s", err->where) : mem_strdup(""));
    add_line(box, STYLE_TEXT, err->why[0] ? mem_printf("why: %s", err->why) : mem_strdup(""));
    add_line(box, STYLE_ACCENT, err->hint[0] ? mem_printf("do: %s", err->hint) : mem_strdup(""));
    app_push(app, &box_class, box);
}

void app_ask(struct app *app, const struct app_question *question)
{
    struct box *box = mem_alloc(sizeof(*box));
    const char *text = question->text;

    box->title = mem_strdup(question->title);
    box->verb = mem_strdup(question->verb);
    box->key = question->key;
    box->yes = question->yes;
    box->drop = question->drop;
    box->arg = question->arg;
    while (*text) {
        size_t len = strcspn(text, "\n");
        add_line(box, STYLE_TEXT, mem_printf("%.*s", (int)len, text));
        text += len + (text[len] == '\n');
    }
    app_push(app, &box_class, box);
}
