/* SPDX-License-Identifier: PostgreSQL */
#include "task.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/text.h"

enum { RUNNING_MAX = 8 };

struct posted {
    struct posted *next;
    void *item;
};

struct task {
    struct task *next;
    struct tasks *tasks;
    struct task_params params;
    char *title;
    unsigned id;
    int64_t since_us;
    struct stop *stop, *own_stop; /* own_stop NULL: somebody else's */
    pthread_t thread;
    bool started, forgotten; /* the painting thread's */
    /* under the lock */
    bool ended;
    struct posted *first, **last;
    double share;
    char progress[sizeof(((struct task_info *)NULL)->progress)];
};

struct tasks {
    int fd;
    pthread_mutex_t lock;
    struct task *all; /* the painting thread's; the oldest first */
    unsigned next_id;
};

struct tasks *tasks_new(void)
{
    struct tasks *tasks = mem_alloc(sizeof(*tasks));

    tasks->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_mutex_init(&tasks->lock, NULL);
    return tasks;
}

int tasks_fd(const struct tasks *tasks)
{
    return tasks->fd;
}

/* --- the worker's side --- */

static void wake(struct tasks *tasks)
{
    uint64_t one = 1;
    ssize_t ignored = write(tasks->fd, &one, sizeof(one));

    (void)ignored;
}

const struct stop *task_stop(const struct task *task)
{
    return task->stop;
}

void task_post_later(struct task *task, void *item)
{
    struct posted *posted = mem_alloc(sizeof(*posted));

    posted->item = item;
    pthread_mutex_lock(&task->tasks->lock);
    *task->last = posted;
    task->last = &posted->next;
    pthread_mutex_unlock(&task->tasks->lock);
}

void task_post(struct task *task, void *item)
{
    task_post_later(task, item);
    wake(task->tasks);
}

void task_progress(struct task *task, double share, const char *format, ...)
{
    va_list args;

    pthread_mutex_lock(&task->tasks->lock);
    task->share = share;
    va_start(args, format);
    vsnprintf(task->progress, sizeof(task->progress), format, args);
    va_end(args);
    pthread_mutex_unlock(&task->tasks->lock);
}

static void *work(void *arg)
{
    struct task *task = arg;

    pthread_setname_np(pthread_self(), "task");
    if (!stop_asked(task->stop))
        task->params.work(task, task->params.arg);
    else if (task->params.err)
        err_set(task->params.err, ERR_INTERRUPTED, "stopped before it began");
    pthread_mutex_lock(&task->tasks->lock);
    task->ended = true;
    wake(task->tasks); /* under the lock: tasks may be freed as soon as it is let go */
    pthread_mutex_unlock(&task->tasks->lock);
    return NULL;
}

/* --- the painting thread's --- */

/* Signals are for others. */
static bool start_thread(struct task *task)
{
    sigset_t all, found;

    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &found);
    task->started = pthread_create(&task->thread, NULL, work, task) == 0;
    pthread_sigmask(SIG_SETMASK, &found, NULL);
    return task->started;
}

static void start_waiting(struct tasks *tasks)
{
    size_t running = 0;

    for (struct task *task = tasks->all; task; task = task->next) {
        if (!task->started && !start_thread(task))
            return;
        if (++running == RUNNING_MAX)
            return;
    }
}

void tasks_start(struct tasks *tasks, const struct task_params *params)
{
    struct task *task = mem_alloc(sizeof(*task)), **end = &tasks->all;

    *task = (struct task){.tasks = tasks,
                          .params = *params,
                          .title = mem_strdup(params->title),
                          .id = ++tasks->next_id,
                          .since_us = text_monotonic_us(),
                          .share = -1,
                          .own_stop = params->stop ? NULL : stop_new()};
    task->stop = params->stop ? params->stop : task->own_stop;
    task->last = &task->first;
    while (*end)
        end = &(*end)->next;
    *end = task;
    start_waiting(tasks);
}

/* What it posted so far; whether it has ended. */
static struct posted *take_posted(struct task *task, bool *ret_ended)
{
    pthread_mutex_lock(&task->tasks->lock);
    struct posted *first = task->first;
    task->first = NULL;
    task->last = &task->first;
    *ret_ended = task->ended;
    pthread_mutex_unlock(&task->tasks->lock);
    return first;
}

static void hand_over(struct task *task, struct posted *posted)
{
    while (posted) {
        struct posted *next = posted->next;
        if (!task->forgotten && task->params.item)
            task->params.item(task->params.owner, posted->item);
        else if (task->params.drop_item)
            task->params.drop_item(posted->item);
        free(posted);
        posted = next;
    }
}

static void free_task(struct task *task)
{
    if (task->started)
        pthread_join(task->thread, NULL);
    if (!task->forgotten && task->params.done)
        task->params.done(task->params.owner, task->params.arg);
    if (task->params.drop)
        task->params.drop(task->params.arg);
    if (task->own_stop)
        stop_free(task->own_stop);
    free(task->title);
    free(task);
}

void tasks_take(struct tasks *tasks)
{
    uint64_t count;
    ssize_t ignored = read(tasks->fd, &count, sizeof(count));
    struct task *task = tasks->all, *next;

    (void)ignored;
    for (; task; task = next) {
        bool ended;
        struct posted *posted = take_posted(task, &ended);
        hand_over(task, posted);
        next = task->next;
        if (!ended)
            continue;
        /* Out of the list first: `done` may start others, and end this screen. */
        struct task **at = &tasks->all;
        while (*at != task)
            at = &(*at)->next;
        *at = next;
        free_task(task);
        next = tasks->all; /* whatever `done` did to the list */
    }
    start_waiting(tasks);
}

void tasks_forget(struct tasks *tasks, const void *owner)
{
    for (struct task *task = tasks->all; task; task = task->next) {
        if (task->params.owner != owner)
            continue;
        task->forgotten = true;
        stop_ask(task->stop, true);
    }
}

bool tasks_busy(const struct tasks *tasks, const void *owner)
{
    for (const struct task *task = tasks->all; task; task = task->next) {
        if (!task->forgotten && (!owner || task->params.owner == owner))
            return true;
    }
    return false;
}

bool tasks_matter(const struct tasks *tasks)
{
    for (const struct task *task = tasks->all; task; task = task->next) {
        if (task->params.matters)
            return true;
    }
    return false;
}

void tasks_cancel(struct tasks *tasks, unsigned id)
{
    for (struct task *task = tasks->all; task; task = task->next) {
        if (task->id == id)
            stop_ask(task->stop, true);
    }
}

void tasks_cancel_of(struct tasks *tasks, const void *owner)
{
    for (struct task *task = tasks->all; task; task = task->next) {
        if (task->params.owner == owner)
            stop_ask(task->stop, true);
    }
}

size_t tasks_list(struct tasks *tasks, struct task_info *ret_infos, size_t most)
{
    size_t n = 0;

    for (struct task *task = tasks->all; task && n < most; task = task->next) {
        if (task->params.hidden)
            continue;
        struct task_info *info = &ret_infos[n++];
        *info = (struct task_info){.id = task->id,
                                   .cancelled = stop_asked(task->stop),
                                   .matters = task->params.matters,
                                   .since_us = task->since_us};
        snprintf(info->title, sizeof(info->title), "%s", task->title);
        pthread_mutex_lock(&tasks->lock);
        info->share = task->share;
        memcpy(info->progress, task->progress, sizeof(info->progress));
        pthread_mutex_unlock(&tasks->lock);
    }
    return n;
}

bool tasks_free(struct tasks *tasks, int wait_ms)
{
    int64_t until = text_monotonic_us() + (int64_t)wait_ms * 1000;

    for (struct task *task = tasks->all; task; task = task->next) {
        task->forgotten = true;
        stop_ask(task->stop, true);
    }
    while (tasks->all && text_monotonic_us() < until) {
        struct pollfd fd = {.fd = tasks->fd, .events = POLLIN};
        poll(&fd, 1, 20);
        tasks_take(tasks);
    }
    if (tasks->all)
        return false;
    close(tasks->fd);
    pthread_mutex_destroy(&tasks->lock);
    free(tasks);
    return true;
}
