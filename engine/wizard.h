/* SPDX-License-Identifier: PostgreSQL
 *
 * From answers to a configuration: the questions, what each answer may be, the file that comes of
 * them. One table of questions serves the console's wizard, the one by question and answer, flags
 * and answer files; what a question is about, and what may be answered, comes from the table of
 * options wherever there is one.
 *
 *   wizard_new -> wizard_set ... wizard_add_table ... -> wizard_write -> wizard_check ->
 * wizard_save
 *
 * No answer is a secret: they say where a password comes from. One that was typed to try a
 * connection is kept in memory alone (wizard_password).
 *
 * Threads: one thread at a time.
 */
#ifndef ARCHIVER_WIZARD_H
#define ARCHIVER_WIZARD_H

#include "check.h"
#include "config/options.h"
#include "discover.h"

enum wizard_step { WIZARD_CONNECT, WIZARD_TABLES, WIZARD_KEEP, WIZARD_STORE, WIZARD_STEPS };

enum { WIZARD_QUESTIONS_MAX = 40 };

struct wizard;
struct wizard_question {
    const char *id; /* its flag, and its key in an answer file */
    enum wizard_step step;
    const char *prompt; /* a few words */
    enum option_section section;
    const char *option; /* whose help and rules it has; NULL: its own */
    const char *help;
    const char *const *choices; /* NULL-ended; NULL: the option's, or any text */
    const char *fallback;       /* where nothing is answered; NULL: the option's default, or none */
    bool (*applies)(const struct wizard *wizard); /* NULL: always */
};
const struct wizard_question *wizard_question(size_t i); /* NULL behind the last */
const struct wizard_question *wizard_find_question(const char *id);
const char *wizard_help(const struct wizard_question *question);
/* The i-th choice; NULL: no more, or any text will do. */
const char *wizard_choice(const struct wizard_question *question, size_t i);

struct wizard_table {
    char *database, *schema, *table, *timestamp_column;
    int64_t retention_days; /* 0: as for all */
    /* of the table, where it was discovered; rows -1: not known */
    int64_t rows;
    uint64_t bytes;
    double share, share_a_month; /* of its rows: older than kept, and more each month; -1 */
};

struct wizard *wizard_new(void);
void wizard_free(struct wizard *wizard); /* NULL allowed */
/* For another thread to work with. */
struct wizard *wizard_copy(const struct wizard *wizard);
/* "" takes an answer back. ERR_USAGE for what the option may not be, or for no such question. */
bool wizard_set(struct wizard *wizard, const char *id, const char *text, struct err *err);
/* The answer, or what stands for it; "" where there is neither. Borrowed until it is set. */
const char *wizard_get(const struct wizard *wizard, const char *id);
bool wizard_is_answered(const struct wizard *wizard, const char *id);
bool wizard_applies(const struct wizard *wizard, const struct wizard_question *question);
/* For this process only: never written. NULL takes it back. */
void wizard_password(struct wizard *wizard, const char *password);

/* One table more, or another answer for one that is there. */
struct wizard_table *wizard_add_table(struct wizard *wizard, const char *database,
                                      const char *schema, const char *table);
void wizard_remove_table(struct wizard *wizard, const char *database, const char *schema,
                         const char *table);
struct wizard_table *wizard_table_at(const struct wizard *wizard, size_t i); /* NULL: no more */
struct wizard_table *wizard_find_table(const struct wizard *wizard, const char *database,
                                       const char *schema, const char *table);
void wizard_table_column(struct wizard_table *table, const char *column);
/* "[SCHEMA.]NAME[:COLUMN[:DAYS]], ..." of one database. */
bool wizard_add_tables(struct wizard *wizard, const char *database, const char *list,
                       struct err *err);

/* The connection as answered, to this database (NULL: the first one). Borrowed. */
void wizard_connection(const struct wizard *wizard, const char *dbname,
                       struct config_database *ret_database);
/* Asks the servers for what was not said of the tables: their timestamp columns, sizes. */
bool wizard_complete(struct wizard *wizard, struct err *err);

/* An answer file: YAML with a key a question, and `tables`. Also what a draft is. */
bool wizard_read(struct wizard *wizard, const char *path, struct err *err);
void wizard_write_answers(const struct wizard *wizard, struct buf *ret_yaml);
/* $XDG_STATE_HOME/archiver-tui/wizard.yaml: kept when the wizard is left, offered when it starts.
 */
bool wizard_keep_draft(const struct wizard *wizard, struct err *err);
bool wizard_has_draft(struct buf *ret_path);
void wizard_drop_draft(void);

/* The configuration, with comments, without secrets. */
void wizard_write(const struct wizard *wizard, struct buf *ret_yaml);
/* Loads it as a run would, and tries all that a run needs; what the password of this process is
 * needed for is tried with it. False: it is no configuration, or nothing could be tried. */
bool wizard_check(const struct wizard *wizard, const struct stop *stop,
                  struct check_report *ret_report, struct err *err);
/* Only the store: puts, gets, lists and removes a probe. */
bool wizard_check_store(const struct wizard *wizard, const struct stop *stop,
                        struct check_report *ret_report, struct err *err);
/* Where it goes by the answers. Borrowed. */
const char *wizard_path(const struct wizard *wizard);
/* What changes in a file that is there; empty: it is not there, or the same. */
bool wizard_diff(const struct wizard *wizard, struct buf *ret_text, struct err *err);
/* Whole or not at all, for its owner alone. A file that is there stays, as ERR_EXISTS, unless
 * `overwrite`. */
bool wizard_save(const struct wizard *wizard, bool overwrite, struct err *err);

/* For people: what leaves with these answers, in rows, bytes, time and money; by estimates. */
void wizard_estimate(const struct wizard *wizard, struct buf *ret_text);

#endif
