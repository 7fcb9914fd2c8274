/* SPDX-License-Identifier: PostgreSQL */
#include "ask.h"

#include <readline/readline.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"

enum { SHOWN_MAX = 20 };

/* Asked between keys: readline waits in the terminal, signals come elsewhere. */
static const struct stop *asked_to_stop;

static int look_at_stop(void)
{
    if (stop_asked(asked_to_stop))
        rl_done = 1;
    return 0;
}

/* A line, malloc'd; NULL: the operator leaves. */
static char *ask_line(const char *prompt)
{
    char *line = stop_asked(asked_to_stop) ? NULL : readline(prompt);

    if (!line || !stop_asked(asked_to_stop))
        return line;
    free(line);
    return NULL;
}

static void print_err(const struct err *err)
{
    char line[sizeof(struct err)];

    err_line(err, line, sizeof(line));
    printf("  %s\n", line);
}

/* Until the answer will do. False: the operator leaves. */
static bool ask_question(struct wizard *w, const struct wizard_question *q)
{
    struct buf prompt = BUF_INIT;
    struct err err;
    bool taken = false;

    printf("  (%s", wizard_help(q));
    for (size_t n = 0; wizard_choice(q, n); n++)
        printf("%s%s", n > 0 ? ", " : ": ", wizard_choice(q, n));
    puts(")");
    buf_addf(&prompt, "%s [%s]: ", q->prompt, wizard_get(w, q->id));
    for (char *line; !taken && (line = ask_line(buf_str(&prompt)));) {
        taken = !*line || wizard_set(w, q->id, line, &err);
        if (!taken)
            print_err(&err);
        free(line);
    }
    buf_done(&prompt);
    return taken;
}

static bool ask_step(struct wizard *w, enum wizard_step step)
{
    const struct wizard_question *q;

    for (size_t i = 0; (q = wizard_question(i)); i++) {
        if (q->step == step && wizard_applies(w, q) && !ask_question(w, q))
            return false;
    }
    return true;
}

static bool says_yes(const char *prompt)
{
    char *line = ask_line(prompt);
    bool yes = line && (*line == 'y' || *line == 'Y');

    free(line);
    return yes;
}

/* --- the steps --- */

static bool connect_step(struct wizard *w, struct discover_tables *ret_tables)
{
    struct config_database database;
    struct err err;

    for (;;) {
        puts("\nWhich server? No password is ever written.");
        if (!ask_step(w, WIZARD_CONNECT))
            return false;
        wizard_connection(w, NULL, &database);
        if (discover_tables(&database, 90, ret_tables, &err))
            return true;
        print_err(&err);
    }
}

static void print_tables(const struct discover_tables *tables)
{
    printf("\n%zu tables tell when; the likeliest first:\n", tables->count);
    for (size_t i = 0; i < tables->count && i < SHOWN_MAX; i++) {
        const struct discover_table *t = &tables->items[i];
        struct buf size = BUF_INIT;
        text_add_bytes(&size, t->bytes);
        printf("  %2zu  %s.%s  %s\n      %s\n", i + 1, t->schema, t->name, buf_str(&size), t->why);
        buf_done(&size);
    }
}

/* "1,3" by their numbers, or names. */
static bool take_tables(struct wizard *w, const struct discover_tables *tables, const char *line,
                        struct err *err)
{
    char *copy = mem_strdup(line), *rest = copy, *word;
    bool ok = true;

    while (ok && (word = strsep(&rest, ","))) {
        int64_t number;
        word += strspn(word, " ");
        if (text_to_int(word, &number) && number >= 1 && (size_t)number <= tables->count) {
            const struct discover_table *t = &tables->items[number - 1];
            wizard_add_table(w, wizard_get(w, "dbname"), t->schema, t->name);
        } else {
            ok = wizard_add_tables(w, wizard_get(w, "dbname"), word, err);
        }
    }
    free(copy);
    return ok;
}

static bool tables_step(struct wizard *w, const struct discover_tables *tables)
{
    struct err err;
    char *line;

    print_tables(tables);
    while ((line = ask_line("Which (numbers or names, with commas): "))) {
        bool ok = *line && take_tables(w, tables, line, &err) && wizard_complete(w, &err);
        if (*line && !ok)
            print_err(&err);
        free(line);
        if (ok)
            return true;
    }
    return false;
}

static bool store_step(struct wizard *w)
{
    struct check_report report = {0};
    struct err err;
    bool well = false;

    while (!well) {
        puts("\nWhere do archives go?");
        if (!ask_step(w, WIZARD_STORE))
            return false;
        well = wizard_check_store(w, asked_to_stop, &report, &err);
        if (!well)
            print_err(&err);
        for (size_t i = 0; i < report.count; i++) {
            const struct check_item *item = &report.items[i];
            if (item->verdict != CHECK_PASS)
                printf("  %s: %s\n", item->name, item->detail);
        }
        well = well && report.failed == 0;
        check_report_done(&report);
        report = (struct check_report){0};
    }
    return true;
}

/* What is there is shown before it is written over. */
static bool save_step(struct wizard *w, struct err *err)
{
    struct buf text = BUF_INIT;
    bool there = access(wizard_path(w), F_OK) == 0;

    puts("");
    wizard_estimate(w, &text);
    buf_adds(&text, "\n");
    if (!there)
        wizard_write(w, &text);
    else if (!wizard_diff(w, &text, err))
        return false;
    fputs(buf_str(&text), stdout);
    buf_done(&text);
    printf("\n%s%s\n", wizard_path(w),
           there ? " is there already; above is what would change" : "");
    if (!says_yes(there ? "Write over it? (y/N) " : "Write it? (y/N) "))
        return err_set(err, ERR_INTERRUPTED, "nothing was written");
    return wizard_save(w, there, err);
}

int ask_run(struct wizard *w, const struct stop *stop, struct err *err)
{
    struct discover_tables tables = {0};
    struct err ignored;
    bool written = false;

    asked_to_stop = stop;
    rl_event_hook = look_at_stop;
    rl_catch_signals = 0;
    if (connect_step(w, &tables) && tables_step(w, &tables) && ask_step(w, WIZARD_KEEP) &&
        store_step(w))
        written = save_step(w, err);
    else
        err_set(err, ERR_INTERRUPTED, "nothing was written");
    discover_tables_done(&tables);
    if (written) {
        wizard_drop_draft();
        printf("%s is written. Next: archiver-tui -c %s archive --dry-run\n", wizard_path(w),
               wizard_path(w));
        return 0;
    }
    wizard_keep_draft(w, &ignored);
    return err_exit_code(err->kind);
}
