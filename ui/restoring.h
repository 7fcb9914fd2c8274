/* SPDX-License-Identifier: PostgreSQL
 *
 * The restore flow between its screens: one plan, answered step by step, each step a screen on top
 * of the one before, so that going back finds everything as it was left. What a server or a store
 * is asked works on a copy of the plan.
 *
 *   source -> target -> columns, side by side -> conflicts, counted -> summary -> a run
 *
 * Threads: the painting thread.
 */
#ifndef ARCHIVER_UI_RESTORING_H
#define ARCHIVER_UI_RESTORING_H

#include "app.h"
#include "form.h"
#include "listing.h"
#include "restore_compare.h"
#include "restore_plan.h"

struct restoring {
    struct app *app;
    struct restore_plan *plan;
    struct restore_compare compare; /* of the plan, from the third step on */
    /* of the dry run, when there was one */
    char *counted;                /* the command that it was of; NULL: there was none */
    struct restore_report report; /* what it said; */
    struct err err;               /* or why it said nothing */
    struct progress *counting;    /* of the one that works now, borrowed from it; NULL: none */
};

void restoring_free(struct restoring *restoring);
/* One of the steps that are forms: its questions, and `more` keys behind those of a form. */
struct restoring_step {
    struct restoring *restoring;
    enum restore_plan_step step;
};
struct form_source restoring_questions(struct restoring_step *step);
void restoring_open_target(struct restoring *restoring);
void restoring_open_columns(struct restoring *restoring);
void restoring_open_conflict(struct restoring *restoring);
void restoring_open_summary(struct restoring *restoring);

/* A column's rule, as a form; `changed` when it is taken. `column` is copied. */
void restoring_edit_column(struct restoring *restoring, const struct restore_column *column,
                           void (*changed)(void *owner), void *owner);

/* The plan as a command for a shell; malloc'd. */
char *restoring_command(const struct restoring *restoring);
/* What the dry run said, says so far, or that there was none of this plan, and `how` to make one.
 */
void restoring_add_counts(const struct restoring *restoring, const char *how,
                          struct listing *listing);

/* Where one works, it was asked to stop before. */
void restoring_forget_counts(struct restoring *restoring);

struct restoring_work {
    struct restoring *restoring;
    void *owner; /* a screen, or a step's self */
    const char *title;
    void (*work)(struct restoring_work *work, const struct restore_params *params);
    void (*done)(struct restoring_work *work); /* in the painting thread */
    struct err err;
    struct restore_plan *plan; /* a copy */
    const struct config *config;
    struct restore_compare compare;
    struct restore_report report;
    struct progress *progress;
};
/* `work` gets the plan's parameters, with a stop and a progress. The mapping file is there then. */
struct progress *restoring_start(const struct restoring_work *work);
/* Is what came of it about the plan as it is by now? */
bool restoring_is_current(const struct restoring_work *work);

#endif
