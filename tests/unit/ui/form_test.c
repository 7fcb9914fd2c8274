/* SPDX-License-Identifier: PostgreSQL */
#include "form.h"

#include "cases.h"
#include "screen.h"

struct fields {
    char name[40], port[40], mode[40];
};

static size_t count(const void *self)
{
    (void)self;
    return 3;
}

static void field(const void *self, size_t i, struct form_field *ret)
{
    const struct fields *f = self;

    *ret = (struct form_field){.label = i == 0   ? "Name"
                                        : i == 1 ? "Port"
                                                 : "Mode",
                               .value = i == 0   ? f->name
                                        : i == 1 ? f->port
                                                 : f->mode,
                               .help = "what it is",
                               .secret = false,
                               .set = true};
}

static const char *choice(const void *self, size_t i, size_t n)
{
    static const char *const modes[] = {"fast", "slow", NULL};

    (void)self;
    return i == 2 && n < 3 ? modes[n] : NULL;
}

static bool set(void *self, size_t i, const char *text, struct err *err)
{
    struct fields *f = self;
    char *to = i == 0 ? f->name : i == 1 ? f->port : f->mode;

    if (i == 1 && strspn(text, "0123456789") != strlen(text))
        return err_set(err, ERR_USAGE, "not a number: %s", text);
    snprintf(to, sizeof(f->name), "%s", text);
    return true;
}

struct fixture {
    struct fields fields;
    struct form_source source;
    struct form form;
};

static void open_form(struct fixture *f)
{
    *f = (struct fixture){.fields = {.name = "db", .port = "5432", .mode = "fast"}};
    f->source = (struct form_source){
        .self = &f->fields, .count = count, .field = field, .choice = choice, .set = set};
    form_init(&f->form, &f->source);
}

static enum form_act press(struct fixture *f, int code)
{
    return form_key(&f->form, &(struct term_key){.code = code});
}

static void type(struct fixture *f, const char *text)
{
    for (; *text; text++)
        press(f, *text);
}

static void what_is_typed_is_taken_at_once(void)
{
    struct fixture f;

    open_form(&f);
    type(&f, "1x");
    CHECK_STR(f.fields.name, "db1x");
    press(&f, K_BACKSPACE);
    CHECK_STR(f.fields.name, "db1");
    press(&f, K_HOME);
    type(&f, "a");
    CHECK_STR(f.fields.name, "adb1");
    press(&f, K_RIGHT);
    press(&f, K_DELETE);
    CHECK_STR(f.fields.name, "ad1");
    press(&f, K_END);
    press(&f, 0xe9); /* é */
    CHECK_STR(f.fields.name, "ad1\xc3\xa9");
    press(&f, K_BACKSPACE);
    CHECK_STR(f.fields.name, "ad1");
    press(&f, K_CTRL('u'));
    CHECK_STR(f.fields.name, "");
    form_done(&f.form);
}

static void what_is_wrong_stays_in_sight_until_it_is_right(void)
{
    struct fixture f;

    open_form(&f);
    press(&f, K_DOWN);
    type(&f, "x");
    CHECK_STR(f.fields.port, "5432"); /* not taken */
    CHECK(!form_settled(&f.form));
    CHECK_STR(f.form.err.what, "not a number: 5432x");
    press(&f, K_DOWN);
    CHECK_INT(f.form.cursor, 1); /* it does not go on */
    press(&f, K_BACKSPACE);
    CHECK(form_settled(&f.form));
    press(&f, K_DOWN);
    CHECK_INT(f.form.cursor, 2);
    form_done(&f.form);
}

static void choices_turn_and_are_found_by_their_letter(void)
{
    struct fixture f;

    open_form(&f);
    press(&f, K_UP); /* the first: stays */
    CHECK_INT(f.form.cursor, 0);
    press(&f, '\r');
    press(&f, '\r');
    press(&f, K_RIGHT);
    CHECK_STR(f.fields.mode, "slow");
    press(&f, ' ');
    CHECK_STR(f.fields.mode, "fast");
    press(&f, 's');
    CHECK_STR(f.fields.mode, "slow");
    press(&f, 'x'); /* none begins so */
    CHECK_STR(f.fields.mode, "slow");
    CHECK_INT(press(&f, '\r'), FORM_DONE);
    CHECK_INT(press(&f, K_CTRL('n')), FORM_NOTHING);
    form_done(&f.form);
}

static void a_form_shows_labels_values_and_help(void)
{
    struct fixture f;
    struct canvas c = {.glyphs = glyphs_of(false)};

    open_form(&f);
    canvas_resize(&c, 8, 40);
    form_draw(&f.form, &c, (struct area){0, 0, 8, 40});
    CHECK_STR(screen_row(&c, 0), " Name  db");
    CHECK_STR(screen_row(&c, 2), " Mode  fast");
    CHECK_STR(screen_row(&c, 5), " what it is");
    CHECK_INT(c.cursor_row, 0);
    CHECK_INT(c.cursor_col, 9); /* behind what is there */
    canvas_done(&c);
    form_done(&f.form);
}

static const struct test_case cases[] = {
    {"what_is_typed_is_taken_at_once", what_is_typed_is_taken_at_once},
    {"what_is_wrong_stays_in_sight_until_it_is_right",
     what_is_wrong_stays_in_sight_until_it_is_right},
    {"choices_turn_and_are_found_by_their_letter", choices_turn_and_are_found_by_their_letter},
    {"a_form_shows_labels_values_and_help", a_form_shows_labels_values_and_help},
    {NULL, NULL},
};
const struct test_suite ui_form_suite = {"ui/form", cases};
