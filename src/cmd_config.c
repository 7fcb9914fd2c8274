/* SPDX-License-Identifier: PostgreSQL */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "command.h"
#include "config/upgrade.h"
#include "output.h"

static size_t count_tables(const struct config *config)
{
    size_t count = 0;

    for (size_t i = 0; i < config->database_count; i++)
        count += config->databases[i].table_count;
    return count;
}

static void validate_json(const struct config *config)
{
    struct buf json = BUF_INIT;
    struct json_out j = json_out(&json, 2);

    json_begin_object(&j);
    json_put_bool(&j, "ok", true);
    json_put_str(&j, "file", config->path);
    json_put_int(&j, "databases", (int64_t)config->database_count);
    json_put_int(&j, "tables", (int64_t)count_tables(config));
    json_key(&j, "warnings");
    json_begin_array(&j);
    for (size_t i = 0; i < config->warning_count; i++)
        json_add_str(&j, config->warnings[i]);
    json_end(&j);
    json_end(&j);
    output_json(&json);
}

/* It was loaded, so it is valid; warnings went to the log. */
static int validate(const struct call *call)
{
    const struct config *config = call->config;

    if (call->options.json)
        validate_json(config);
    else
        printf("%s: ok: %zu databases, %zu tables, %zu warnings\n", config->path,
               config->database_count, count_tables(config), config->warning_count);
    return 0;
}

static int show(const struct call *call)
{
    struct buf text = BUF_INIT;

    config_show(call->config, call->options.json, &text);
    fputs(buf_str(&text), stdout);
    if (text.len > 0 && text.data[text.len - 1] != '\n')
        putchar('\n');
    buf_done(&text);
    return 0;
}

static bool write_upgraded(const struct call *call, const struct buf *text, struct err *err)
{
    const char *path = call->config->path;
    char *kept = mem_printf("%s.orig", path);
    bool ok = link(path, kept) == 0 || err_sys(err, ERR_RESOURCE, errno, "cannot keep %s", kept);

    ok = ok && file_write(&(struct file_params){.path = path, .keep_mode = true}, text->data,
                          text->len, err);
    if (ok && !call->options.quiet)
        fprintf(stderr, "%s is of version 3; what it was is in %s\n", path, kept);
    free(kept);
    return ok;
}

/* To stdout; with --yes over the file, which is kept beside. */
static int upgrade(const struct call *call, struct err *err)
{
    struct buf text = BUF_INIT;
    size_t changes;
    bool ok = upgrade_config(call->config->path, &text, &changes, err);

    if (ok && call->options.yes)
        ok = write_upgraded(call, &text, err);
    else if (ok)
        fputs(buf_str(&text), stdout);
    buf_done(&text);
    return ok ? 0 : err_exit_code(err->kind);
}

/* A wrong word is a wrong command line, whatever the file is like. */
static bool check(const struct call *call, struct err *err)
{
    static const char *const verbs[] = {"validate", "show", "upgrade"};
    const char *verb = call->args[0];

    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        if (strcmp(verb, verbs[i]) == 0)
            return true;
    }
    err_set(err, ERR_USAGE, "config: there is no \"%s\"", verb);
    const char *nearest = text_nearest(verb, verbs, sizeof(verbs) / sizeof(verbs[0]));
    return err_hint(err, "archiver-tui config %s", nearest ? nearest : "validate|show|upgrade");
}

static int run(const struct call *call, struct err *err)
{
    if (strcmp(call->args[0], "upgrade") == 0)
        return upgrade(call, err);
    return strcmp(call->args[0], "show") == 0 ? show(call) : validate(call);
}

const struct command cmd_config = {
    .name = "config",
    .summary = "check the configuration, show what it comes to, upgrade",
    .usage = "validate|show|upgrade [FLAGS]",
    .details = "validate reads and checks the file; show prints effective values with secrets\n"
               "masked, as a file that can be used again; upgrade prints a file of version 1.0\n"
               "or 2.0 as one of version 3 with a comment on each change (--yes: writes it, and\n"
               "keeps the old one as FILE.orig).\n\n"
               "Examples:\n"
               "  archiver-tui config validate -c archiver.yaml\n"
               "  archiver-tui config show --json\n",
    .args_min = 1,
    .args_max = 1,
    .needs_config = true,
    .check = check,
    .run = run,
};
