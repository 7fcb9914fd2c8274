/* SPDX-License-Identifier: PostgreSQL */
#include <inttypes.h>
#include <stdlib.h>

#include "base/text.h"
#include "command.h"
#include "output.h"
#include "reader.h"

static void line(const char *name, const char *value)
{
    if (value && *value)
        printf("%-14s %s\n", name, value);
}

static void line_of(const char *name, struct json_object *parent, const char *key)
{
    if (parent)
        line(name, json_opt_str(parent, key, NULL));
}

static void line_range(const char *name, struct json_object *range)
{
    struct json_object *min = range ? json_opt(range, "min") : NULL;
    struct json_object *max = range ? json_opt(range, "max") : NULL;

    if (min && max)
        printf("%-14s %s .. %s\n", name, json_object_get_string(min), json_object_get_string(max));
}

static void print_sizes(struct json_object *data)
{
    uint64_t lines = (uint64_t)json_opt_int(data, "uncompressed_size_bytes", 0);
    uint64_t object = (uint64_t)json_opt_int(data, "compressed_size_bytes", 0);
    struct buf text = BUF_INIT;

    text_add_count(&text, (uint64_t)json_opt_int(data, "record_count", 0));
    buf_adds(&text, " rows, ");
    text_add_bytes(&text, lines);
    buf_adds(&text, " of lines in ");
    text_add_bytes(&text, object);
    if (object > 0)
        buf_addf(&text, " (%.1f : 1)", (double)lines / (double)object);
    line("content", buf_str(&text));
    buf_done(&text);
}

static bool is_key(struct json_object *schema, const char *column)
{
    struct json_object *key = json_opt(schema, "primary_key");
    struct json_object *columns = key ? json_opt(key, "columns") : NULL;

    for (size_t i = 0; columns && i < json_object_array_length(columns); i++) {
        if (strcmp(json_object_get_string(json_object_array_get_idx(columns, i)), column) == 0)
            return true;
    }
    return false;
}

static void print_columns(struct json_object *schema)
{
    struct json_object *columns = json_opt(schema, "columns");

    for (size_t i = 0; columns && i < json_object_array_length(columns); i++) {
        struct json_object *c = json_object_array_get_idx(columns, i);
        const char *name = json_opt_str(c, "name", "");
        printf("%-14s %s  %s%s%s\n", i == 0 ? "columns" : "", name,
               json_opt_str(c, "data_type", ""),
               json_opt_bool(c, "is_nullable", true) ? "" : " NOT NULL",
               is_key(schema, name) ? " (key)" : "");
    }
}

static void print_batch(struct json_object *root)
{
    struct json_object *batch = json_opt(root, "batch_info");
    struct json_object *source = json_opt(root, "source");

    if (batch) {
        printf("%-14s %s.%s.%s\n", "table", json_opt_str(batch, "database", "?"),
               json_opt_str(batch, "schema", "public"), json_opt_str(batch, "table", "?"));
        line_of("archived at", batch, "archived_at");
        line_of("run", batch, "run_id");
        line_of("batch", batch, "batch_id");
        line_of("archiver", batch, "archiver_version");
    }
    line_of("cutoff", root, "cutoff");
    if (source) {
        line_of("PostgreSQL", source, "postgres_version");
        line_of("cluster", source, "system_identifier");
    }
}

static void print_metadata(struct json_object *root, const char *key)
{
    struct json_object *data = json_opt(root, "data_info");
    struct json_object *sums = json_opt(root, "checksums");
    struct json_object *members = json_opt(root, "members");
    struct json_object *schema = json_opt(root, "table_schema");

    line("archive", key);
    print_batch(root);
    if (data)
        print_sizes(data);
    if (members)
        printf("%-14s %zu\n", "members", json_object_array_length(members));
    line_range("timestamps", json_opt(root, "timestamp_range"));
    line_range("keys", json_opt(root, "key_range"));
    if (sums) {
        line_of("lines SHA-256", sums, "jsonl_sha256");
        line_of("object SHA-256", sums, "compressed_sha256");
    }
    if (schema)
        print_columns(schema);
}

static int run(const struct call *call, struct err *err)
{
    struct reader_params params = {.config = call->config,
                                   .key = call->args[0],
                                   .stop = call->stop};
    struct reader *reader = reader_open(&params, err);
    struct json_object *root = NULL;
    size_t len;

    if (!reader)
        return err_exit_code(err->kind);
    const char *metadata = reader_metadata(reader, &len);
    if (call->options.json) {
        fwrite(metadata, 1, len, stdout);
        if (len > 0 && metadata[len - 1] != '\n')
            putchar('\n');
    } else {
        root = json_parse(metadata, len, "metadata.json", err);
        if (root)
            print_metadata(root, reader_key(reader));
    }
    json_object_put(root);
    reader_close(reader);
    return err_exit_code(err->kind);
}

const struct command cmd_show = {
    .name = "show",
    .summary = "what one archive holds: its metadata",
    .usage = "KEY [FLAGS]",
    .details = "KEY is as `list` prints it; the data object, metadata or manifest will do. With\n"
               "--json: the metadata document as it is stored.\n\n"
               "Examples:\n"
               "  archiver-tui show pg/appdb/logs/year=2026/.../logs_..._batch_001.jsonl.gz\n"
               "  archiver-tui show KEY --json | jq .checksums\n",
    .args_min = 1,
    .args_max = 1,
    .needs_config = true,
    .run = run,
};
