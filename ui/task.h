/* SPDX-License-Identifier: PostgreSQL
 *
 * What may take long - a server, a store - happens in threads of its own, so that the one that
 * paints never waits. What comes of it is handed over in the painting thread.
 *
 *   tasks_start(work) ... task_post in the worker -> (poll tasks_fd) tasks_take -> item, done, drop
 *
 * Threads: tasks_* in the painting thread; task_* in the worker.
 */
#ifndef ARCHIVER_UI_TASK_H
#define ARCHIVER_UI_TASK_H

#include <stdint.h>

#include "base/err.h"
#include "base/queue.h"

struct tasks;
struct task;

struct task_params {
    const char *title; /* for the list of tasks; copied */
    void *owner;       /* a screen: tasks_forget(owner) when it goes */
    void *arg;         /* the worker's until it ends */
    struct err *err;   /* of `arg`; says so where it was cancelled before it began. May be NULL */
    struct stop *stop; /* asked where it is cancelled; NULL: one of the task's own */
    void (*work)(struct task *task, void *arg);
    /* All in the painting thread. `item` and `done` only while the owner is not forgotten; who gets
     * an item owns it. May be NULL but for `work`. */
    void (*item)(void *owner, void *item);
    void (*done)(void *owner, void *arg);
    void (*drop_item)(void *item); /* of items nobody takes */
    void (*drop)(void *arg);       /* at the end, always */
    bool hidden;                   /* not in the list of tasks */
    bool matters;                  /* leaving the console while it works deserves a question */
};

struct task_info {
    unsigned id;
    char title[160];
    bool cancelled, matters;
    int64_t since_us;  /* monotonic */
    double share;      /* 0 to 1; negative: not known */
    char progress[80]; /* "412 of 9,000 archives"; "": it does not say */
};

struct tasks *tasks_new(void);
/* Cancels and waits `wait_ms` for those that go on. False: some do not end, and what they use has
 * to stay; nothing is freed. */
bool tasks_free(struct tasks *tasks, int wait_ms);
int tasks_fd(const struct tasks *tasks);
void tasks_start(struct tasks *tasks, const struct task_params *params);
void tasks_take(struct tasks *tasks);
/* Nothing more comes to `owner`; what works for it is asked to stop. */
void tasks_forget(struct tasks *tasks, const void *owner);
bool tasks_matter(const struct tasks *tasks);                  /* does one that matters go on? */
bool tasks_busy(const struct tasks *tasks, const void *owner); /* owner NULL: anything */
void tasks_cancel(struct tasks *tasks, unsigned id);
/* All that works for the owner, who hears of their end. */
void tasks_cancel_of(struct tasks *tasks, const void *owner);
/* At most `most`, the oldest first; gives back how many. */
size_t tasks_list(struct tasks *tasks, struct task_info *ret_infos, size_t most);

const struct stop *task_stop(const struct task *task);
void task_post(struct task *task, void *item);
/* The same without hurry, for what comes often: it is taken within a second. */
void task_post_later(struct task *task, void *item);
/* How far it is, for the list of tasks. */
void task_progress(struct task *task, double share, const char *format, ...) ERR_PRINTF(3, 4);

#endif
