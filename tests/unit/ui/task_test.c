/* SPDX-License-Identifier: PostgreSQL */
#include "task.h"

#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/buf.h"
#include "cases.h"

struct owner {
    struct tasks *tasks;
    int items, done;
    int sum;
};

static atomic_int arguments; /* alive */

static void *one_more(void)
{
    arguments++;
    return mem_alloc(sizeof(int));
}

static void drop_argument(void *arg)
{
    arguments--;
    free(arg);
}

static void post_three(struct task *task, void *arg)
{
    (void)arg;
    for (int i = 1; i <= 3; i++) {
        int *item = one_more();
        *item = i;
        task_post(task, item);
    }
}

static void wait_for_stop(struct task *task, void *arg)
{
    struct pollfd fd = {.fd = stop_fd(task_stop(task)), .events = POLLIN};

    post_three(task, arg);
    poll(&fd, 1, 20000);
    post_three(task, arg);
}

static void take_item(void *owner, void *item)
{
    struct owner *o = owner;

    o->items++;
    o->sum += *(int *)item;
    drop_argument(item);
}

static void take_done(void *owner, void *arg)
{
    struct owner *o = owner;

    (void)arg;
    o->done++;
}

static void start(struct owner *o, void (*work)(struct task *, void *))
{
    struct task_params params = {.title = "test",
                                 .owner = o,
                                 .arg = one_more(),
                                 .work = work,
                                 .item = take_item,
                                 .drop_item = drop_argument,
                                 .done = take_done,
                                 .drop = drop_argument};

    tasks_start(o->tasks, &params);
}

static void take_all(struct owner *o)
{
    for (int i = 0; i < 1000 && tasks_busy(o->tasks, o); i++) {
        struct pollfd fd = {.fd = tasks_fd(o->tasks), .events = POLLIN};
        poll(&fd, 1, 100);
        tasks_take(o->tasks);
    }
}

static void what_a_task_finds_comes_to_its_owner(void)
{
    struct owner o = {.tasks = tasks_new()};

    for (int i = 0; i < 20; i++) /* more than work at once */
        start(&o, post_three);
    take_all(&o);
    CHECK_INT(o.items, 60);
    CHECK_INT(o.sum, 120);
    CHECK_INT(o.done, 20);
    CHECK(tasks_free(o.tasks, 5000));
    CHECK_INT(arguments, 0);
}

static void nothing_comes_to_an_owner_that_is_gone(void)
{
    struct owner o = {.tasks = tasks_new()};

    start(&o, wait_for_stop);
    CHECK(tasks_busy(o.tasks, &o));
    tasks_forget(o.tasks, &o);
    CHECK(!tasks_busy(o.tasks, &o));
    CHECK(tasks_free(o.tasks, 5000));
    CHECK_INT(o.items + o.done, 0);
    CHECK_INT(arguments, 0);
}

static void a_cancelled_task_still_says_what_it_has(void)
{
    struct owner o = {.tasks = tasks_new()};
    struct task_info info[4];

    start(&o, wait_for_stop);
    CHECK_INT(tasks_list(o.tasks, info, 4), 1);
    CHECK_STR(info[0].title, "test");
    CHECK(!info[0].cancelled);
    for (int i = 0; i < 1000 && o.items < 3; i++) {
        struct pollfd fd = {.fd = tasks_fd(o.tasks), .events = POLLIN};
        poll(&fd, 1, 100);
        tasks_take(o.tasks);
    }
    tasks_cancel(o.tasks, info[0].id);
    tasks_list(o.tasks, info, 4);
    CHECK(info[0].cancelled);
    take_all(&o);
    CHECK_INT(o.items, 6);
    CHECK_INT(o.done, 1);
    CHECK(tasks_free(o.tasks, 5000));
    CHECK_INT(arguments, 0);
}

static void tell_how_far(struct task *task, void *arg)
{
    task_progress(task, 0.25, "%d of %d archives", 1, 4);
    wait_for_stop(task, arg);
}

static void a_task_says_how_far_it_is(void)
{
    struct owner o = {.tasks = tasks_new()};
    struct task_info info[2];

    start(&o, tell_how_far);
    start(&o, wait_for_stop);
    for (int i = 0; i < 1000 && o.items < 6; i++) { /* both have begun */
        struct pollfd fd = {.fd = tasks_fd(o.tasks), .events = POLLIN};
        poll(&fd, 1, 100);
        tasks_take(o.tasks);
    }
    CHECK_INT(tasks_list(o.tasks, info, 2), 2);
    CHECK_STR(info[0].progress, "1 of 4 archives");
    CHECK(info[0].share > 0.24 && info[0].share < 0.26);
    CHECK(!info[0].matters);
    CHECK_STR(info[1].progress, "");
    CHECK(info[1].share < 0);
    CHECK(tasks_free(o.tasks, 5000));
    CHECK_INT(arguments, 0);
}

static const struct test_case cases[] = {
    {"a_task_says_how_far_it_is", a_task_says_how_far_it_is},
    {"what_a_task_finds_comes_to_its_owner", what_a_task_finds_comes_to_its_owner},
    {"nothing_comes_to_an_owner_that_is_gone", nothing_comes_to_an_owner_that_is_gone},
    {"a_cancelled_task_still_says_what_it_has", a_cancelled_task_still_says_what_it_has},
    {NULL, NULL},
};
const struct test_suite ui_task_suite = {"ui/task", cases};
