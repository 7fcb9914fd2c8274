/* SPDX-License-Identifier: PostgreSQL */
#include "wizard.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/text.h"
#include "config/yaml.h"

struct wizard {
    char *answers[WIZARD_QUESTIONS_MAX]; /* NULL: none */
    char *password;
    struct wizard_table **tables;
    size_t table_count;
};

/* --- the questions --- */

static bool is(const struct wizard *w, const char *id, const char *text)
{
    return strcmp(wizard_get(w, id), text) == 0;
}

static bool by_host(const struct wizard *w)
{
    return is(w, "connect", "host");
}

static bool by_service(const struct wizard *w)
{
    return is(w, "connect", "service");
}

static bool password_by_env(const struct wizard *w)
{
    return by_host(w) && is(w, "password-from", "env");
}

static bool password_by_file(const struct wizard *w)
{
    return by_host(w) && is(w, "password-from", "file");
}

static bool password_by_passfile(const struct wizard *w)
{
    return by_host(w) && is(w, "password-from", "passfile");
}

static bool in_directory(const struct wizard *w)
{
    return is(w, "store", "directory");
}

static bool on_s3(const struct wizard *w)
{
    return !in_directory(w);
}

static bool on_other_s3(const struct wizard *w)
{
    return is(w, "store", "s3");
}

static bool keys_by_profile(const struct wizard *w)
{
    return on_s3(w) && is(w, "credentials", "profile");
}

static const char *const connect_choices[] = {"host", "service", NULL};
static const char *const password_choices[] = {"libpq", "env", "file", "passfile", NULL};
static const char *const store_choices[] = {"aws", "s3", "directory", NULL};
static const char *const credential_choices[] = {"default", "profile", "env", NULL};

static const struct wizard_question questions[] = {
    {.id = "connect",
     .step = WIZARD_CONNECT,
     .prompt = "Connect by",
     .help = "a host and port, or a service of libpq's pg_service.conf",
     .choices = connect_choices,
     .fallback = "host"},
    {.id = "host",
     .step = WIZARD_CONNECT,
     .prompt = "Host",
     .section = IN_DATABASE,
     .option = "host",
     .fallback = "127.0.0.1",
     .applies = by_host},
    {.id = "port",
     .step = WIZARD_CONNECT,
     .prompt = "Port",
     .section = IN_DATABASE,
     .option = "port",
     .fallback = "5432",
     .applies = by_host},
    {.id = "service",
     .step = WIZARD_CONNECT,
     .prompt = "Service",
     .section = IN_DATABASE,
     .option = "service",
     .applies = by_service},
    {.id = "user",
     .step = WIZARD_CONNECT,
     .prompt = "User",
     .section = IN_DATABASE,
     .option = "user",
     .applies = by_host},
    {.id = "dbname",
     .step = WIZARD_CONNECT,
     .prompt = "Database",
     .section = IN_DATABASE,
     .option = "dbname",
     .fallback = "postgres"},
    {.id = "sslmode",
     .step = WIZARD_CONNECT,
     .prompt = "TLS",
     .section = IN_DATABASE,
     .option = "sslmode",
     .applies = by_host},
    {.id = "password-from",
     .step = WIZARD_CONNECT,
     .prompt = "Password from",
     .help =
         "libpq: its own rules (~/.pgpass, PGPASSWORD, trust, peer); env, file: a variable or file",
     .choices = password_choices,
     .fallback = "libpq",
     .applies = by_host},
    {.id = "password-env",
     .step = WIZARD_CONNECT,
     .prompt = "Variable",
     .section = IN_DATABASE,
     .option = "password_env",
     .fallback = "DB_PASSWORD",
     .applies = password_by_env},
    {.id = "password-file",
     .step = WIZARD_CONNECT,
     .prompt = "File",
     .section = IN_DATABASE,
     .option = "password_file",
     .applies = password_by_file},
    {.id = "passfile",
     .step = WIZARD_CONNECT,
     .prompt = "Passfile",
     .section = IN_DATABASE,
     .option = "passfile",
     .applies = password_by_passfile},
    {.id = "retention-days",
     .step = WIZARD_KEEP,
     .prompt = "Days to keep",
     .section = IN_SETTINGS,
     .option = "retention_days",
     .fallback = "90"},
    {.id = "batch-size",
     .step = WIZARD_KEEP,
     .prompt = "Rows a batch",
     .section = IN_SETTINGS,
     .option = "batch_size"},
    {.id = "vacuum",
     .step = WIZARD_KEEP,
     .prompt = "Vacuum",
     .section = IN_SETTINGS,
     .option = "vacuum_strategy"},
    {.id = "store",
     .step = WIZARD_STORE,
     .prompt = "Store",
     .help = "aws: S3 of AWS; s3: another store that speaks S3; directory: of this host",
     .choices = store_choices,
     .fallback = "aws"},
    {.id = "directory",
     .step = WIZARD_STORE,
     .prompt = "Directory",
     .help = "an absolute path; the bucket is a directory below it",
     .fallback = "/var/lib/archiver-tui/store",
     .applies = in_directory},
    {.id = "endpoint",
     .step = WIZARD_STORE,
     .prompt = "Endpoint",
     .section = IN_S3,
     .option = "endpoint",
     .applies = on_other_s3},
    {.id = "bucket",
     .step = WIZARD_STORE,
     .prompt = "Bucket",
     .section = IN_S3,
     .option = "bucket",
     .fallback = "audit-archives"},
    {.id = "prefix",
     .step = WIZARD_STORE,
     .prompt = "Prefix",
     .section = IN_S3,
     .option = "prefix"},
    {.id = "region",
     .step = WIZARD_STORE,
     .prompt = "Region",
     .section = IN_S3,
     .option = "region",
     .applies = on_s3},
    {.id = "credentials",
     .step = WIZARD_STORE,
     .prompt = "Keys from",
     .help =
         "default: environment, ~/.aws, web identity, container or instance, as AWS's tools; env: "
         "the variables ARCHIVER_S3_KEY and ARCHIVER_S3_SECRET",
     .choices = credential_choices,
     .fallback = "default",
     .applies = on_s3},
    {.id = "profile",
     .step = WIZARD_STORE,
     .prompt = "Profile",
     .section = IN_S3,
     .option = "profile",
     .applies = keys_by_profile},
    {.id = "storage-class",
     .step = WIZARD_STORE,
     .prompt = "Storage class",
     .section = IN_S3,
     .option = "storage_class",
     .applies = on_s3},
    {.id = "encryption",
     .step = WIZARD_STORE,
     .prompt = "Encryption",
     .section = IN_S3,
     .option = "encryption",
     .applies = on_s3},
    {.id = "output",
     .step = WIZARD_STORE,
     .prompt = "Configuration",
     .help = "the file that is written",
     .fallback = "archiver.yaml"},
};

enum { QUESTION_COUNT = sizeof(questions) / sizeof(questions[0]) };
_Static_assert(sizeof(questions) / sizeof(questions[0]) <= WIZARD_QUESTIONS_MAX,
               "more questions than answers");

const struct wizard_question *wizard_question(size_t i)
{
    return i < QUESTION_COUNT ? &questions[i] : NULL;
}

const struct wizard_question *wizard_find_question(const char *id)
{
    for (size_t i = 0; i < QUESTION_COUNT; i++) {
        if (strcmp(questions[i].id, id) == 0)
            return &questions[i];
    }
    return NULL;
}

static const struct option_row *row_of(const struct wizard_question *question)
{
    return question->option ? options_find(question->section, question->option) : NULL;
}

const char *wizard_help(const struct wizard_question *question)
{
    const struct option_row *row = row_of(question);

    return question->help ? question->help : row ? row->help : "";
}

const char *wizard_choice(const struct wizard_question *question, size_t i)
{
    const struct option_row *row = row_of(question);
    size_t n = 0;

    if (question->choices) {
        while (n < i && question->choices[n])
            n++;
        return question->choices[n];
    }
    for (size_t c = 0; row && row->choices && row->choices[c].text; c++) {
        if (!row->choices[c].later && n++ == i)
            return row->choices[c].text;
    }
    return NULL;
}

/* --- answers --- */

struct wizard *wizard_new(void)
{
    return mem_alloc(sizeof(struct wizard));
}

static void free_table(struct wizard_table *table)
{
    free(table->database);
    free(table->schema);
    free(table->table);
    free(table->timestamp_column);
    free(table);
}

void wizard_free(struct wizard *w)
{
    if (!w)
        return;
    for (size_t i = 0; i < QUESTION_COUNT; i++)
        free(w->answers[i]);
    for (size_t i = 0; i < w->table_count; i++)
        free_table(w->tables[i]);
    free(w->tables);
    wizard_password(w, NULL);
    free(w);
}

struct wizard *wizard_copy(const struct wizard *w)
{
    struct wizard *copy = wizard_new();

    for (size_t i = 0; i < QUESTION_COUNT; i++)
        copy->answers[i] = w->answers[i] ? mem_strdup(w->answers[i]) : NULL;
    for (size_t i = 0; i < w->table_count; i++) {
        const struct wizard_table *from = w->tables[i];
        struct wizard_table *t = wizard_add_table(copy, from->database, from->schema, from->table);
        wizard_table_column(t, from->timestamp_column);
        t->retention_days = from->retention_days;
        t->rows = from->rows;
        t->bytes = from->bytes;
        t->share = from->share;
        t->share_a_month = from->share_a_month;
    }
    wizard_password(copy, w->password);
    return copy;
}

void wizard_password(struct wizard *w, const char *password)
{
    if (w->password)
        explicit_bzero(w->password, strlen(w->password));
    free(w->password);
    w->password = password && *password ? mem_strdup(password) : NULL;
}

static bool check_own(const struct wizard_question *q, const char *text, struct err *err)
{
    bool path = strcmp(q->id, "directory") == 0;

    if (q->choices) {
        for (size_t i = 0; q->choices[i]; i++) {
            if (strcmp(q->choices[i], text) == 0)
                return true;
        }
        struct buf all = BUF_INIT;
        for (size_t i = 0; q->choices[i]; i++)
            buf_addf(&all, "%s%s", i > 0 ? ", " : "", q->choices[i]);
        err_set(err, ERR_USAGE, "%s: \"%s\" is not one of %s", q->id, text, buf_str(&all));
        buf_done(&all);
        return false;
    }
    if (path && *text != '/')
        return err_set(err, ERR_USAGE, "%s: \"%s\" is not an absolute path", q->id, text);
    return true;
}

static bool check_answer(const struct wizard_question *q, const char *text, struct err *err)
{
    const struct option_row *row = row_of(q);
    union {
        struct config_s3 s3;
        struct config_settings settings;
        struct config_database database;
    } * place;

    if (!row)
        return check_own(q, text, err);
    place = mem_alloc(sizeof(*place));
    struct arena *arena = arena_new();
    bool ok = options_set(row, text, false, place, arena, err);
    arena_free(arena);
    free(place);
    if (!ok)
        err->kind = ERR_USAGE;
    return ok;
}

bool wizard_set(struct wizard *w, const char *id, const char *text, struct err *err)
{
    const struct wizard_question *q = wizard_find_question(id);

    if (!q) {
        const char *ids[QUESTION_COUNT];
        for (size_t i = 0; i < QUESTION_COUNT; i++)
            ids[i] = questions[i].id;
        const char *nearest = text_nearest(id, ids, QUESTION_COUNT);
        err_set(err, ERR_USAGE, "the wizard has no question \"%s\"", id);
        return nearest ? err_hint(err, "did you mean \"%s\"?", nearest) : false;
    }
    if (*text && !check_answer(q, text, err))
        return false;
    free(w->answers[q - questions]);
    w->answers[q - questions] = *text ? mem_strdup(text) : NULL;
    return true;
}

const char *wizard_get(const struct wizard *w, const char *id)
{
    const struct wizard_question *q = wizard_find_question(id);
    const struct option_row *row = row_of(q);
    const char *answer = w->answers[q - questions];

    if (answer)
        return answer;
    if (q->fallback)
        return q->fallback;
    return row && row->fallback ? row->fallback : "";
}

bool wizard_is_answered(const struct wizard *w, const char *id)
{
    return w->answers[wizard_find_question(id) - questions] != NULL;
}

bool wizard_applies(const struct wizard *w, const struct wizard_question *question)
{
    return !question->applies || question->applies(w);
}

/* --- tables --- */

struct wizard_table *wizard_table_at(const struct wizard *w, size_t i)
{
    return i < w->table_count ? w->tables[i] : NULL;
}

struct wizard_table *wizard_find_table(const struct wizard *w, const char *database,
                                       const char *schema, const char *table)
{
    for (size_t i = 0; i < w->table_count; i++) {
        struct wizard_table *t = w->tables[i];
        if (strcmp(t->database, database) == 0 && strcmp(t->schema, schema) == 0 &&
            strcmp(t->table, table) == 0)
            return t;
    }
    return NULL;
}

struct wizard_table *wizard_add_table(struct wizard *w, const char *database, const char *schema,
                                      const char *table)
{
    struct wizard_table *t = wizard_find_table(w, database, schema, table);

    if (t)
        return t;
    t = mem_alloc(sizeof(*t));
    t->database = mem_strdup(database);
    t->schema = mem_strdup(schema);
    t->table = mem_strdup(table);
    t->timestamp_column = mem_strdup("");
    t->rows = -1;
    t->share = t->share_a_month = -1;
    w->tables = mem_grow(w->tables, (w->table_count + 1) * sizeof(struct wizard_table *));
    w->tables[w->table_count++] = t;
    return t;
}

void wizard_remove_table(struct wizard *w, const char *database, const char *schema,
                         const char *table)
{
    struct wizard_table *t = wizard_find_table(w, database, schema, table);
    size_t at = 0;

    if (!t)
        return;
    while (w->tables[at] != t)
        at++;
    memmove(&w->tables[at], &w->tables[at + 1],
            (w->table_count - at - 1) * sizeof(struct wizard_table *));
    w->table_count--;
    free_table(t);
}

void wizard_table_column(struct wizard_table *table, const char *column)
{
    free(table->timestamp_column);
    table->timestamp_column = mem_strdup(column);
}

static bool add_one_table(struct wizard *w, const char *database, const char *text,
                          const char **ret_rest, struct err *err)
{
    struct buf first = BUF_INIT, second = BUF_INIT;
    const char *at = text_take_name(text, ".:,", &first);
    bool dotted = at && *at == '.', ok = false;
    int64_t days = 0;

    if (dotted)
        at = text_take_name(at + 1, ":,", &second);
    if (!at || first.len == 0 || (dotted && second.len == 0))
        goto out;
    struct wizard_table *t = wizard_add_table(w, database, dotted ? buf_str(&first) : "public",
                                              buf_str(dotted ? &second : &first));
    if (*at == ':') {
        at = text_take_name(at + 1, ":,", &first);
        if (!at)
            goto out;
        wizard_table_column(t, buf_str(&first));
    }
    if (*at == ':') {
        at = text_take_name(at + 1, ",", &first);
        if (!at || !text_to_int(buf_str(&first), &days) || days < 1)
            goto out;
        t->retention_days = days;
    }
    ok = *at == ',' || !*at;
    *ret_rest = *at == ',' ? at + 1 : at;
out:
    buf_done(&first);
    buf_done(&second);
    if (!ok)
        err_set(err, ERR_USAGE, "tables: \"%s\" is not [SCHEMA.]NAME[:COLUMN[:DAYS]]", text);
    return ok || err_hint(err, "quote names with such signs in them: '\"my:table\":created_at:90'");
}

bool wizard_add_tables(struct wizard *w, const char *database, const char *list, struct err *err)
{
    while (*list) {
        list += strspn(list, " ");
        if (!add_one_table(w, database, list, &list, err))
            return false;
    }
    return true;
}

/* --- connections --- */

static const char *or_null(const char *text)
{
    return *text ? text : NULL;
}

void wizard_connection(const struct wizard *w, const char *dbname, struct config_database *ret)
{
    int64_t port = 0;

    *ret = (struct config_database){.connect_timeout = 10, .application_name = "archiver-tui"};
    ret->dbname = dbname ? dbname : wizard_get(w, "dbname");
    ret->name = ret->dbname;
    if (is(w, "connect", "service")) {
        ret->service = wizard_get(w, "service");
        return;
    }
    text_to_int(wizard_get(w, "port"), &port);
    ret->host = or_null(wizard_get(w, "host"));
    ret->port = port;
    ret->user = or_null(wizard_get(w, "user"));
    ret->sslmode = or_null(wizard_get(w, "sslmode"));
    if (w->password)
        ret->password = w->password;
    else if (is(w, "password-from", "env"))
        ret->password_env = wizard_get(w, "password-env");
    else if (is(w, "password-from", "file"))
        ret->password_file = or_null(wizard_get(w, "password-file"));
    else if (is(w, "password-from", "passfile"))
        ret->passfile = or_null(wizard_get(w, "passfile"));
}

static const struct discover_column *find_column(const struct discover_table *table,
                                                 const char *name)
{
    for (size_t i = 0; i < table->column_count; i++) {
        if (strcmp(table->columns[i].name, name) == 0)
            return &table->columns[i];
    }
    return NULL;
}

static bool no_such_table(const struct wizard_table *t, const struct discover_tables *found,
                          struct err *err)
{
    const char **names = mem_alloc((found->count + 1) * sizeof(*names));

    for (size_t i = 0; i < found->count; i++)
        names[i] = found->items[i].name;
    const char *nearest = text_nearest(t->table, names, found->count);
    free(names);
    err_set(err, ERR_PREFLIGHT, "%s has no table %s.%s with a column that tells when", t->database,
            t->schema, t->table);
    return nearest ? err_hint(err, "did you mean %s?", nearest) : false;
}

static bool complete_table(const struct wizard *w, struct wizard_table *t,
                           const struct discover_tables *found, struct err *err)
{
    int64_t days = t->retention_days;

    if (days == 0)
        text_to_int(wizard_get(w, "retention-days"), &days);
    for (size_t i = 0; i < found->count; i++) {
        const struct discover_table *f = &found->items[i];
        if (strcmp(f->schema, t->schema) != 0 || strcmp(f->name, t->table) != 0)
            continue;
        if (!*t->timestamp_column)
            wizard_table_column(t, f->columns[0].name);
        const struct discover_column *column = find_column(f, t->timestamp_column);
        t->rows = f->rows;
        t->bytes = f->bytes;
        if (column) {
            t->share = discover_share(column, text_now_us() - days * TEXT_US_PER_DAY);
            t->share_a_month = discover_share_a_month(column);
        }
        return true;
    }
    return *t->timestamp_column || no_such_table(t, found, err);
}

bool wizard_complete(struct wizard *w, struct err *err)
{
    const char *last = NULL;
    struct discover_tables found = {0};
    bool ok = true;

    for (size_t i = 0; ok && i < w->table_count; i++) {
        struct wizard_table *t = w->tables[i];
        if (!last || strcmp(last, t->database) != 0) {
            struct config_database database;
            discover_tables_done(&found);
            wizard_connection(w, t->database, &database);
            ok = discover_tables(&database, 90, &found, err);
            last = t->database;
        }
        ok = ok && complete_table(w, t, &found, err);
    }
    discover_tables_done(&found);
    return ok;
}

/* --- answer files --- */

static bool take_answer_table(struct wizard *w, const struct yaml_node *node, struct err *err)
{
    const struct yaml_node *database = yaml_get(node, "database"), *table = yaml_get(node, "table");
    const struct yaml_node *schema = yaml_get(node, "schema"),
                           *days = yaml_get(node, "retention_days");
    const struct yaml_node *column = yaml_get(node, "timestamp_column");

    if (node->kind != YAML_MAP || !table || table->kind != YAML_SCALAR) {
        err_set(err, ERR_USAGE,
                "a table is {table: NAME, schema: ..., timestamp_column: ..., ...}");
        return yaml_at(node, err);
    }
    struct wizard_table *t =
        wizard_add_table(w, database ? database->text : wizard_get(w, "dbname"),
                         schema ? schema->text : "public", table->text);
    if (column)
        wizard_table_column(t, column->text);
    if (days && (!text_to_int(days->text, &t->retention_days) || t->retention_days < 1)) {
        err_set(err, ERR_USAGE, "retention_days: \"%s\" is not a number of days", days->text);
        return yaml_at(days, err);
    }
    return true;
}

static bool take_answer(struct wizard *w, const struct yaml_node *key,
                        const struct yaml_node *value, struct err *err)
{
    if (strcmp(key->text, "tables") == 0 && value->kind == YAML_LIST) {
        for (size_t i = 0; i < value->count; i++) {
            if (!take_answer_table(w, value->items[i], err))
                return false;
        }
        return true;
    }
    if (strcmp(key->text, "tables") == 0 && value->kind == YAML_SCALAR)
        return wizard_add_tables(w, wizard_get(w, "dbname"), value->text, err) ||
               yaml_at(value, err);
    if (value->kind == YAML_SCALAR)
        return wizard_set(w, key->text, value->text, err) || yaml_at(value, err);
    err_set(err, ERR_USAGE, "%s: one answer is expected", key->text);
    return yaml_at(value, err);
}

bool wizard_read(struct wizard *w, const char *path, struct err *err)
{
    struct arena *arena = arena_new();
    const struct yaml_node *root = yaml_load(path, arena, err);
    bool ok = root && (root->kind == YAML_MAP || yaml_is_null(root));

    if (root && !ok)
        err_set(err, ERR_USAGE, "%s holds no answers: a key a question is expected", path);
    /* The others first: tables are of the database that is answered. */
    for (int tables = 0; ok && tables < 2; tables++) {
        for (size_t i = 0; ok && i < root->count; i++) {
            if ((strcmp(root->keys[i]->text, "tables") == 0) == (tables == 1))
                ok = take_answer(w, root->keys[i], root->items[i], err);
        }
    }
    arena_free(arena);
    return ok;
}

void wizard_write_answers(const struct wizard *w, struct buf *ret_yaml)
{
    for (size_t i = 0; i < QUESTION_COUNT; i++) {
        if (!w->answers[i])
            continue;
        buf_addf(ret_yaml, "%s: ", questions[i].id);
        yaml_quote(ret_yaml, w->answers[i]);
        buf_addc(ret_yaml, '\n');
    }
    buf_adds(ret_yaml, w->table_count > 0 ? "tables:\n" : "");
    for (size_t i = 0; i < w->table_count; i++) {
        const struct wizard_table *t = w->tables[i];
        buf_adds(ret_yaml, "  - database: ");
        yaml_quote(ret_yaml, t->database);
        buf_adds(ret_yaml, "\n    schema: ");
        yaml_quote(ret_yaml, t->schema);
        buf_adds(ret_yaml, "\n    table: ");
        yaml_quote(ret_yaml, t->table);
        buf_adds(ret_yaml, "\n    timestamp_column: ");
        yaml_quote(ret_yaml, t->timestamp_column);
        buf_addc(ret_yaml, '\n');
        if (t->retention_days > 0)
            buf_addf(ret_yaml, "    retention_days: %" PRId64 "\n", t->retention_days);
    }
}
