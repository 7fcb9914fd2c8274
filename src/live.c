/* SPDX-License-Identifier: PostgreSQL */
#include "live.h"

#include "base/log.h"
#include "base/text.h"
#include "detach.h"

static void show_kind(struct progress_snapshot *s, const void *arg)
{
    s->pausable = *(const bool *)arg;
}

static void open_socket(struct live *live, const struct call *call, bool pausable)
{
    struct control_params params = {.run_id = live->run_id,
                                    .progress = live->progress,
                                    .throttle = pausable ? live->throttle : NULL,
                                    .stop = call->stop};
    struct err err;

    live->control = control_start(&params, &err);
    if (!live->control)
        log_err(LOG_WARN, &err);
}

void live_start(struct live *live, const struct call *call, const char *kind)
{
    const struct options *o = &call->options;
    bool pausable = strcmp(kind, "archive") == 0;

    *live = (struct live){.progress = progress_new()};
    text_run_id(live->run_id);
    progress_begin(live->progress, kind, live->run_id);
    progress_change(live->progress, show_kind, &pausable);
    live->throttle = throttle_new(live->progress, call->stop);
    if (!o->dry_run) {
        open_socket(live, call, pausable);
        live->monitor = monitor_start(live->progress, live->run_id);
    }
    detach_ready(live->run_id);
    if (!o->quiet && !o->json)
        live->bar = bar_start(live->progress, call->config->progress_update_interval);
}

void live_ended(struct live *live, const char *status, int exit_code)
{
    bar_stop(live->bar);
    live->bar = NULL;
    monitor_stop(live->monitor);
    live->monitor = NULL;
    progress_end(live->progress, status, exit_code);
    control_stop(live->control);
    live->control = NULL;
}

void live_done(struct live *live)
{
    throttle_free(live->throttle);
    progress_free(live->progress);
}
