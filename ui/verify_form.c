/* SPDX-License-Identifier: PostgreSQL
 *
 * What is to be verified, and how deeply: what the flags of `archiver-tui verify` say.
 */
#include <stdlib.h>
#include <string.h>

#include "app.h"
#include "base/text.h"
#include "form.h"
#include "screens.h"
#include "words.h"

enum field { TABLE, ARCHIVES, DEPTH, KEYS, FIELDS };

static const char *const depths[] = {"objects", "rows", NULL};
static const char *const lookups[] = {"no", "sample", "all", NULL}; /* as enum verify_lookup */

struct screen {
    struct app *app;
    char *table, *archives; /* "": all */
    size_t depth, lookup;
    struct form_source source;
    struct form form;
};

/* --- the table that is meant --- */

/* The name as it is shown, or its end behind a dot. */
static bool is_named(const struct config_database *database, const struct config_table *table,
                     const char *name)
{
    struct buf whole = BUF_INIT;
    size_t len = strlen(name);

    words_add_table(&whole, database, table);
    const char *text = buf_str(&whole);
    bool named = len == whole.len ? strcmp(text, name) == 0
                                  : len < whole.len && text[whole.len - len - 1] == '.' &&
                                        strcmp(text + whole.len - len, name) == 0;
    buf_done(&whole);
    return named;
}

/* How many of the configuration are; the last of them. */
static size_t find_table(const struct config *config, const char *name,
                         const struct config_database **ret_database,
                         const struct config_table **ret_table)
{
    size_t found = 0;

    for (size_t d = 0; d < config->database_count; d++) {
        const struct config_database *database = &config->databases[d];
        for (size_t t = 0; t < database->table_count; t++) {
            if (!is_named(database, &database->tables[t], name))
                continue;
            *ret_database = database;
            *ret_table = &database->tables[t];
            found++;
        }
    }
    return found;
}

static bool check_table(const struct config *config, const char *name, struct err *err)
{
    const struct config_database *database;
    const struct config_table *table;
    size_t found = *name ? find_table(config, name, &database, &table) : 1;

    if (found == 1)
        return true;
    if (found > 1)
        err_set(err, ERR_USAGE, "more than one table has this name");
    else
        err_set(err, ERR_USAGE, "the configuration has no such table");
    return err_hint(err, "DATABASE.SCHEMA.TABLE, as the Overview shows them; empty: all");
}

/* --- the archives that are meant --- */

/* False: a quote is not closed. */
static bool add_keys(struct proofs_scope *scope, const char *names)
{
    struct buf name = BUF_INIT;

    names += strspn(names, " ");
    while (names && *names) {
        names = text_take_name(names, " ", &name);
        scope->keys = mem_grow(scope->keys, (scope->key_count + 1) * sizeof(char *));
        scope->keys[scope->key_count++] = mem_strdup(buf_str(&name));
        names += names ? strspn(names, " ") : 0;
    }
    buf_done(&name);
    return names != NULL;
}

static bool check_archives(const char *names, struct err *err)
{
    struct proofs_scope scope = {0};
    bool whole = add_keys(&scope, names);

    proofs_scope_done(&scope);
    return whole || err_set(err, ERR_USAGE, "a quote is not closed");
}

/* --- the fields --- */

static size_t count(const void *self)
{
    (void)self;
    return FIELDS;
}

static void field(const void *self, size_t i, struct form_field *ret)
{
    const struct screen *s = self;
    const struct form_field fields[] = {
        [TABLE] = {.label = "table",
                   .value = s->table,
                   .help = "A table of the configuration; empty: all of them."},
        [ARCHIVES] = {.label = "archives",
                      .value = s->archives,
                      .help = "Only these, by their names, with spaces between (\"names with "
                              "spaces\" in quotes); empty: all. Those marked in the list stand "
                              "here."},
        [DEPTH] = {.label = "depth",
                   .value = depths[s->depth],
                   .help = "objects: every byte is read, checksums, parts and counts are compared. "
                           "rows: each row, too, against the index and the list of keys."},
        [KEYS] = {.label = "look keys up",
                  .value = lookups[s->lookup],
                  .help = "Are archived rows gone from their tables? sample: about a thousand keys "
                          "of each archive. Asks the databases. Enter begins."},
    };

    *ret = fields[i];
    ret->set = true;
}

static const char *choice(const void *self, size_t i, size_t n)
{
    const char *const *choices = i == DEPTH ? depths : i == KEYS ? lookups : NULL;

    (void)self;
    for (size_t at = 0; choices && at < n; at++) {
        if (!choices[at])
            return NULL;
    }
    return choices ? choices[n] : NULL;
}

static size_t choice_of(const char *const *choices, const char *text)
{
    size_t at = 0;

    while (strcmp(choices[at], text) != 0)
        at++;
    return at;
}

static void keep(char **text, const char *value)
{
    free(*text);
    *text = mem_strdup(value);
}

static bool set(void *self, size_t i, const char *text, struct err *err)
{
    struct screen *s = self;

    if (i == DEPTH)
        s->depth = choice_of(depths, text);
    else if (i == KEYS)
        s->lookup = choice_of(lookups, text);
    else if (i == ARCHIVES ? check_archives(text, err) : check_table(app_config(s->app), text, err))
        keep(i == ARCHIVES ? &s->archives : &s->table, text);
    else
        return false;
    return true;
}

/* --- beginning --- */

static void begin(struct app *app, struct screen *s)
{
    const struct config_database *database;
    const struct config_table *table;
    struct proofs_scope scope = {.deep = s->depth > 0, .lookup = (enum verify_lookup)s->lookup};

    if (!form_settled(&s->form))
        return;
    add_keys(&scope, s->archives);
    if (*s->table && scope.key_count > 0) {
        app_say(app, STYLE_BAD, "a table or archives, not both");
        proofs_scope_done(&scope);
        return;
    }
    if (*s->table && find_table(app_config(app), s->table, &database, &table) == 1) {
        scope.database = mem_strdup(database->name);
        scope.schema = mem_strdup(table->schema);
        scope.table = mem_strdup(table->name);
    }
    if (proofs_view(app_proofs(app))->state == PROOFS_WORKING) {
        app_say(app, STYLE_WARN, "another verification goes on: 5 shows it, x there ends it");
        proofs_scope_done(&scope);
        return;
    }
    proofs_start(app_proofs(app), &scope);
    app_pop(app);
}

/* --- the screen --- */

enum action { BEGIN = 1, MOVE };

static const struct keys_binding bindings[] = {
    {BEGIN, {K_CTRL('n')}, "begin", "verify; Enter in the last field does, too", false},
    {MOVE,
     {K_DOWN},
     NULL,
     "Up, Down, Tab, Enter: from field to field; Left, Right: choices",
     false},
};

static void act(struct app *app, void *self, int action)
{
    if (action == BEGIN)
        begin(app, self);
}

static bool key(struct app *app, void *self, const struct term_key *key)
{
    struct screen *s = self;
    enum form_act done = form_key(&s->form, key);

    if (done == FORM_DONE)
        begin(app, s);
    return done != FORM_NOTHING;
}

static void draw(void *self, struct canvas *canvas, struct area area)
{
    form_draw(&((struct screen *)self)->form, canvas, area);
}

static void close_form(void *self)
{
    struct screen *s = self;

    form_done(&s->form);
    free(s->table);
    free(s->archives);
    free(s);
}

static const struct screen_class form_class = {.name = "What to verify",
                                               .keys = KEYS(bindings),
                                               .act = act,
                                               .key = key,
                                               .draw = draw,
                                               .close = close_form};

void verify_form_open(struct app *app, const char *archives)
{
    struct screen *s = mem_alloc(sizeof(*s));

    s->app = app;
    s->table = mem_strdup("");
    s->archives = mem_strdup(archives);
    s->source = (struct form_source){
        .self = s, .count = count, .field = field, .choice = choice, .set = set};
    form_init(&s->form, &s->source);
    app_push(app, &form_class, s);
}
