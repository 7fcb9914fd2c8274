/* SPDX-License-Identifier: PostgreSQL */
#include "base/fault.h"

#ifdef WITH_FAILPOINTS

#include <assert.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* In the order a batch passes them. `special` is the action only the place itself understands. */
static const struct {
    const char *name, *special, *meaning;
} points[] = {
    {"turn.begin", "", "before a table's turn, with the session of the turn before"},
    {"recover.begin", "", "before a table's unsettled batches are looked at"},
    {"recover.settle", "", "recover is about to settle a batch"},
    {"recover.remove", "", "recover is about to remove a batch's objects"},
    {"recover.removed_data", "", "recover removed the data object, not yet the rest"},
    {"archive.begin", "", "before BEGIN"},
    {"archive.txid", "", "in the transaction, before the COPY"},
    {"export.row", "", "while rows come in"},
    {"export.cut", "cut", "cut: the connection is lost while rows come in"},
    {"archive.encoded", "", "all rows are encoded, the object is not complete"},
    {"seal.member", "", "before a member is compressed"},
    {"put.data", "", "before the data object is begun"},
    {"dir.write", "", "before bytes are written to a file"},
    {"dir.corrupt", "flip", "flip: the directory holds another byte than it was sent"},
    {"dir.fsync", "", "before a file is fsynced"},
    {"dir.rename", "", "before a file gets its name"},
    {"dir.dirsync", "", "before a directory is fsynced"},
    {"s3.request", "", "before a request to S3"},
    {"s3.corrupt", "flip", "flip: a byte changes on the way to S3, after its MD5 was taken"},
    {"s3.lie", "flip", "flip: S3 keeps another byte than it was sent, and says all is well"},
    {"put.data.done", "", "the data object is durable"},
    {"put.envelope", "", "before the envelope of an encrypted batch's data key"},
    {"put.envelope.done", "", "the envelope is durable"},
    {"put.metadata", "", "before metadata.json"},
    {"put.metadata.done", "", "metadata.json is durable"},
    {"put.manifest", "", "before manifest.json is complete"},
    {"put.manifest.done", "", "manifest.json is durable"},
    {"leaf.streamed", "", "all objects of a whole partition are proved, it is not locked yet"},
    {"leaf.compared", "", "nobody changed the partition, and nobody can any more"},
    {"leaf.dropped", "", "the partition is dropped, COMMIT not sent"},
    {"archive.before_commit", "", "everything is proved, COMMIT not sent"},
    {"archive.commit_sent", "", "COMMIT is sent, its answer not read"},
    {"archive.commit_lost", "lost|unsent",
     "lost: the answer never comes; unsent: nor did COMMIT arrive"},
    {"archive.committed", "", "COMMIT was answered, no catalog line yet"},
    {"catalog.append", "", "before the catalog line is written"},
    {"catalog.appended", "", "the catalog line is durable"},
    {"spool.begin", "", "the store is away, before a batch is kept in the spool"},
    {"spool.rolled_back", "", "the batch in the spool is rolled back, its mark is not written"},
    {"spool.mark", "", "before the mark that makes an entry of the spool complete"},
    {"spool.marked", "", "the entry is complete"},
    {"spool.replay", "", "before an entry's rows are deleted again"},
    {"spool.replayed", "", "an entry's rows are archived, the entry is still there"},
    {"spool.unmarked", "", "an entry's mark is removed, its objects are not"},
    {"restore.begin", "", "restore, before BEGIN"},
    {"restore.indexes_dropped", "", "restore set indexes aside"},
    {"restore.fetch", "", "restore, before members are fetched"},
    {"restore.rows", "", "restore, while rows go in"},
    {"restore.merged", "", "staged rows are in the table"},
    {"restore.recorded", "", "restore wrote down what it brought back, not committed"},
    {"restore.before_commit", "", "restore, before COMMIT"},
    {"restore.committed", "", "restore, after COMMIT"},
    {"restore.catalog", "", "before the catalog is told of a restore"},
    {"rewrap.put", "", "a data key is about to be wrapped by another key"},
    {"rewrap.put.done", "", "the new envelope is durable, not yet read back"},
    {"rewrap.remove", "", "the new envelope is proved, an older one is about to go"},
    {"rewrap.done", "", "a batch is rewrapped, the next is not"},
    {"clock.now", "jump", "jump: this host's clock is 400 days ahead"},
};

#define POINT_COUNT (sizeof(points) / sizeof(points[0]))

static atomic_uint passings[POINT_COUNT];

static size_t point_of(const char *name)
{
    for (size_t i = 0; i < POINT_COUNT; i++) {
        if (strcmp(points[i].name, name) == 0)
            return i;
    }
    assert(!"a fault point that is not in the table");
    return 0;
}

/* The action armed for `name` at its nth passing, or NULL. `buffer` holds it. */
static const char *armed(const char *name, unsigned passing, char *buffer, size_t size)
{
    const char *at = getenv("ARCHIVER_FAULT");
    size_t name_len = strlen(name);

    for (; at && *at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
        if (strncmp(at, name, name_len) != 0 || at[name_len] != '=')
            continue;
        const char *action = at + name_len + 1;
        size_t len = strcspn(action, "@,");
        unsigned nth = action[len] == '@' ? (unsigned)strtoul(action + len + 1, NULL, 10) : 0;
        if (nth != 0 && nth != passing)
            continue;
        snprintf(buffer, size, "%.*s", (int)len, action);
        return buffer;
    }
    return NULL;
}

static bool is_common(const char *action)
{
    return strcmp(action, "kill") == 0 || strcmp(action, "fail") == 0 ||
           strcmp(action, "net") == 0 || strcmp(action, "enospc") == 0 ||
           strncmp(action, "delay:", 6) == 0;
}

bool fault_point(const char *name, struct err *err)
{
    char buffer[64];
    size_t i = point_of(name);
    const char *action = armed(name, atomic_fetch_add(&passings[i], 1) + 1, buffer, sizeof(buffer));

    if (!action || !is_common(action))
        return true;
    if (strcmp(action, "kill") == 0)
        kill(getpid(), SIGKILL);
    if (strncmp(action, "delay:", 6) == 0) {
        poll(NULL, 0, (int)strtol(action + 6, NULL, 10));
        return true;
    }
    enum err_kind kind = strcmp(action, "net") == 0      ? ERR_NETWORK
                         : strcmp(action, "enospc") == 0 ? ERR_RESOURCE
                                                         : ERR_STORE;
    err_set(err, kind, "fault injected at %s", name);
    err->retry = kind == ERR_NETWORK;
    return false;
}

bool fault_is(const char *name, const char *wanted)
{
    char buffer[64];
    size_t i = point_of(name);
    /* Clock and special points share no counter with fault_point: a place asks once a passing. */
    const char *action = armed(name, atomic_fetch_add(&passings[i], 1) + 1, buffer, sizeof(buffer));

    return action && strcmp(action, wanted) == 0;
}

void fault_list(FILE *out)
{
    for (size_t i = 0; i < POINT_COUNT; i++)
        fprintf(out, "%s\t%s\t%s\n", points[i].name, points[i].special, points[i].meaning);
}

#else
/* An empty translation unit is not C. */
extern int fault_none;
#endif
