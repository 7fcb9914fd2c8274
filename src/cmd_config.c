/* SPDX-License-Identifier: PostgreSQL */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "command.h"
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

/* A wrong word is a wrong command line, whatever the file is like. */
static bool check(const struct call *call, struct err *err)
{
    static const char *const verbs[] = {"validate", "show"};
    const char *verb = call->args[0];

    if (strcmp(verb, "validate") == 0 || strcmp(verb, "show") == 0)
        return true;
    err_set(err, ERR_USAGE, "config: there is no \"%s\"", verb);
    if (strcmp(verb, "upgrade") == 0)
        return err_why(err, "not in this version");
    const char *nearest = text_nearest(verb, verbs, 2);
    return err_hint(err, "archiver-tui config %s", nearest ? nearest : "validate|show");
}

static int run(const struct call *call, struct err *err)
{
    (void)err;
    return strcmp(call->args[0], "show") == 0 ? show(call) : validate(call);
}

const struct command cmd_config = {
    .name = "config",
    .summary = "check the configuration, or show what it comes to",
    .usage = "validate|show [FLAGS]",
    .details = "validate reads and checks the file; show prints effective values with secrets\n"
               "masked, as a file that can be used again.\n\n"
               "Examples:\n"
               "  archiver-tui config validate -c archiver.yaml\n"
               "  archiver-tui config show --json\n",
    .args_min = 1,
    .args_max = 1,
    .needs_config = true,
    .check = check,
    .run = run,
};
