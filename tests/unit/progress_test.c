/* SPDX-License-Identifier: PostgreSQL */
#include "progress.h"

#include "cases.h"
#include "progress_json.h"

static void run_second(struct progress_snapshot *s, const void *arg)
{
    (void)arg;
    s->tables[1].state = TABLE_RUNNING;
    s->tables[1].rows_done = 500;
    s->tables[1].rows_in_flight = 20;
    s->tables[1].rows_total = 1000;
    s->tables[1].phases[PHASE_UPLOAD] = 1.5;
    PROGRESS_SET(s->tables[1].object, "pg/a\tb\x01/\xc3\xa9");
    s->tables[0].state = TABLE_DONE;
    s->tables[0].rows_done = 7;
}

static struct progress *begun(void)
{
    struct progress *p = progress_new();

    progress_begin(p, "archive", "20261125T000000Z-abcd");
    progress_add_table(p, "app", "public", "first");
    progress_add_table(p, "app", "public", "second \"quoted\"");
    return p;
}

static void test_totals(void)
{
    struct progress *p = begun();
    struct progress_snapshot s = {0};

    progress_read(p, &s);
    CHECK_STR(s.state, "running");
    CHECK_INT(s.rows_total, -1);
    progress_change(p, run_second, NULL);
    progress_read(p, &s);
    CHECK_INT((int64_t)s.table_count, 2);
    CHECK_INT(s.rows_done, 507);
    CHECK_INT(s.rows_total, 1007); /* of a table that is over, what it came to */
    CHECK_STR(s.tables[1].object, "pg/a?b?/\xc3\xa9");
    CHECK(progress_now(&s) == &s.tables[1]);
    progress_wait(p, 1, false, "paused", "an operator paused the run");
    progress_read(p, &s);
    CHECK_STR(s.state, "paused");
    CHECK(s.seconds_left < 0);
    progress_wait(p, 1, true, NULL, NULL);
    progress_end(p, "success", 0);
    progress_read(p, &s);
    CHECK_STR(s.state, "ended");
    CHECK_STR(s.status, "success");
    progress_snapshot_done(&s);
    progress_free(p);
}

/* A table waits when all of its lines do. */
static void test_lines_that_wait(void)
{
    struct progress *p = begun();
    struct progress_snapshot s = {0};

    progress_change(p, run_second, NULL);
    progress_lines(p, 1, 2);
    progress_wait(p, 1, false, "ceiling", "at most 5 rows/s");
    progress_read(p, &s);
    CHECK_STR(s.tables[1].wait, "");
    progress_wait(p, 1, false, "lag", "replica lag");
    progress_read(p, &s);
    CHECK_STR(s.tables[1].wait, "lag");
    progress_wait(p, 1, true, "paused", "an operator paused the run");
    progress_read(p, &s);
    CHECK_STR(s.tables[1].wait, "paused");
    CHECK_STR(s.state, "paused");
    progress_wait(p, 1, true, NULL, NULL);
    progress_read(p, &s);
    CHECK_STR(s.tables[1].wait, "");
    CHECK_STR(s.state, "running");
    progress_snapshot_done(&s);
    progress_free(p);
}

static void write_to(const struct progress_snapshot *s, struct buf *text)
{
    struct json_out j = json_out(text, 0);

    progress_json_write(s, &j);
}

static void test_there_and_back(void)
{
    struct progress *p = begun();
    struct progress_snapshot s = {0}, again = {0};
    struct buf text = BUF_INIT, second = BUF_INIT;
    struct err err;

    progress_change(p, run_second, NULL);
    progress_read(p, &s);
    write_to(&s, &text);
    struct json_object *o = json_parse(buf_str(&text), text.len, "snapshot", &err);
    CHECK(o != NULL);
    CHECK_OK(progress_json_read(o, &again, &err));
    write_to(&again, &second);
    CHECK_BYTES(second.data, second.len, text.data, text.len);
    CHECK_STR(again.tables[1].table, "public.second \"quoted\"");
    json_object_put(o);
    progress_snapshot_done(&s);
    progress_snapshot_done(&again);
    progress_free(p);
    buf_done(&text);
    buf_done(&second);
}

static void refuses(const char *text)
{
    struct progress_snapshot s = {0};
    struct err err;
    struct json_object *o = json_parse(text, strlen(text), "snapshot", &err);

    CHECK_FAILS(progress_json_read(o, &s, &err), ERR_DATA, "no snapshot");
    json_object_put(o);
    progress_snapshot_done(&s);
}

static void test_what_is_no_snapshot(void)
{
    refuses("{}");
    refuses("[]");
    refuses("{\"run_id\": \"x\", \"tables\": 5}");
    refuses("{\"run_id\": 5, \"tables\": []}");
}

static void test_what_is_missing_or_wrong_is_unknown(void)
{
    static const char text[] = "{\"run_id\": \"x\", \"tables\": [5, {\"rows_done\": \"many\", "
                               "\"state\": \"lost\"}], \"server\": [], \"current\": 9}";
    struct progress_snapshot s = {0};
    struct err err;
    struct json_object *o = json_parse(text, sizeof(text) - 1, "snapshot", &err);

    CHECK_OK(progress_json_read(o, &s, &err));
    CHECK_INT((int64_t)s.table_count, 2);
    CHECK_INT(s.tables[1].rows_done, -1);
    CHECK(progress_now(&s) == NULL);
    json_object_put(o);
    progress_snapshot_done(&s);
}

static const struct test_case cases[] = {
    {"totals over the tables, and states", test_totals},
    {"a table waits when all of its lines do", test_lines_that_wait},
    {"a snapshot is read as it was written", test_there_and_back},
    {"what is no snapshot is refused", test_what_is_no_snapshot},
    {"what is missing or wrong is unknown", test_what_is_missing_or_wrong_is_unknown},
    {NULL, NULL},
};

const struct test_suite progress_suite = {"progress", cases};
