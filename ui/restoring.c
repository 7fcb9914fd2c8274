/* SPDX-License-Identifier: PostgreSQL */
#include "restoring.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/text.h"

enum { SHOWN_MAX = 20 /* conflicts, damages */ };

static void drop_plan(void *plan)
{
    restore_plan_free(plan);
}

void restoring_free(struct restoring *r)
{
    app_keep(r->app, r->plan, drop_plan); /* Restore is left and come back to */
    restore_compare_done(&r->compare);
    restore_report_done(&r->report);
    free(r->counted);
    free(r);
}

static char *command_of(const struct app *app, const struct restore_plan *plan)
{
    struct restore_plan_call call;
    struct buf text = BUF_INIT;

    restore_plan_make(plan, app_config(app), &call);
    restore_plan_add_command(&call, app_path(app), &text);
    restore_plan_call_done(&call);
    return buf_steal(&text);
}

char *restoring_command(const struct restoring *r)
{
    return command_of(r->app, r->plan);
}

bool restoring_is_current(const struct restoring_work *work)
{
    char *then = command_of(work->restoring->app, work->plan);
    char *now = restoring_command(work->restoring);
    bool same = strcmp(then, now) == 0;

    free(then);
    free(now);
    return same;
}

/* --- work --- */

static void drop(void *arg)
{
    struct restoring_work *work = arg;

    restore_compare_done(&work->compare);
    restore_report_done(&work->report);
    progress_free(work->progress);
    restore_plan_free(work->plan);
    free(work);
}

static void do_work(struct task *task, void *arg)
{
    struct restoring_work *work = arg;
    struct restore_plan_call call;

    work->err = ERR_INIT;
    restore_plan_make(work->plan, work->config, &call);
    call.params.stop = task_stop(task);
    call.params.progress = work->progress;
    if (restore_plan_keep_mapping(work->plan, &work->err))
        work->work(work, &call.params);
    restore_plan_call_done(&call);
}

static void work_done(void *owner, void *arg)
{
    struct restoring_work *work = arg;

    (void)owner;
    work->done(work);
}

struct progress *restoring_start(const struct restoring_work *what)
{
    struct restoring_work *work = mem_alloc(sizeof(*work));
    struct app *app = what->restoring->app;

    *work = *what;
    work->plan = restore_plan_copy(what->restoring->plan);
    work->config = app_config(app);
    work->progress = progress_new();
    err_set(&work->err, ERR_INTERRUPTED, "%s: stopped", what->title); /* before its turn came */
    struct task_params params = {.title = what->title,
                                 .owner = what->owner,
                                 .arg = work,
                                 .work = do_work,
                                 .done = work_done,
                                 .drop = drop};
    app_say(app, STYLE_DIM, "%s%s", what->title, app_glyphs(app)->ellipsis);
    tasks_start(app_tasks(app), &params);
    return work->progress;
}

/* --- questions as fields --- */

static const struct restore_plan_question *question_at(const struct restoring_step *s, size_t at)
{
    const struct restore_plan_question *q;

    for (size_t i = 0; (q = restore_plan_question(i)); i++) {
        if (q->step == s->step && restore_plan_applies(s->restoring->plan, q) && at-- == 0)
            return q;
    }
    return NULL;
}

static size_t count(const void *self)
{
    size_t n = 0;

    while (question_at(self, n))
        n++;
    return n;
}

static void field(const void *self, size_t i, struct form_field *ret)
{
    const struct restore_plan *plan = ((const struct restoring_step *)self)->restoring->plan;
    const struct restore_plan_question *q = question_at(self, i);

    *ret = (struct form_field){.label = q->prompt,
                               .value = restore_plan_get(plan, q->id),
                               .help = q->help,
                               .set = restore_plan_is_answered(plan, q->id)};
}

static const char *choice(const void *self, size_t i, size_t n)
{
    const struct restore_plan_question *q = question_at(self, i);

    for (size_t c = 0; q->choices && c < n && q->choices[c]; c++)
        ;
    return q->choices ? q->choices[n] : NULL;
}

static bool set(void *self, size_t i, const char *text, struct err *err)
{
    struct restoring_step *s = self;

    return restore_plan_set(s->restoring->plan, question_at(s, i)->id, text, err);
}

struct form_source restoring_questions(struct restoring_step *step)
{
    return (struct form_source){
        .self = step, .count = count, .field = field, .choice = choice, .set = set};
}

/* --- counts --- */

void restoring_forget_counts(struct restoring *r)
{
    free(r->counted);
    r->counted = NULL;
    r->err = ERR_INIT;
    r->counting = NULL;
}

static void add_err(struct listing *listing, const struct err *err)
{
    char line[sizeof(struct err)];

    err_line(err, line, sizeof(line));
    listing_add_text(listing, STYLE_BAD, line);
}

static void add_progress(const struct restoring *r, struct listing *listing)
{
    struct progress_snapshot now = {0};
    struct buf text = BUF_INIT;

    progress_read(r->counting, &now);
    buf_adds(&text, "counting: ");
    text_add_count(&text, (uint64_t)(now.rows_done > 0 ? now.rows_done : 0));
    if (now.rows_total > 0) {
        buf_adds(&text, " of ");
        text_add_count(&text, (uint64_t)now.rows_total);
    }
    buf_adds(&text, " rows read; Ctrl-X ends it");
    listing_add_text(listing, STYLE_ACCENT, buf_str(&text));
    progress_snapshot_done(&now);
    buf_done(&text);
}

static void add_count(struct buf *text, const char *before, int64_t n, const char *behind)
{
    buf_adds(text, before);
    text_add_count(text, (uint64_t)n);
    buf_adds(text, behind);
}

/* A dry run counts what is there, not what would be done to it. */
static void add_conflicts(const struct restoring *r, struct listing *listing)
{
    static const struct {
        const char *answer, *what;
        enum theme_style style;
    } hows[] = {
        {"fail", "the first of them ends its table's restore, and nothing of that is left behind",
         STYLE_BAD},
        {"skip", "they stay as they are", STYLE_WARN},
        {"overwrite", "they are replaced as a whole", STYLE_WARN},
        {"upsert", "they get the columns that the archive has", STYLE_WARN},
    };
    struct buf text = BUF_INIT;
    enum theme_style style = STYLE_GOOD;

    add_count(&text, "", r->report.counts.conflicts, " are there already");
    for (size_t i = 0; r->report.counts.conflicts > 0 && i < sizeof(hows) / sizeof(hows[0]); i++) {
        if (!restore_plan_is(r->plan, "on-conflict", hows[i].answer))
            continue;
        buf_addf(&text, ": %s", hows[i].what);
        style = hows[i].style;
    }
    listing_add_text(listing, style, buf_str(&text));
    buf_done(&text);
}

static void add_totals(const struct restoring *r, struct listing *listing)
{
    const struct restore_report *report = &r->report;
    struct buf text = BUF_INIT;

    add_count(&text, "of ", report->counts.read, " rows ");
    add_count(&text, "", report->counts.restored, " come back");
    listing_add_text(listing, STYLE_BOLD, buf_str(&text));
    add_conflicts(r, listing);
    buf_reset(&text);
    buf_adds(&text, "to fetch ");
    text_add_bytes(&text, report->bytes_to_fetch);
    buf_adds(&text, ", in the table about ");
    text_add_bytes(&text, report->target_bytes);
    buf_adds(&text, ", time about ");
    text_add_duration(&text, report->estimated_seconds);
    listing_add_text(listing, STYLE_TEXT, buf_str(&text));
    buf_done(&text);
}

static void add_findings(const struct restore_report *report, struct listing *listing)
{
    for (size_t i = 0; i < report->damage_count && i < SHOWN_MAX; i++) {
        const struct restore_damage *d = &report->damages[i];
        listing_addf(listing, STYLE_BAD, "lost: %" PRIu64 " rows of %s: %s", d->rows, d->archive,
                     d->detail);
    }
    for (size_t i = 0; i < report->loss_count && i < SHOWN_MAX; i++) {
        const struct restore_loss *l = &report->losses[i];
        listing_addf(listing, STYLE_WARN, "%s: %s.%s: %" PRIu64 " rows: %s",
                     l->gone ? "lost" : "uncertain", l->table, l->column, l->rows, l->reason);
    }
    for (size_t i = 0; i < report->conflict_count && i < SHOWN_MAX; i++)
        listing_addf(listing, STYLE_WARN, "there already: %s in %s", report->conflicts[i].key,
                     report->conflicts[i].archive);
    if (report->conflict_count > SHOWN_MAX)
        listing_add_text(listing, STYLE_DIM, "... and more");
    for (size_t i = 0; i < report->note_count; i++)
        listing_addf(listing, STYLE_TEXT, "note: %s", report->notes[i]);
}

void restoring_add_counts(const struct restoring *r, const char *how, struct listing *listing)
{
    char *command = restoring_command(r);

    if (r->counting)
        add_progress(r, listing);
    else if (r->err.kind != ERR_NONE)
        add_err(listing, &r->err);
    else if (!r->counted)
        listing_addf(listing, STYLE_WARN, "not counted yet: %s", how);
    else if (strcmp(r->counted, command) != 0)
        listing_addf(listing, STYLE_WARN, "the answers are others since it was counted: %s", how);
    else {
        if (r->report.err.kind != ERR_NONE)
            add_err(listing, &r->report.err);
        add_totals(r, listing);
        add_findings(&r->report, listing);
    }
    free(command);
}
