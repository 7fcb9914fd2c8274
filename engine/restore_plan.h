/* SPDX-License-Identifier: PostgreSQL
 *
 * From answers to a restore: the questions, what each answer may be, and what comes of all of them:
 * the parameters of restore_run and the words of the command that does the same. One table of
 * questions serves both, so that what was tried is what is started.
 *
 *   restore_plan_new -> restore_plan_set, restore_plan_rule_set ... -> restore_plan_check a step
 *   -> restore_plan_keep_mapping -> restore_plan_make -> restore_run, or the words
 *
 * Not for: doing it (restore.h), showing what columns become (restore_compare.h).
 *
 * Threads: one thread at a time; a copy is for another one.
 */
#ifndef ARCHIVER_RESTORE_PLAN_H
#define ARCHIVER_RESTORE_PLAN_H

#include "restore.h"

enum restore_plan_step { PLAN_SOURCE, PLAN_TARGET, PLAN_CONFLICT };

enum { RESTORE_PLAN_QUESTIONS_MAX = 24 };

struct restore_plan;
struct restore_plan_question {
    const char *id, *prompt, *help;
    enum restore_plan_step step;
    const char *const *choices;                        /* NULL-ended; NULL: any text */
    const char *fallback;                              /* where nothing is answered; NULL: "" */
    bool (*applies)(const struct restore_plan *plan);  /* NULL: always */
    bool (*may_be)(const char *text, struct err *err); /* NULL: whatever is one of the choices */
    /* What a plain text becomes, as it is: a flag of the command, a field of restore_params. */
    const char *flag;
    size_t field; /* offset of a const char *; 0: neither */
};
const struct restore_plan_question *restore_plan_question(size_t i); /* NULL behind the last */

struct restore_plan *restore_plan_new(void);
void restore_plan_free(struct restore_plan *plan); /* NULL allowed */
struct restore_plan *restore_plan_copy(const struct restore_plan *plan);
/* "" takes an answer back. ERR_USAGE for what it may not be, or for no such question. */
bool restore_plan_set(struct restore_plan *plan, const char *id, const char *text, struct err *err);
/* The answer, or what stands for it. Borrowed until it is set. */
const char *restore_plan_get(const struct restore_plan *plan, const char *id);
bool restore_plan_is_answered(const struct restore_plan *plan, const char *id);
bool restore_plan_applies(const struct restore_plan *plan,
                          const struct restore_plan_question *question);
bool restore_plan_is(const struct restore_plan *plan, const char *id, const char *text);
/* Is what a step asks for there, and does it go together? ERR_USAGE. */
bool restore_plan_check(const struct restore_plan *plan, enum restore_plan_step step,
                        const struct config *config, struct err *err);

/* What becomes of a column, by the operator (doc/restore.md, "The mapping file"). */
struct restore_plan_rule {
    const char *column;
    bool of_table;     /* the table's alone: value or using; else the archive's: the others */
    bool drop;         /* left out */
    const char *to;    /* into another column; NULL: the one of its name */
    const char *using; /* SQL; NULL: none */
    const char *value; /* a literal; NULL without `using`: SQL's NULL */
};
/* Copied. ERR_USAGE where it says nothing, or two things. */
bool restore_plan_rule_set(struct restore_plan *plan, const struct restore_plan_rule *rule,
                           struct err *err);
void restore_plan_rule_drop(struct restore_plan *plan, const char *column, bool of_table);
/* NULL: there is none. Borrowed until the rules change. */
const struct restore_plan_rule *restore_plan_rule(const struct restore_plan *plan,
                                                  const char *column, bool of_table);
const struct restore_plan_rule *restore_plan_rule_at(const struct restore_plan *plan, size_t i);
/* The rules as a mapping file. */
void restore_plan_write_mapping(const struct restore_plan *plan, struct buf *ret_yaml);
/* Writes it where there are rules, in the program's own directory (file_state_path). The same rules
 * are the same file, and no file of other rules is written over: a restore that is taken up again
 * finds what it began with. */
bool restore_plan_keep_mapping(const struct restore_plan *plan, struct err *err);

struct restore_plan_call {
    struct arena *arena;          /* of everything here */
    const char *const *words;     /* "restore", ...: NULL-ended, without the program and its -c */
    struct restore_params params; /* without dry_run, stop, progress, monitor, restore_id */
};
/* The plan must outlive the call. */
void restore_plan_make(const struct restore_plan *plan, const struct config *config,
                       struct restore_plan_call *ret_call);
void restore_plan_call_done(struct restore_plan_call *call);
/* As one would type it in a shell: the program, with this configuration, and the words. */
void restore_plan_add_command(const struct restore_plan_call *call, const char *config_path,
                              struct buf *text);

#endif
